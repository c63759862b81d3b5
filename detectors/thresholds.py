"""What every threshold would have caught and raised, exactly, without trying them one by one.

An event that counts while `lower <= threshold < upper` is a pair of numbers. So the count at any
threshold is the difference of two look-ups in sorted arrays. An incident counts while the threshold
is below its highest score. An alarm counts where it begins: each rise of the score of an episode,
from what was held before to that of the sample, begins an alarm for the thresholds in between. The
alarm is false if it ends before it reaches an incident: that holds for thresholds of at least the
lowest score that is held on the way there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.api import BoolArray, FloatArray, IntArray
from detectors.evaluate import Marks, runs


@dataclass(frozen=True)
class Tally:
    """A count as a function of the threshold."""

    lower: FloatArray  # [K] ascending
    upper: FloatArray  # [K] ascending; not the same order as `lower`

    @classmethod
    def of(cls, parts: Sequence[tuple[FloatArray, FloatArray]]) -> "Tally":
        """Adds up events that count while lower <= threshold < upper."""
        lower = np.concatenate([np.empty(0), *(lower for lower, _ in parts)])
        upper = np.concatenate([np.empty(0), *(upper for _, upper in parts)])
        counting = lower < upper
        return cls(np.sort(lower[counting]), np.sort(upper[counting]))

    def at(self, threshold: FloatArray) -> IntArray:
        """How many count at each threshold; any shape."""
        started: IntArray = np.searchsorted(self.lower, threshold, "right")
        return started - np.searchsorted(self.upper, threshold, "right")

    @property
    def steps(self) -> FloatArray:
        """[K] the finite thresholds at which the count changes, ascending."""
        steps: FloatArray = np.unique(np.concatenate([self.lower, self.upper]))
        return steps[np.isfinite(steps)]


@dataclass(frozen=True)
class Curve:
    """What one common threshold over several series would have caught and raised."""

    incidents: int
    days: float  # series-days
    caught: Tally
    true_alarms: Tally
    false_alarms: Tally

    def recall(self, threshold: float) -> float:
        """Share of the incidents that are caught; NaN when there are none."""
        if not self.incidents:
            return float("nan")
        return int(self.caught.at(np.array(threshold))) / self.incidents

    def threshold_for(self, rate: float) -> float:
        """The lowest threshold from which on, upwards, there are at most `rate` false alarms per
        series-day.

        Upwards, because far below it alarms melt into one long one, and their number falls again.
        Infinity where infinite scores alone raise more.
        """
        steps = np.union1d([0.0], self.false_alarms.steps)
        too_many = np.flatnonzero(self.false_alarms.at(steps) > rate * self.days)
        if len(too_many) == 0:
            return 0.0
        return float(np.append(steps, np.inf)[too_many[-1] + 1])

    def best_f1(self) -> tuple[float, float]:
        """(threshold, F1 by event) where F1 is highest; the middle one of equals.

        NaN as the threshold if no threshold catches anything.

        Thresholds below the one with the most false alarms are left out. There, alarms melt
        together: to flag everything would be one true alarm.
        """
        if not self.incidents:
            return float("nan"), float("nan")
        steps = np.union1d(
            np.union1d(self.caught.steps, self.true_alarms.steps), self.false_alarms.steps
        )
        false = self.false_alarms.at(steps)
        start = int(false.argmax()) if len(steps) else 0
        steps = steps[start:]
        false = false[start:]
        true = self.true_alarms.at(steps)
        caught = self.caught.at(steps)
        precision = true / np.maximum(true + false, 1)
        recall = caught / self.incidents
        f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(np.float64).tiny)
        if len(f1) == 0 or f1.max() == 0:
            return float("nan"), 0.0
        highest = np.flatnonzero(f1 == f1.max())
        middle = highest[len(highest) // 2]
        return float(steps[middle]), float(f1[middle])


def curve(marks: Sequence[Marks], days: float) -> Curve:
    """Over all series; `days` is their observed time together."""
    caught = []
    true = []
    false = []
    for series in marks:
        caught.append((np.full(len(series.peaks), -np.inf), series.peaks))
        # An alarm reaches an incident at thresholds below `to_incident`.
        to_incident = lowest_until(series, series.belongs)
        to_label = lowest_until(series, series.belongs | series.neither)
        true.append((series.before, np.minimum(series.score, to_incident)))
        false.append((np.maximum(series.before, to_label), series.score))
    return Curve(
        incidents=sum(len(series.incidents) for series in marks),
        days=days,
        caught=Tally.of(caught),
        true_alarms=Tally.of(true),
        false_alarms=Tally.of(false),
    )


def lowest_until(marks: Marks, flags: BoolArray) -> FloatArray:
    """[N] the lowest score that is held from each sample up to and with the next flagged one; -inf
    where none follows."""
    lowest = np.where(flags, marks.score, -np.inf)
    on_the_way = np.minimum(marks.score, marks.before)  # in a gap before a sample, too
    start = 0
    for first, end in runs(flags):
        later = np.minimum.accumulate(on_the_way[start + 1 : first + 1][::-1])[::-1]
        lowest[start:first] = np.minimum(marks.score[start:first], later)
        start = end
    return lowest
