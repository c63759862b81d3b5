"""Which incidents scores caught and which alarms they raised, judged by labels, event by event.

The scores of samples are ranked and counted as those of episodes (episodes.py): an *alarm* goes on
until the hold has passed without a sample outside, and its score is the highest so far. An
*incident* is a run of label 1, joined across missing samples; *caught* if the score of an episode
exceeds the threshold within its first 16 samples. An alarm is *false* if it lies farther than 15
samples from every incident. Label -1 counts as neither.

Injected incidents have a kind, and are known to the sample. They are caught within the first half
of their length (a spike or a dip: up to two samples after its end), and an alarm is false outside
the incident and the hour after it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.api import BoolArray, FloatArray, IntArray
from detectors.episodes import held_scores

TextArray = NDArray[Any]  # of str, as numpy or pandas keep them

ONSET_SAMPLES = 16  # in which an incident must be caught
MARGIN_SAMPLES = 15  # around an incident, in which an alarm belongs to it
BRIEF_KINDS = ("spike", "dip")  # may be caught late: they are over at once, or fade in
BRIEF_GRACE_SAMPLES = 2  # after its end, in which a brief kind is still caught
INJECTED_MARGIN_SECONDS = 3600  # after an injected incident, in which an alarm belongs to it


@dataclass(frozen=True)
class Events:
    """Counts of one series; add those of several series up."""

    incidents: int = 0
    caught: int = 0
    alarms: int = 0
    false_alarms: int = 0

    def __add__(self, other: "Events") -> "Events":
        return Events(
            self.incidents + other.incidents,
            self.caught + other.caught,
            self.alarms + other.alarms,
            self.false_alarms + other.false_alarms,
        )

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
    """One series as its labels describe it: its N observed samples. A gap is left out, so an
    incident goes on through it."""

    score: FloatArray  # [N] of the episode; -inf = nothing was scored in the last hold
    # [N] what is held just before the sample, at most the score of the sample before it
    before: FloatArray
    incidents: IntArray  # [K, 2] first and one-past-last sample
    onset: IntArray  # [K, 2] the samples in which each must be caught
    kinds: tuple[str, ...]  # K; "" = not said
    belongs: BoolArray  # [N] an alarm here belongs to an incident
    neither: BoolArray  # [N] label -1: an alarm here is neither true nor false

    @property
    def peaks(self) -> FloatArray:
        """[K] the highest score with which each incident could be caught."""
        return np.array([self.score[first:end].max() for first, end in self.onset], np.float64)


def mark_series(
    score: FloatArray,
    label: IntArray,
    observed: BoolArray,
    kind: TextArray | None = None,
    step: int = 60,
    times: IntArray | None = None,
) -> Marks:
    """Prepares one series for counting. All are [T]; `kind` is given where incidents were injected;
    `step` in seconds; `times` in unix seconds, ascending, None = a step apart.

    Raises ValueError when the shapes differ.
    """
    shapes = [array.shape for array in (score, label, observed, kind, times) if array is not None]
    if len(set(shapes)) > 1:
        raise ValueError(
            f"`score`, `label`, `observed`, `kind` and `times` must all be [T]: got {shapes}"
        )
    samples = np.flatnonzero(observed)
    labels = label[samples]
    incidents = runs(labels == 1)
    first = incidents[:, 0]
    end = incidents[:, 1]
    if kind is None:
        kinds = ("",) * len(incidents)
        deadline = np.minimum(end, first + ONSET_SAMPLES)
        margin_before = MARGIN_SAMPLES
        margin_after = MARGIN_SAMPLES
    else:
        kinds = tuple(str(name) for name in kind[samples][first])
        half = first + (end - first + 1) // 2
        deadline = np.where(np.isin(kinds, BRIEF_KINDS), end + BRIEF_GRACE_SAMPLES, half)
        margin_before = 0
        margin_after = round(INJECTED_MARGIN_SECONDS / step)
    slot = np.arange(len(score)) if times is None else (times - times[:1]) // step
    held, before = _held(score[samples], slot[samples], step)
    return Marks(
        score=held,
        before=before,
        incidents=incidents,
        onset=np.stack([first, np.minimum(deadline, len(samples))], 1),
        kinds=kinds,
        belongs=_within(incidents + np.array([-margin_before, margin_after]), len(samples)),
        neither=labels == -1,
    )


def _within(spans: IntArray, length: int) -> BoolArray:
    """[length] which samples lie within any of the spans [K, 2]; these may reach beyond them."""
    flags = np.zeros(length, bool)
    for first, end in spans.tolist():
        flags[max(0, first) : end] = True
    return flags


def _held(score: FloatArray, slot: IntArray, step: int) -> tuple[FloatArray, FloatArray]:
    """The scores of the episodes [N] of some samples, and what is held just before each.

    slot: [N] the step at which each sample lies, ascending; several may share one.
    """
    on_grid = np.full(int(slot[-1]) + 1 if len(slot) else 0, np.nan)
    np.fmax.at(on_grid, slot, score)
    held = held_scores(on_grid, step)
    shared = np.diff(slot, prepend=-1) == 0
    before = np.concatenate([[-np.inf], held])[slot + shared]
    return held[slot], before


def runs(flags: BoolArray) -> IntArray:
    """[N, 2] first and one-past-last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return edges.reshape(-1, 2).astype(np.int64)


