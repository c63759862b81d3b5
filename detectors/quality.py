"""Are these scores good enough to page on? Measures of a detector over a group of series.

Recall at a stated number of false alarms per series-day compares detectors whose own thresholds
differ (free-response operating characteristic, FROC, Bunch et al. 1978). The own threshold, 1, is
judged beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.api import BoolArray, FloatArray, IntArray
from detectors.evaluate import (
    Events,
    Marks,
    TextArray,
    count,
    coverage_by_kind,
    delays,
    events_by_kind,
    mark_series,
)
from detectors.thresholds import curve

DAY = 86_400
WEEKLY_BUDGET = 1 / 604_800  # alarms per series and second
ALARM_RATES = (0.05, 0.1, 0.3, 1.0)  # false alarms per series-day
ON_CALL_RATE = 0.1  # the one of these at which kinds are compared
BAND_EDGE = 1.0  # the own threshold of every detector
LONG_KINDS = ("shift", "ramp", "peakless", "phase")  # last for hours
SIGNIFICANCE = 0.05  # a series is above its budget if so many alarms are less likely than this


@dataclass(frozen=True)
class JudgedSeries:
    """The judged part of one series, T steps."""

    name: str
    score: FloatArray  # [T] NaN = not scored: above no threshold
    label: IntArray  # [T] 1 = part of an incident, -1 = neither, 0
    kind: TextArray | None  # [T] what was injected; None = labelled by people
    observed: BoolArray  # [T] False = no sample
    step: int  # seconds
    times: IntArray | None = None  # [T] unix seconds, ascending; None = a step apart

    @property
    def days(self) -> float:
        """Observed time."""
        return float(self.observed.sum()) * self.step / DAY

    @property
    def quiet(self) -> bool:
        """Without an incident."""
        return not bool((self.label == 1).any())

    @property
    def marks(self) -> Marks:
        return mark_series(self.score, self.label, self.observed, self.kind, self.step, self.times)


@dataclass(frozen=True)
class OwnThreshold:
    """At the threshold 1."""

    events: Events
    days: float
    median_delay: float  # samples from the beginning of a caught incident to its first score above

    @property
    def false_per_day(self) -> float:
        """False alarms per series-day; NaN without a day."""
        return _ratio(self.events.false_alarms, self.days)


@dataclass(frozen=True)
class KindQuality:
    """One kind of injected incident, at the own threshold and at that of 0.1 false alarms per
    series-day."""

    incidents: int
    recall: float
    coverage: float  # share of the incident's samples that are flagged
    on_call_recall: float
    on_call_coverage: float


@dataclass(frozen=True)
class BudgetCalibration:
    """Realised against promised false alarms, on series without an incident."""

    series: int
    days: float
    false_alarms: int
    promised: float  # false alarms in these days
    above: int  # series with more than chance allows (Poisson, 5 %)

    @property
    def ratio(self) -> float:
        """Realised by promised; 1 is kept exactly, more is too loud; NaN without a quiet series."""
        return _ratio(self.false_alarms, self.promised)

    @property
    def share_above(self) -> float:
        return _ratio(self.above, self.series)


@dataclass(frozen=True)
class Quality:
    """All of it for one group of series."""

    series: int
    days: float  # series-days
    unscored: int  # observed samples without a score
    recall_at: dict[float, float]  # false alarms per series-day -> recall
    threshold_at: dict[float, float]  # the same -> the common threshold
    own: OwnThreshold
    by_kind: dict[str, KindQuality]
    long_coverage: float  # mean over LONG kinds of the coverage at 0.1 false alarms per series-day
    calibration: BudgetCalibration


def judge(series: Sequence[JudgedSeries], alert_budget: float = WEEKLY_BUDGET) -> Quality:
    """Judges one group. `alert_budget`: promised false alarms per series and second."""
    marks = [member.marks for member in series]
    days = sum(member.days for member in series)
    characteristic = curve(marks, days)
    threshold_at = {rate: characteristic.threshold_for(rate) for rate in ALARM_RATES}
    recall_at = {rate: characteristic.recall(threshold) for rate, threshold in threshold_at.items()}
    all_delays = [delay for member in marks for delay in delays(member)]
    kinds = by_kind(marks, threshold_at[ON_CALL_RATE])
    long = [kinds[name].on_call_coverage for name in LONG_KINDS if name in kinds]
    own_threshold = OwnThreshold(
        events=sum((count(member) for member in marks), Events()),
        days=days,
        median_delay=float(np.median(all_delays)) if all_delays else float("nan"),
    )
    return Quality(
        series=len(series),
        days=days,
        unscored=sum(int((member.observed & np.isnan(member.score)).sum()) for member in series),
        recall_at=recall_at,
        threshold_at=threshold_at,
        own=own_threshold,
        by_kind=kinds,
        long_coverage=float(np.mean(long)) if long else float("nan"),
        calibration=calibration(series, alert_budget),
    )


def by_kind(marks: Sequence[Marks], on_call: float) -> dict[str, KindQuality]:
    """Recall and coverage by kind at the own threshold and at the threshold `on_call`."""
    own_events = _caught_and_covered(marks, BAND_EDGE)
    other = _caught_and_covered(marks, on_call)
    return {
        kind: KindQuality(
            incidents=events.incidents,
            recall=events.recall,
            coverage=coverage,
            on_call_recall=other[kind][0].recall,
            on_call_coverage=other[kind][1],
        )
        for kind, (events, coverage) in own_events.items()
    }


def _caught_and_covered(
    marks: Sequence[Marks], threshold: float
) -> dict[str, tuple[Events, float]]:
    """By kind: incidents and those caught, and the share of the incident samples above."""
    events_of: dict[str, Events] = {}
    above_of: dict[str, int] = {}
    samples_of: dict[str, int] = {}
    for series_marks in marks:
        for kind, (above, samples) in coverage_by_kind(series_marks, threshold).items():
            above_of[kind] = above_of.get(kind, 0) + above
            samples_of[kind] = samples_of.get(kind, 0) + samples
        for kind, events in events_by_kind(series_marks, threshold).items():
            events_of[kind] = events_of.get(kind, Events()) + events
    return {
        kind: (events_of[kind], _ratio(above_of[kind], samples_of[kind]))
        for kind in sorted(events_of)
    }


def calibration(series: Sequence[JudgedSeries], alert_budget: float) -> BudgetCalibration:
    """What quiet series raised at the own threshold, against `alert_budget` alarms per series and
    second."""
    quiet_series = [member for member in series if member.quiet]
    raised = [count(member.marks).false_alarms for member in quiet_series]
    promised = [member.days * DAY * alert_budget for member in quiet_series]
    tails = [poisson_tail(number, mean) for number, mean in zip(raised, promised, strict=True)]
    return BudgetCalibration(
        series=len(quiet_series),
        days=sum(member.days for member in quiet_series),
        false_alarms=sum(raised),
        promised=sum(promised),
        above=sum(tail < SIGNIFICANCE for tail in tails),
    )


def poisson_tail(number: int, mean: float) -> float:
    """The probability of at least `number` events where `mean` are expected."""
    if mean <= 0:
        return 1.0 if number == 0 else 0.0
    return max(
        0.0,
        1
        - math.fsum(
            math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(number)
        ),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
