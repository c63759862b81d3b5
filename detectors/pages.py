"""How often one is paged for the same thing: pages per incident, where labels exist.

A page is a run of scores above the threshold; quiet of up to `join` samples does not end it. It belongs to an incident
by the rule of evaluate.py. One that goes on from an incident into the next is one page: the second had none of its own.
"""

from dataclasses import dataclass

import numpy as np

from detectors.evaluate import JOIN, Marks, runs


@dataclass(frozen=True)
class Pages:
    """Counts of one series; add those of several series up."""

    pages: int = 0  # that belong to an incident
    false: int = 0  # that belong to none
    paged: int = 0  # incidents with a page, late or not
    caught: int = 0  # incidents that were seen in time
    own: int = 0  # of these, those in which a page begins

    def __add__(self, other: "Pages") -> "Pages":
        return Pages(self.pages + other.pages, self.false + other.false, self.paged + other.paged,
                     self.caught + other.caught, self.own + other.own)

    @property
    def per_incident(self) -> float:
        """Pages for each incident that had one; NaN when none had."""
        return self.pages / self.paged if self.paged else float("nan")


def pages(marks: Marks, join: int = JOIN, threshold: float = 1.0) -> Pages:
    """What one series pages, quiet of up to `join` samples bridged."""
    spans = runs(marks.score > threshold, join)
    first, end = spans[:, 0], spans[:, 1]
    true, excused = (np.array([flags[a:b].any() for a, b in spans], bool) for flags in (marks.belongs, marks.neither))
    paged = caught = own = 0
    for begin, over, peak in zip(*_around(marks), marks.peaks.tolist(), strict=True):
        touching = (first < over) & (end > begin)
        paged += bool(touching.any())
        caught += peak > threshold
        own += bool(peak > threshold and (touching & (first >= begin)).any())
    return Pages(int(true.sum()), int((~true & ~excused).sum()), paged, caught, own)


def _around(marks: Marks) -> tuple[list[int], list[int]]:
    """First and one-past-last sample of what belongs to each incident; between two it is shared at the later one."""
    begins, ends = marks.incidents.T.tolist()
    for at in range(len(begins)):
        while begins[at] > (ends[at - 1] if at else 0) and marks.belongs[begins[at] - 1]:
            begins[at] -= 1
        last = begins[at + 1] if at + 1 < len(begins) else len(marks.belongs)
        while ends[at] < last and marks.belongs[ends[at]]:
            ends[at] += 1
    return begins, ends
