"""When a run of the score job looks unusual, Prometheus is asked what time it is."""

import logging
from collections.abc import Callable

from plugin.clock import SteadyClock
from plugin.config import Watch
from plugin.errors import PrometheusError, PrometheusUnavailable
from plugin.prometheus import PrometheusReader

log = logging.getLogger(__name__)

USUAL_INTERVALS = 3  # between what is scored and now


def check_clock(
    clock: Callable[[], float], reader: PrometheusReader, watch: Watch, scored_until: int | None
) -> None:
    """Compares the clock with that of Prometheus after a jump, at a start, and when the time is not
    close after `scored_until`. A clock that a test sets is right.

    Raises PrometheusUnavailable.
    """
    if not isinstance(clock, SteadyClock):
        return
    behind = clock() - watch.offset - (scored_until or 0)
    usual_seconds = USUAL_INTERVALS * max(watch.step, watch.score_interval)
    if 0 <= behind <= usual_seconds and not clock.doubtful:
        return
    try:
        clock.compare(reader.server_time())
    except PrometheusUnavailable:
        raise
    except PrometheusError as error:
        log.info("Prometheus does not say its time", extra={"watch": watch.name, "err": str(error)})
        clock.trust_machine()
