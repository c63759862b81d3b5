"""What scores caught and raised, where labels exist: incidents, alarms, precision and recall by event.

An *incident* is a run of label 1, joined across missing samples; *caught* if the score exceeds the threshold within
its first 16 samples. An *alarm* is a run of scores above the threshold, gaps of up to 5 samples joined; *false* if it
lies farther than 15 samples from every incident. Label -1 counts as neither.

Injected incidents, which say their kind, are known to the sample: caught within the first half of their length (a
spike or a dip: up to two samples after its end), and an alarm is false outside the incident and the hour after it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import BoolArray, FloatArray, IntArray

TextArray = NDArray[Any]  # of str, as numpy or pandas keep them

ONSET = 16  # samples in which an incident must be seen
NEAR = 15  # samples around an incident in which an alarm belongs to it
JOIN = 5  # samples of quiet that do not end an alarm
BRIEF = ("spike", "dip")  # kinds that may be seen late: they are over at once, or fade in
LATE = 2  # samples after its end in which a brief kind is still caught
AFTER = 3600  # seconds after an injected incident in which an alarm belongs to it


@dataclass(frozen=True)
class Events:
    """Counts of one series; add those of several series up."""

    incidents: int = 0
    caught: int = 0
    alarms: int = 0
    false_alarms: int = 0

    def __add__(self, other: "Events") -> "Events":
        return Events(self.incidents + other.incidents, self.caught + other.caught, self.alarms + other.alarms,
                      self.false_alarms + other.false_alarms)

    @property
    def recall(self) -> float:
        """Share of the incidents that were caught; NaN when there are none."""
        return self.caught / self.incidents if self.incidents else float("nan")

    @property
    def precision(self) -> float:
        """Share of the alarms that belong to an incident; NaN when there are none."""
        return 1 - self.false_alarms / self.alarms if self.alarms else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of the two; NaN when there are no incidents."""
        return harmonic(self.precision, self.recall)


def harmonic(precision: float, recall: float) -> float:
    """F1; 0 where nothing is caught, even if nothing is flagged; NaN where recall is."""
    return 2 * precision * recall / (precision + recall) if recall != 0 else 0.0


@dataclass(frozen=True)
class Marks:
    """One series as its labels describe it: N observed samples, steps without one left out, so that a gap joins."""

    score: FloatArray  # [N] -inf where an observed sample has no score: it is above no threshold
    incidents: IntArray  # [K, 2] first and one-past-last sample
    onset: IntArray  # [K, 2] the samples in which each must be seen
    kinds: tuple[str, ...]  # K; "" = not said
    belongs: BoolArray  # [N] an alarm here belongs to an incident
    neither: BoolArray  # [N] label -1: an alarm here is neither true nor false

    @property
    def peaks(self) -> FloatArray:
        """[K] the highest score in which each incident could be caught."""
        return np.array([self.score[first:end].max() for first, end in self.onset], np.float64)


def marked(score: FloatArray, label: IntArray, observed: BoolArray, kind: TextArray | None = None,
           step: int = 60) -> Marks:
    """Prepares one series for counting. All are [T]; `kind` is given where incidents were injected; `step` in seconds.

    Raises ValueError when the shapes differ.
    """
    shapes = [array.shape for array in (score, label, observed) + (() if kind is None else (kind,))]
    if len(set(shapes)) > 1:
        raise ValueError(f"`score`, `label`, `observed` and `kind` must all be [T]: got {shapes}")
    there = np.flatnonzero(observed)
    marks = label[there]
    incidents = runs(marks == 1)
    first, end = incidents[:, 0], incidents[:, 1]
    if kind is None:
        kinds, seen = ("",) * len(incidents), np.minimum(end, first + ONSET)
        before, after = NEAR, NEAR
    else:
        kinds = tuple(str(each) for each in kind[there][first])
        seen = np.where(np.isin(kinds, BRIEF), end + LATE, first + (end - first + 1) // 2)
        before, after = 0, round(AFTER / step)
    onset = np.stack([first, np.minimum(seen, len(there))], 1)
    belongs = np.zeros(len(there), bool)
    for start, stop in incidents:
        belongs[max(0, start - before):stop + after] = True
    scored = np.where(np.isnan(score[there]), -np.inf, score[there].astype(np.float64))
    return Marks(scored, incidents, onset, kinds, belongs, marks == -1)


def runs(flags: BoolArray, join: int = 0) -> IntArray:
    """[N, 2] first and one-past-last index of each run of True; runs up to `join` samples apart are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    found = edges.reshape(-1, 2).astype(np.int64)
    if len(found) > 1 and join:
        apart = found[1:, 0] - found[:-1, 1] > join
        found = np.stack([found[np.concatenate([[True], apart]), 0], found[np.concatenate([apart, [True]]), 1]], 1)
    return found


def count(marks: Marks, threshold: float = 1.0) -> Events:
    """What one series caught and raised above a threshold."""
    alarms = runs(marks.score > threshold, JOIN)
    true, excused = _touch(alarms, marks.belongs), _touch(alarms, marks.neither)
    return Events(len(marks.incidents), int((marks.peaks > threshold).sum()), int((true | ~excused).sum()),
                  int((~true & ~excused).sum()))


def _touch(spans: IntArray, flags: BoolArray) -> BoolArray:
    """[N] whether a flag is set within each span [N, 2]."""
    before = np.concatenate([[0], np.cumsum(flags)])
    inside: BoolArray = before[spans[:, 1]] > before[spans[:, 0]]
    return inside


def events(score: FloatArray, label: IntArray, observed: BoolArray, threshold: float = 1.0, *,
           kind: TextArray | None = None, step: int = 60) -> Events:
    """Counts what the scores [T] of one series caught and raised, against its labels [T] (1, 0 or -1)."""
    return count(marked(score, label, observed, kind, step), threshold)


def events_by_kind(marks: Marks, threshold: float = 1.0) -> dict[str, Events]:
    """Incidents and those caught, by kind; an alarm has no kind, so alarms are not counted."""
    caught: dict[str, Events] = {}
    for kind, peak in zip(marks.kinds, marks.peaks, strict=True):
        caught[kind] = caught.get(kind, Events()) + Events(1, int(peak > threshold))
    return {kind: caught[kind] for kind in sorted(caught) if kind}


def delays(marks: Marks, threshold: float = 1.0) -> list[int]:
    """Samples from the beginning of each caught incident to the first score above the threshold; 0 = at once."""
    return [int(np.argmax(marks.score[first:end] > threshold))
            for (first, end), peak in zip(marks.onset, marks.peaks, strict=True) if peak > threshold]


def covered(marks: Marks, threshold: float = 1.0) -> dict[str, tuple[int, int]]:
    """Incident samples with score > threshold, and all incident samples, by kind ("" = not said)."""
    found: dict[str, tuple[int, int]] = {}
    for kind, (first, end) in zip(marks.kinds, marks.incidents, strict=True):
        over, of = found.get(kind, (0, 0))
        found[kind] = (over + int((marks.score[first:end] > threshold).sum()), of + int(end - first))
    return found
