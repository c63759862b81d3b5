"""A range in pieces: a piece that the server refuses is halved, down to the instants at fault.

A refusal may depend on the range: one instant at which series collide, more series than the watch
allows at one time, or a limit of the server on the length of a range or on its samples.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from plugin.errors import PrometheusError, TooManySeries
from plugin.prometheus.matrix import Matrix
from plugin.prometheus.query_result import QueryGap
from plugin.prometheus.transport import AnswerTooLarge, RangeRefused, RequestTooSlow, ServerTooSlow

MAX_POINTS = 10_000  # per series and request; Prometheus refuses above 11,000
MAX_SAMPLES = 1_000_000  # per request: about 30 MB of JSON and 200 MB while it is parsed
# Of one range, until gaps become coarser: twice as long after as many more. A day of nothing but
# refusals is exact at a step of five minutes, and five weeks of them end after some thousands.
EXACT_REFUSALS = 1000


@dataclass(frozen=True)
class Piece:
    """What was answered for start..end, unix seconds, both included."""

    start: int
    end: int
    matrix: Matrix
    warnings: tuple[str, ...]
    infos: tuple[str, ...]
    partial: bool  # the server says that samples may be missing
    attempts: int  # HTTP requests


@dataclass
class PieceLimits:
    """Points of the longest piece of a query that the server answers, as far as that is known."""

    allowed: int = MAX_POINTS  # it refuses longer ones; never grows
    timely: int = (
        MAX_POINTS  # halved where an answer comes too late, doubled where it comes in time
    )


@dataclass
class RangeWalk:
    """Walks over one range in the order of time.

    ask: start, end -> the answer; raises PrometheusError. probe_time: a grid time at which the
    query must work, or nothing is walked. limits: the walk changes them when it learns better.
    """

    ask: Callable[[int, int], Piece]
    step: int
    probe_time: int
    points: int  # of the next piece
    limits: PieceLimits
    gaps: list[QueryGap] = field(default_factory=list)
    skipped: int = 0  # pieces that were given up
    refusals: int = 0
    requests: int = 0  # HTTP requests so far
    _probed: bool = False

    def pieces(self, start: int, end: int) -> Iterator[Piece]:
        """The pieces of start..end. The number of series in one sets the size of the next one.

        Raises PrometheusError; a refusal only where the query is refused at `probe_time`, too.
        """
        while start <= end:
            points = min(self.points, self.limits.allowed, self.limits.timely)
            piece_end = min(start + (points - 1) * self.step, end)
            try:
                piece = self._asked(start, piece_end)
            except AnswerTooLarge:
                if piece_end == start:
                    raise
                self.points = max(1, (piece_end - start) // self.step // 4)
                continue
            except (RequestTooSlow, ServerTooSlow):
                self.limits.timely = max(1, (piece_end - start) // self.step // 2)
                raise
            except (RangeRefused, TooManySeries) as error:
                yield from self._halved(start, piece_end, error)
            else:
                yield piece
                self.points = chunk_points(piece.matrix.living)
                self.limits.timely = min(MAX_POINTS, 2 * self.limits.timely)
            start = piece_end + self.step

    def _asked(self, start: int, end: int) -> Piece:
        try:
            piece = self.ask(start, end)
        except PrometheusError:
            self.requests += 1
            raise
        self.requests += piece.attempts
        return piece

    def _halved(self, start: int, end: int, error: PrometheusError) -> Iterator[Piece]:
        """The pieces of a range that was refused, without the instants at fault."""
        self.refusals += 1
        self._probe(start, end, error)
        points = (end - start) // self.step + 1
        if points <= 1 << max(0, self.refusals // EXACT_REFUSALS):
            self._skip(QueryGap(start, end, error))
            return
        middle = start + points // 2 * self.step
        skipped = self.skipped
        yield from self.pieces(start, middle - self.step)
        yield from self.pieces(middle, end)
        if self.skipped == skipped:  # no instant is at fault: it was the length
            self.limits.allowed = min(self.limits.allowed, -(-points // 2))

    def _probe(self, start: int, end: int, error: PrometheusError) -> None:
        """Once, at the first refusal: a query that is wrong altogether is not halved."""
        if self._probed:
            return
        self._probed = True
        if start == end == self.probe_time:
            raise error
        self._asked(self.probe_time, self.probe_time)

    def _skip(self, gap: QueryGap) -> None:
        """Gaps that touch and have the same reason become one."""
        self.skipped += 1
        last = self.gaps[-1] if self.gaps else None
        if (
            last is not None
            and last.end + self.step == gap.start
            and last.error.reason == gap.error.reason
        ):
            self.gaps[-1] = QueryGap(last.start, gap.end, last.error)
        else:
            self.gaps.append(gap)


def chunk_points(series: int) -> int:
    """Points per series in a request that returns so many series at one time."""
    return max(1, min(MAX_POINTS, MAX_SAMPLES // max(1, series)))
