"""What went wrong in the loaded past: the last daily peak that is over, and that did not come.

Hours do not fit into a demo of two minutes, so this incident is put into the history. The service
scores those days when it starts, sample by sample, as it would have done then; what it has stored
of them is read and told here.
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
from plugin.commands.demo.randomness import DAY, HOUR, FloatArray, IntArray
from plugin.commands.demo.scripted_incidents import ScriptedIncident
from plugin.commands.demo.settings import SALES_BACKFILL, SALES_STEP
from plugin.commands.demo.shop import SALES
from plugin.series import BoolArray

TITLE = "open baskets"
PEAK = 20 * HOUR  # of the day, as in noise.BUSY
LENGTH = 3 * HOUR
MISSING = 0.6  # share of what should be there
LEAST_AGO = HOUR  # since its end, so that one sees what comes after
ENOUGH = 0.7  # share of the incident that must be flagged: it is not there at once
COLUMNS = ("value", "expected", "lower", "upper", "score")
SPAN = HOUR  # of the one-step detector
SIGMAS = 3.0
FEWEST = 10  # samples that it wants to see first


def missing_peak(now: int) -> ScriptedIncident:
    """The last daily peak before `now` that is over."""
    middle = (now - LEAST_AGO - LENGTH // 2 - PEAK) // DAY * DAY + PEAK
    return ScriptedIncident(
        TITLE, "missing peak", MISSING, middle - LENGTH // 2, middle + LENGTH // 2
    )


class Flagged(NamedTuple):
    """Shares of the samples whose score is above 1."""

    during: float  # the incident
    besides: float


@dataclass(frozen=True)
class Scored:
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
    def ours(self) -> Flagged:
        return self._flagged(self.columns["score"])

    @property
    def theirs(self) -> Flagged:
        return self._flagged(self.one_step)

    def _flagged(self, score: FloatArray) -> Flagged:
        during = self.during
        above = score > 1
        return Flagged(float(above[during].mean()), float(above[~during].mean()))

    @property
    def delay(self) -> float:
        """Seconds from its begin to the first sample that is flagged; NaN = none is."""
        first = self.times[self.during & (self.columns["score"] > 1)][:1]
        return float(first[0] - self.incident.start) if len(first) else float("nan")


def one_step_score(values: FloatArray) -> FloatArray:
    """[T] |value - mean| over three deviations, both exponentially weighted over the hour before
    it.

    Source: Roberts (1959), Control Chart Tests Based on Geometric Moving Averages; the variance as
    in West (1979).
    """
    share = 2 / (SPAN / SALES_STEP + 1)
    score = np.full(len(values), np.nan)
    mean = 0.0
    variance = 0.0
    seen = 0
    for at in np.flatnonzero(np.isfinite(values)):
        distance = values[at] - mean
        if seen >= FEWEST and variance > 0:
            score[at] = abs(distance) / (SIGMAS * np.sqrt(variance))
        step = max(share, 1 / (seen + 1))  # the plain mean, while there are few
        mean = mean + step * distance
        variance = (1 - step) * (variance + step * distance**2)
        seen = seen + 1
    return score


@dataclass
class PastIncidentReport:
    """Asks until the incident of the past has been scored, and tells of it once."""

    incident: ScriptedIncident
    now: int  # where the history ends
    scored: Scored | None = None

    def see(self, url: str) -> list[str]:
        """The line that tells what was seen of it, as soon as it has been scored."""
        if self.scored is not None:
            return []
        scored = ask(url, self.incident, self.now)
        if scored is None or not len(scored.times) or scored.times[-1] < self.now - SALES_STEP:
            return []
        self.scored = scored
        return [f"{clock(time.time())}  {told(scored)}"]

    @property
    def seen(self) -> bool:
        """Whether it was flagged for as long as can be asked for."""
        return self.scored is not None and self.scored.ours.during >= ENOUGH

    def summed_up(self) -> str:
        """How it went, for the summary."""
        what = f"{self.incident.title}, {self.incident.kind}"
        if self.scored is None:
            return f"{what}: not scored yet"
        ours = self.scored.ours
        theirs = self.scored.theirs
        return f"{what}: flagged {ours.during:.0%} of it, a one-step detector {theirs.during:.0%}"


def ask(url: str, incident: ScriptedIncident, now: int) -> Scored | None:
    """Reads the bands of the watch up to `now`; None when the service does not answer."""
    begin = now - SALES_BACKFILL
    points = SALES_BACKFILL // SALES_STEP + 1
    address = (
        f"{url}/api/v1/bands?watch={SALES}&labels=none&from={begin * 1000}&to={now * 1000}"
        f"&max_points={points}"
    )
    try:
        rows = rows_of(address)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
    columns = {name: np.array([number(row, name) for row in rows]) for name in COLUMNS}
    return Scored(
        incident, np.array([number(row, "time") // 1000 for row in rows], np.int64), columns
    )


def told(scored: Scored) -> str:
    """`yesterday 18:30 to 21:30 the daily peak of open baskets was missing: flagged 87% of that
    time, ...`"""
    ours = scored.ours
    theirs = scored.theirs
    first = f", first after {scored.delay / 60:.0f} min" if ours.during else ""
    return (
        f"{when(scored.incident, time.time())} the daily peak of {scored.incident.title} was"
        f" missing: flagged {ours.during:.0%} of that time{first}, and {share(ours.besides)} of the"
        f" rest of two days; a one-step detector (EWMA, 3 sigma) flags {theirs.during:.0%} and"
        f" {share(theirs.besides)}"
    )


def share(of: float) -> str:
    return f"{of:.1%}" if of else "0%"


def when(incident: ScriptedIncident, now: float) -> str:
    """Local day and time: `yesterday 18:30 to 21:30`."""
    days = (date.fromtimestamp(now) - date.fromtimestamp(incident.start)).days
    day = {0: "today", 1: "yesterday"}.get(days) or time.strftime(
        "%A", time.localtime(incident.start)
    )
    begin, end = (
        time.strftime("%H:%M", time.localtime(at)) for at in (incident.start, incident.end)
    )
    return f"{day} {begin} to {end}"


def drawn(hindsight: PastIncidentReport, file: Path) -> str:
    """Draws the days around the incident, with both scores; returns what to say of it."""
    from plugin.commands.plot import compared  # takes a second

    scored = hindsight.scored
    if scored is None:
        return f"no picture in {file}: the incident of the past has not been scored"
    compared(
        file,
        f"{scored.incident.title}: a daily peak is missing",
        {"time": scored.times, **scored.columns, "label": scored.during},
        {
            f"score of Bandwatch: above 1 in {scored.ours.during:.0%} of the incident": (
                scored.columns["score"]
            ),
            f"score of a one-step detector (EWMA, 3 sigma): in {scored.theirs.during:.0%}": (
                scored.one_step
            ),
        },
    )
    return f"the incident of the past is drawn in {file}"
