"""The lines and tables of the older JSON protocol."""

from collections.abc import Iterator, Sequence
from typing import Literal

from plugin.errors import RequestError
from plugin.web.answer_types import Line, Table, TableColumn
from plugin.web.context import WebContext
from plugin.web.row_types import BandNumbers
from plugin.web.rows import Row, number_rows
from plugin.web.simple_json_targets import TargetCandidate, legend
from plugin.web.thinning import thin

MAX_SERIES = 1000  # that one target may draw
MAX_POINTS = 200_000  # that one answer may draw


class LineDrawing:
    """The lines of one request. A series that several targets draw is read and thinned once."""

    def __init__(self, context: WebContext, bounds: tuple[int, int], points: int) -> None:
        """bounds: unix seconds, both ends included. points: of one line."""
        self._context = context
        self._bounds = bounds
        self._points = points
        self._steps = {name: snapshot.step for name, snapshot in context.board.snapshots().items()}
        self._numbers: dict[int, list[BandNumbers]] = {}  # by series id
        self._drawn = 0

    def draw(
        self, field: str, candidates: Sequence[TargetCandidate], template: str | None
    ) -> Iterator[Line]:
        """One line per series that has samples. Raises RequestError when they are too many."""
        drawable = [candidate for candidate in candidates if candidate.record is not None]
        if len(drawable) > MAX_SERIES:
            raise RequestError(
                f"`{field}` has {len(drawable)} series and one answer draws {MAX_SERIES} at most:"
                " narrow the target",
                field="targets",
                code="too_much",
            )
        for candidate in drawable:
            numbers = self._read(candidate)
            self._drawn += len(numbers)
            if self._drawn > MAX_POINTS:
                raise RequestError(
                    f"more than {MAX_POINTS} points: narrow the targets or the range, or lower "
                    "`maxDataPoints`",
                    field="targets",
                    code="too_much",
                )
            if numbers:
                yield Line(
                    target=legend(template, candidate.columns, field),
                    datapoints=[(getattr(row, field), row.time) for row in numbers],
                )

    def _read(self, candidate: TargetCandidate) -> list[BandNumbers]:
        record = candidate.record
        assert record is not None
        if record.id not in self._numbers:
            samples = self._context.store.samples.of(record.id, *self._bounds)
            self._numbers[record.id] = number_rows(
                thin(samples, self._steps.get(record.watch, 0), self._points)
            )
        return self._numbers[record.id]


def table(rows: Sequence[Row]) -> Table:
    names = list(rows[0]) if rows else []
    return Table(
        columns=[TableColumn(text=name, type=_type(name, rows)) for name in names],
        rows=[[row[name] for name in names] for row in rows],
    )


def _type(name: str, rows: Sequence[Row]) -> Literal["string", "number", "time"]:
    """Of a column. Text is never null in our rows, so a column of nulls holds numbers."""
    if name in ("time", "timeEnd"):
        return "time"
    return "string" if any(isinstance(row[name], str) for row in rows) else "number"
