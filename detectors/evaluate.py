"""How good scores are, where labels exist: alarms, incidents, precision and recall by event.

An *incident* is a run of label 1, joined across missing samples; *caught* if the score exceeds the threshold within
its first 16 samples. An *alarm* is a run of scores above the threshold, gaps of up to 5 samples joined; *false* if it
lies farther than 15 samples from every incident. Label -1 counts as neither.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ONSET = 16  # samples in which an incident must be seen
NEAR = 15  # samples around an incident in which an alarm belongs to it
JOIN = 5  # samples of quiet that do not end an alarm


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


def runs(flags: NDArray[np.bool_], join: int = 0) -> NDArray[np.int64]:
    """[N, 2] first and one-past-last index of each run of True; runs up to `join` samples apart are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    found = edges.reshape(-1, 2).astype(np.int64)
    if len(found) > 1 and join:
        apart = found[1:, 0] - found[:-1, 1] > join
        found = np.stack([found[np.concatenate([[True], apart]), 0], found[np.concatenate([apart, [True]]), 1]], 1)
    return found


def events(score: NDArray[np.float64], label: NDArray[np.int64], observed: NDArray[np.bool_],
           threshold: float = 1.0) -> Events:
    """Counts what the scores [T] of one series caught and raised, against its labels [T] (1, 0 or -1)."""
    there = np.flatnonzero(observed)  # samples are counted, not steps: a gap joins
    over = np.nan_to_num(score[there], nan=0.0) > threshold
    marks = label[there]
    incidents = runs(marks == 1)
    alarms = runs(over, JOIN)
    near = np.zeros(len(there) + 1, np.int64)  # becomes > 0 within NEAR samples of an incident
    np.add.at(near, np.maximum(incidents[:, 0] - NEAR, 0), 1)
    np.add.at(near, np.minimum(incidents[:, 1] + NEAR, len(there)), -1)
    belongs = np.cumsum(near[:-1]) > 0
    neither = marks == -1
    true = [bool(belongs[first:end].any()) for first, end in alarms]
    counted = [not neither[first:end].any() or hit for (first, end), hit in zip(alarms, true, strict=True)]
    caught = sum(bool(over[first:min(end, first + ONSET)].any()) for first, end in incidents)
    false = sum(count and not hit for count, hit in zip(counted, true, strict=True))
    return Events(len(incidents), caught, sum(counted), false)