def alarm_spans(marks: Marks, threshold: float = 1.0) -> IntArray:
    """[K, 2] first and one-past-last sample of each alarm above a threshold."""
    above = marks.score > threshold
    opens = above & (marks.before <= threshold)
    ends = above & np.append(~above[1:] | opens[1:], True)[: len(above)]
    return np.stack([np.flatnonzero(opens), np.flatnonzero(ends) + 1], 1)


def count(marks: Marks, threshold: float = 1.0) -> Events:
    """What one series caught and raised above a threshold."""
    alarms = alarm_spans(marks, threshold)
    true = _touch(alarms, marks.belongs)
    excused = _touch(alarms, marks.neither)
    return Events(
        incidents=len(marks.incidents),
        caught=int((marks.peaks > threshold).sum()),
        alarms=int((true | ~excused).sum()),
        false_alarms=int((~true & ~excused).sum()),
    )


def _touch(spans: IntArray, flags: BoolArray) -> BoolArray:
    """[N] whether a flag is set within each span [N, 2]."""
    flags_before = np.concatenate([[0], np.cumsum(flags)])  # [T + 1]
    touched: BoolArray = flags_before[spans[:, 1]] > flags_before[spans[:, 0]]
    return touched


def events(
    score: FloatArray,
    label: IntArray,
    observed: BoolArray,
    threshold: float = 1.0,
    *,
    kind: TextArray | None = None,
    step: int = 60,
) -> Events:
    """Counts what the scores [T] of one series caught and raised, against its labels [T] (1, 0 or
    -1)."""
    return count(mark_series(score, label, observed, kind, step), threshold)


def events_by_kind(marks: Marks, threshold: float = 1.0) -> dict[str, Events]:
    """Incidents and those caught, by kind; an alarm has no kind, so alarms are not counted."""
    caught: dict[str, Events] = {}
    for kind, peak in zip(marks.kinds, marks.peaks, strict=True):
        caught[kind] = caught.get(kind, Events()) + Events(1, int(peak > threshold))
    return {kind: caught[kind] for kind in sorted(caught) if kind}


def delays(marks: Marks, threshold: float = 1.0) -> list[int]:
    """Samples from the beginning of each caught incident to the first score above the threshold; 0
    = at once."""
    return [
        int(np.argmax(marks.score[first:end] > threshold))
        for (first, end), peak in zip(marks.onset, marks.peaks, strict=True)
        if peak > threshold
    ]


def coverage_by_kind(marks: Marks, threshold: float = 1.0) -> dict[str, tuple[int, int]]:
    """Incident samples with score > threshold, and all incident samples, by kind ("" = not
    said)."""
    counts: dict[str, tuple[int, int]] = {}
    for kind, (first, end) in zip(marks.kinds, marks.incidents, strict=True):
        above, total = counts.get(kind, (0, 0))
        above += int((marks.score[first:end] > threshold).sum())
        counts[kind] = (above, total + int(end - first))
    return counts
