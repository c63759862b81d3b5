"""Could one page on these scores? The measures of a detector over a group of series, from arrays alone.

Recall at a stated number of false alarms per series-day is that of an operating characteristic in free time (FROC,
Bunch et al. 1978): it compares detectors whose own thresholds differ. Their own threshold, 1, is judged beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.api import BoolArray, FloatArray, IntArray
from detectors.evaluate import Events, Marks, TextArray, count, covered, delays, events_by_kind, marked
from detectors.thresholds import curve

DAY = 86_400
WEEKLY = 1 / 604_800  # alarms per series and second
RATES = (0.05, 0.1, 0.3, 1.0)  # false alarms per series-day
ON_CALL = 0.1  # the one of these at which kinds are compared
OWN = 1.0  # the threshold of every detector: the edge of its band
LONG = ("shift", "ramp", "peakless", "phase")  # kinds that last for hours
CHANCE = 0.05  # a series is above its budget if as many alarms are less likely than this


@dataclass(frozen=True)
class Judged:
    """The judged part of one series, T steps."""

    name: str
    score: FloatArray  # [T] NaN = not scored: above no threshold
    label: IntArray  # [T] 1 = part of an incident, -1 = neither, 0
    kind: TextArray | None  # [T] what was injected; None = labelled by people
    observed: BoolArray  # [T] False = no sample
    step: int  # seconds

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
        return marked(self.score, self.label, self.observed, self.kind, self.step)


@dataclass(frozen=True)
class Own:
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
    """One kind of injected incident, at the own threshold and at that of 0.1 false alarms per series-day."""

    incidents: int
    recall: float
    coverage: float  # share of the incident's samples that are flagged
    on_call_recall: float
    on_call_coverage: float


@dataclass(frozen=True)
class Calibration:
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
    own: Own
    by_kind: dict[str, KindQuality]
    long_coverage: float  # mean over LONG kinds of the coverage at 0.1 false alarms per series-day
    calibration: Calibration


def judge(series: Sequence[Judged], alert_budget: float = WEEKLY) -> Quality:
    """Judges one group. `alert_budget`: promised false alarms per series and second."""
    marks = [each.marks for each in series]
    days = sum(each.days for each in series)
    characteristic = curve(marks, days)
    threshold_at = {rate: characteristic.threshold_for(rate) for rate in RATES}
    recall_at = {rate: characteristic.recall(threshold) for rate, threshold in threshold_at.items()}
    total = sum((count(each) for each in marks), Events())
    late = [delay for each in marks for delay in delays(each)]
    kinds = by_kind(marks, threshold_at[ON_CALL])
    lasting = [kinds[name].on_call_coverage for name in LONG if name in kinds]
    unscored = sum(int((each.observed & np.isnan(each.score)).sum()) for each in series)
    return Quality(len(series), days, unscored, recall_at, threshold_at,
                   Own(total, days, float(np.median(late)) if late else float("nan")), kinds,
                   float(np.mean(lasting)) if lasting else float("nan"), calibration(series, alert_budget))


def by_kind(marks: Sequence[Marks], on_call: float) -> dict[str, KindQuality]:
    """Recall and coverage by kind at the own threshold and at the threshold `on_call`."""
    own, other = (_caught_and_covered(marks, threshold) for threshold in (OWN, on_call))
    return {kind: KindQuality(own[kind][0].incidents, own[kind][0].recall, own[kind][1], other[kind][0].recall,
                              other[kind][1]) for kind in own}


def _caught_and_covered(marks: Sequence[Marks], threshold: float) -> dict[str, tuple[Events, float]]:
    total: dict[str, Events] = {}
    samples: dict[str, tuple[int, int]] = {}
    for each in marks:
        for kind, (over, of) in covered(each, threshold).items():
            samples[kind] = samples.get(kind, (0, 0))[0] + over, samples.get(kind, (0, 0))[1] + of
        for kind, events in events_by_kind(each, threshold).items():
            total[kind] = total.get(kind, Events()) + events
    return {kind: (total[kind], _ratio(*samples[kind])) for kind in sorted(total)}


def calibration(series: Sequence[Judged], alert_budget: float) -> Calibration:
    """What quiet series raised at the own threshold, against `alert_budget` alarms per series and second."""
    quiet = [each for each in series if each.quiet]
    raised = [count(each.marks).false_alarms for each in quiet]
    promised = [each.days * DAY * alert_budget for each in quiet]
    above = sum(poisson_tail(number, mean) < CHANCE for number, mean in zip(raised, promised, strict=True))
    return Calibration(len(quiet), sum(each.days for each in quiet), sum(raised), sum(promised), above)


def poisson_tail(number: int, mean: float) -> float:
    """The probability of at least `number` events where `mean` are expected."""
    if mean <= 0:
        return 1.0 if number == 0 else 0.0
    return max(0.0, 1 - math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(number)))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
