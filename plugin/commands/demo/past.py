"""The incident in the loaded past: the last daily peak did not come.

Hours do not fit into a demo of two minutes, so this incident is put into the history. The service
scores those days when it starts, sample by sample, as it would have done then. This file reads what
it has stored of them, and tells of it.
"""

import time
import urllib.error
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from plugin.commands.demo.narrator import clock, rows_of
from plugin.commands.demo.phrases import number
from plugin.commands.demo.scripted_incidents import ScriptedIncident
from plugin.commands.demo.settings import SALES_BACKFILL, SALES_STEP
from plugin.commands.demo.shop import SALES
from plugin.domain.times import DAY, HOUR
from plugin.series import BoolArray, FloatArray, IntArray

TITLE = "open baskets"
PEAK_SECONDS = 20 * HOUR  # of the day, as in randomness.LOAD_BY_HOUR
LENGTH_SECONDS = 3 * HOUR
MISSING_SHARE = 0.6  # of what should be there
MIN_AGE_SECONDS = HOUR  # since its end, so that one sees what comes after
MIN_FLAGGED_SHARE = 0.7  # of the incident: it fades in, so its start is not to be seen
COLUMNS = ("value", "expected", "lower", "upper", "score")
# Of the one-step detector:
SPAN_SECONDS = HOUR
SIGMAS = 3.0
MIN_SAMPLES = 10  # before it scores


def missing_peak(now: int) -> ScriptedIncident:
    """The last daily peak before `now` that is over."""
    half = LENGTH_SECONDS // 2
    middle = (now - MIN_AGE_SECONDS - half - PEAK_SECONDS) // DAY * DAY + PEAK_SECONDS
    return ScriptedIncident(TITLE, "missing peak", MISSING_SHARE, middle - half, middle + half)


class FlaggedShares(NamedTuple):
    """Shares of the samples whose score is above 1, 0 to 1."""

    during: float  # the incident
    outside: float


@dataclass(frozen=True)
class ScoredPast:
    """What the service has stored of the days around the incident, [T]; NaN = null."""

    incident: ScriptedIncident
    times: IntArray
    columns: Mapping[str, FloatArray]  # those of COLUMNS

    @property
    def during(self) -> BoolArray:
        """[T] whether the incident is on."""
        return (self.times >= self.incident.start) & (self.times < self.incident.end)

    @cached_property
    def one_step(self) -> FloatArray:
        """[T] the score of a one-step detector, 1 at its own limit; NaN = not scored."""
        return one_step_score(self.columns["value"])

    @property
    def by_service(self) -> FlaggedShares:
        return self._flagged(self.columns["score"])

    @property
    def by_one_step(self) -> FlaggedShares:
        return self._flagged(self.one_step)

    def _flagged(self, score: FloatArray) -> FlaggedShares:
        during = self.during
        above = score > 1
        return FlaggedShares(float(above[during].mean()), float(above[~during].mean()))

    @property
    def delay(self) -> float:
        """Seconds from its start to the first sample that is flagged; NaN = none is."""
        flagged_times = self.times[self.during & (self.columns["score"] > 1)]
        if not len(flagged_times):
            return float("nan")
        return float(flagged_times[0] - self.incident.start)


def one_step_score(values: FloatArray) -> FloatArray:
    """[T] |value - mean| over three deviations; both are exponentially weighted over an hour.

    Source: Roberts (1959), Control Chart Tests Based on Geometric Moving Averages; the variance as
    in West (1979).
    """
    weight = 2 / (SPAN_SECONDS / SALES_STEP + 1)
    score = np.full(len(values), np.nan)
    mean = 0.0
    variance = 0.0
    for count, row in enumerate(np.flatnonzero(np.isfinite(values))):
        distance = values[row] - mean
        if count >= MIN_SAMPLES and variance > 0:
            score[row] = abs(distance) / (SIGMAS * np.sqrt(variance))
        step = max(weight, 1 / (count + 1))  # the plain mean, while there are few
        mean = mean + step * distance
        variance = (1 - step) * (variance + step * distance**2)
    return score


