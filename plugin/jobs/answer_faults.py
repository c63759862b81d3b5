"""What an answer of Prometheus lacks: counted, and told in one line of the log."""

import logging
from collections import Counter

from plugin.metrics import Metrics
from plugin.prometheus import QueryResult
from plugin.series import watch_of

log = logging.getLogger(__name__)


def tell_faults(answer: QueryResult, watch: str, step: int, metrics: Metrics) -> None:
    """Counts the warnings of an answer and the steps at which the query could not be evaluated.

    watch: under which the samples are kept; those of a covariate count for its watch.
    """
    if answer.warnings:
        metrics.prometheus_warnings.inc(len(answer.warnings))
        log.warning(
            "answer may be partial" if answer.partial else "answer with warnings",
            extra={"watch": watch, "warnings": "; ".join(answer.warnings)},
        )
    if answer.unreadable:
        metrics.refused_series.labels(watch_of(watch), "labels").inc(answer.unreadable)
    if not answer.gaps:
        return
    steps = Counter[str]()
    for gap in answer.gaps:
        steps[gap.error.reason] += (gap.end - gap.start) // step + 1
    for reason, count in steps.items():
        metrics.unevaluated_steps.labels(watch_of(watch), reason).inc(count)
    log.warning(
        "the query cannot be evaluated at some steps: they stay without samples",
        extra={
            "watch": watch,
            "steps": steps.total(),
            "from": answer.gaps[0].start,
            "to": answer.gaps[-1].end,
            "reason": ",".join(sorted(steps)),
            "err": str(answer.gaps[-1].error),
        },
    )
