"""When something that recurs takes place, around the times that are asked about. Pure."""

import sys
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator

from plugin.domain.times import DAY, HOUR

MAX_KNOWN = 200_000  # occurrences at once
LOOK_BACK = 100 * DAY  # seconds: a stretch that is searched at once
LOOK_BACKS = 400  # more than a century, for which a rule is expanded
# At a change of the clocks, times in local order may be out of order by less than this.
DISORDER_SECONDS = 2 * HOUR
Span = tuple[int, int]  # unix seconds, the end excluded


class Occurrences:
    """The occurrences of one window by start. Those around what is asked are computed, and kept."""

    def __init__(self, spans_from: Callable[[int], Iterator[Span]], longest: int) -> None:
        """spans_from: all from a time on, or from a little earlier, in order of time except around
        a change of the clocks. longest: seconds that none of them exceeds."""
        self._spans_from = spans_from
        self._longest = longest
        self._lock = threading.Lock()  # the jobs of several watches share it
        self._spans: Iterator[Span] = iter(())
        # All that start from `_begin` to `_end` are known, and perhaps some more.
        self._known = list[Span]()
        self._begin = sys.maxsize
        self._end = 0

    def between(self, start: int, end: int) -> list[Span]:
        """Those that touch start..end, both included."""
        begin = start - self._longest
        with self._lock:
            self._compute(begin, end)
            first = bisect_left(self._known, (begin,))
            last = bisect_left(self._known, (end + 1,))
            return [span for span in self._known[first:last] if span[1] > start]

    def first_after(self, time: int) -> Span | None:
        """The first that starts later; None if there is none."""
        with self._lock:
            self._compute(time, time)
            first = bisect_left(self._known, (time + 1,))
            return self._known[first] if first < len(self._known) else None

    def last_until(self, time: int) -> Span | None:
        """The last that starts at this time or earlier; None if there is none."""
        with self._lock:
            for end in range(time, time - LOOK_BACKS * LOOK_BACK, -LOOK_BACK):
                self._compute(end - LOOK_BACK, end)
                count = bisect_left(self._known, (time + 1,))
                if count:
                    return self._known[count - 1]
        return None

    def _compute(self, begin: int, end: int) -> None:
        """Makes known all that start from `begin` to `end`; the caller holds the lock."""
        is_full = len(self._known) >= MAX_KNOWN and end > self._end
        if is_full or not self._begin <= begin <= self._end + LOOK_BACK:
            self._spans = self._spans_from(begin)
            self._known = []
            self._begin = begin
            self._end = begin - 1
        while self._end < end and len(self._known) < MAX_KNOWN:
            span = next(self._spans, None)
            if span is None:
                self._end = sys.maxsize  # there are no others
                return
            self._known.append(span)
            self._end = span[0] - DISORDER_SECONDS
            if len(self._known) > 1 and span < self._known[-2]:
                self._known.sort()
                self._end = self._known[-1][0] - DISORDER_SECONDS
