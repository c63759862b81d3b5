"""How often the same incident pages: pages per incident, where labels exist.

A page is an alarm, and it belongs to an incident, by the rules of evaluate.py. A page that goes on
from one incident into the next is one page: the second incident had no page of its own.
"""

from dataclasses import dataclass

import numpy as np

from detectors.evaluate import Marks, alarm_spans


@dataclass(frozen=True)
class Pages:
    """Counts of one series; add those of several series up."""

    pages: int = 0  # that belong to an incident
    false: int = 0  # that belong to none
    paged: int = 0  # incidents with a page, late or not
    caught: int = 0  # incidents that were seen in time
    own: int = 0  # of these, those in which a page begins

    def __add__(self, other: "Pages") -> "Pages":
        return Pages(
            self.pages + other.pages,
            self.false + other.false,
            self.paged + other.paged,
            self.caught + other.caught,
            self.own + other.own,
        )

    @property
    def per_incident(self) -> float:
        """Pages for each incident that had one; NaN when none had."""
        return self.pages / self.paged if self.paged else float("nan")


def pages(marks: Marks, threshold: float = 1.0) -> Pages:
    """What one series pages."""
    spans = alarm_spans(marks, threshold)
    first = spans[:, 0]
    end = spans[:, 1]
    true, excused = (
        np.array([flags[start:stop].any() for start, stop in spans], bool)
        for flags in (marks.belongs, marks.neither)
    )
    paged = 0
    caught = 0
    own_count = 0
    for start, stop, peak in zip(*_incident_spans(marks), marks.peaks.tolist(), strict=True):
        touching = (first < stop) & (end > start)
        paged += bool(touching.any())
        caught += peak > threshold
        own_count += bool(peak > threshold and (touching & (first >= start)).any())
    return Pages(
        pages=int(true.sum()),
        false=int((~true & ~excused).sum()),
        paged=paged,
        caught=caught,
        own=own_count,
    )


def _incident_spans(marks: Marks) -> tuple[list[int], list[int]]:
    """First and one-past-last sample of what belongs to each incident; what belongs to two is
    divided at the start of the later one."""
    starts, ends = marks.incidents.T.tolist()
    for k in range(len(starts)):
        while starts[k] > (ends[k - 1] if k else 0) and marks.belongs[starts[k] - 1]:
            starts[k] -= 1
        last = starts[k + 1] if k + 1 < len(starts) else len(marks.belongs)
        while ends[k] < last and marks.belongs[ends[k]]:
            ends[k] += 1
    return starts, ends