@dataclass
class PastIncidentReport:
    """Asks the service until it has scored the incident of the past, and tells of it once."""

    incident: ScriptedIncident
    now: int  # unix seconds at which the history ends
    scored: ScoredPast | None = None

    def see(self, url: str) -> list[str]:
        """The line that tells of it, once it has been scored."""
        if self.scored is not None:
            return []
        scored = read_past(url, self.incident, self.now)
        if scored is None or not len(scored.times) or scored.times[-1] < self.now - SALES_STEP:
            return []
        self.scored = scored
        return [f"{clock(time.time())}  {describe(scored)}"]

    @property
    def seen(self) -> bool:
        """Whether enough of it was flagged."""
        return self.scored is not None and self.scored.by_service.during >= MIN_FLAGGED_SHARE

    def summed_up(self) -> str:
        """How it went, for the summary."""
        name = f"{self.incident.title}, {self.incident.kind}"
        if self.scored is None:
            return f"{name}: not scored yet"
        return (
            f"{name}: flagged {self.scored.by_service.during:.0%} of it,"
            f" a one-step detector {self.scored.by_one_step.during:.0%}"
        )


def read_past(url: str, incident: ScriptedIncident, now: int) -> ScoredPast | None:
    """Reads the bands of the sales up to `now`; None when the service does not answer."""
    start = now - SALES_BACKFILL
    points = SALES_BACKFILL // SALES_STEP + 1
    address = (
        f"{url}/api/v1/bands?watch={SALES}&labels=none&from={start * 1000}&to={now * 1000}"
        f"&max_points={points}"
    )
    try:
        rows = rows_of(address)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
    columns = {name: np.array([number(row, name) for row in rows]) for name in COLUMNS}
    times = np.array([number(row, "time") // 1000 for row in rows], np.int64)
    return ScoredPast(incident, times, columns)


def describe(scored: ScoredPast) -> str:
    """`yesterday 18:30 to 21:30 the daily peak of open baskets was missing: flagged 87% of that
    time, ...`"""
    service = scored.by_service
    one_step = scored.by_one_step
    delay = f", first after {scored.delay / 60:.0f} min" if service.during else ""
    return (
        f"{day_and_time(scored.incident, time.time())} the daily peak of {scored.incident.title}"
        f" was missing: flagged {service.during:.0%} of that time{delay}, and"
        f" {percent(service.outside)} of the rest of two days; a one-step detector (EWMA, 3 sigma)"
        f" flags {one_step.during:.0%} and {percent(one_step.outside)}"
    )


def percent(share: float) -> str:
    return f"{share:.1%}" if share else "0%"


def day_and_time(incident: ScriptedIncident, now: float) -> str:
    """Local day and time: `yesterday 18:30 to 21:30`."""
    days = (date.fromtimestamp(now) - date.fromtimestamp(incident.start)).days
    day = {0: "today", 1: "yesterday"}.get(days) or time.strftime(
        "%A", time.localtime(incident.start)
    )
    start, end = (
        time.strftime("%H:%M", time.localtime(seconds))
        for seconds in (incident.start, incident.end)
    )
    return f"{day} {start} to {end}"


def draw_past(report: PastIncidentReport, file: Path) -> str:
    """Draws the days around the incident, with both scores. Returns a line that tells so."""
    from plugin.commands.plot import draw_compared  # takes a second

    scored = report.scored
    if scored is None:
        return f"no picture in {file}: the incident of the past has not been scored"
    draw_compared(
        file,
        f"{scored.incident.title}: a daily peak is missing",
        {"time": scored.times, **scored.columns, "label": scored.during},
        {
            f"score of Bandwatch: above 1 in {scored.by_service.during:.0%} of the incident": (
                scored.columns["score"]
            ),
            f"score of a one-step detector (EWMA, 3 sigma): in {scored.by_one_step.during:.0%}": (
                scored.one_step
            ),
        },
    )
    return f"the incident of the past is drawn in {file}"
