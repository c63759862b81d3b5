"""A stretch of time of one series. Pure."""

from collections.abc import Iterable
from typing import NamedTuple


class Interval(NamedTuple):
    """From `start` to `end`, unix seconds; both belong to it."""

    series_id: int
    start: int
    end: int

    def overlaps(self, start: int, end: int) -> bool:
        """Whether it has a second in common with start..end, both included."""
        return self.start <= end and start <= self.end

    def without(self, holes: Iterable["Interval"]) -> list["Interval"]:
        """What is left of it outside the holes of the same series, the earliest piece first."""
        pieces = [self]
        for hole in holes:
            if hole.series_id == self.series_id:
                pieces = [rest for piece in pieces for rest in piece._outside(hole)]
        return pieces

    def _outside(self, hole: "Interval") -> list["Interval"]:
        left = self._replace(end=min(self.end, hole.start - 1))
        right = self._replace(start=max(self.start, hole.end + 1))
        return [piece for piece in (left, right) if piece.start <= piece.end]


def by_series(intervals: Iterable[Interval]) -> dict[int, list[Interval]]:
    """The intervals of each series, in the order given."""
    groups: dict[int, list[Interval]] = {}
    for interval in intervals:
        groups.setdefault(interval.series_id, []).append(interval)
    return groups
