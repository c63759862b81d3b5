"""Small charts of the worst series of each open incident.

Fifty take a tenth of a second, so one page draws only as many as fit into its time. The others
keep their earlier chart until a later page draws them; one that has none has it then.
"""

import time
from collections.abc import Mapping, Sequence

from plugin.domain.alarms import Alarm
from plugin.domain.times import HOUR, MINUTE, duration
from plugin.web.context import WebContext
from plugin.web.incident_details import IncidentDetails
from plugin.web.pages.band_chart import Chart, sparkline

LENGTH_SECONDS = 6 * HOUR
POINTS = 30
WORDS = f"The last {duration(LENGTH_SECONDS)} of the worst series in its band"
RENEWAL_SECONDS = 2 * MINUTE  # a point stands for more than that
WAIT_SECONDS = 0.03  # of computing, that one page spends on charts


class Sparklines:
    """Draws the charts of one service, and keeps them."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        # by the id of the incident: unix seconds at which it was drawn, chart
        self._charts: dict[str, tuple[int, Chart | None]] = {}

    def of(
        self, incidents: Sequence[IncidentDetails], alarms: Mapping[str, Sequence[Alarm]], now: int
    ) -> Mapping[str, Chart | None]:
        """By the id of the incident; those that have waited longest are drawn first.

        alarms: by the id of the incident. now: unix seconds.
        """
        earlier = self._charts
        charts = {
            details.incident.id: earlier.get(details.incident.id, (0, None))
            for details in incidents
        }
        deadline = time.thread_time() + WAIT_SECONDS
        for details in sorted(incidents, key=lambda details: charts[details.incident.id][0]):
            name = details.incident.id
            if now - charts[name][0] < RENEWAL_SECONDS or time.thread_time() > deadline:
                break
            charts[name] = now, self._drawn(details, alarms.get(name, ()), now)
        self._charts = charts
        return {name: picture for name, (_, picture) in charts.items()}

    def _drawn(self, details: IncidentDetails, alarms: Sequence[Alarm], now: int) -> Chart | None:
        """The last hours of the worst series in its band; None without a sample."""
        worst = details.worst
        if worst is None:
            return None
        start = now - LENGTH_SECONDS
        samples = self._context.store.samples.of(worst.id, start, now)
        own_alarms = [alarm for alarm in alarms if alarm.series_id == worst.id]
        return sparkline(samples, (start, now), details.unit, own_alarms, WORDS, POINTS)
