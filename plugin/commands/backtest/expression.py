"""The series of a backtest that come from an expression on a Prometheus."""

import logging

import pandas as pd

from plugin.commands.backtest.recording import Recording, recorded
from plugin.domain.times import instant
from plugin.errors import BandwatchError, PrometheusError
from plugin.grid import Grid, align
from plugin.jobs.source_holes import columns_within, search_holes
from plugin.prometheus import PrometheusReader
from plugin.range_vectors import longest_range_vector
from plugin.series import BoolArray

MAX_SERIES = 1000  # of an expression
MAX_NAME_CHARACTERS = 100  # of a series, in the name of its file

log = logging.getLogger(__name__)


def query_recordings(
    reader: PrometheusReader, expression: str, start: int, end: int, step: int
) -> list[Recording]:
    """The series of an expression.

    Raises PrometheusError, and BandwatchError when there is none.
    """
    answer = reader.range(expression, start, end, step, max_series=MAX_SERIES)
    for text in answer.warnings:
        log.warning("answer with a warning", extra={"warning": text})
    for gap in answer.gaps:
        log.warning(
            "the query cannot be evaluated at some steps: they stay without samples",
            extra={
                "steps": (gap.end - gap.start) // step + 1,
                "from": gap.start,
                "to": gap.end,
                "err": str(gap.error),
            },
        )
    if not answer.series:
        raise BandwatchError(
            f"{expression}: no series between {start} and {end}; is it a folder that does not"
            " exist?"
        )
    window = Grid.between(start, end, step)
    values = align(answer.series, window)
    times = window.times
    no_columns = pd.DataFrame(index=range(len(times)))
    over_hole = _over_hole(reader, expression, window)
    return [
        recorded(
            f"{number:03d}_{_file_name(str(series.labels))}",
            step,
            times,
            row,
            no_columns,
            over_hole,
        )
        for number, (series, row) in enumerate(zip(answer.series, values, strict=True))
    ]


def _over_hole(reader: PrometheusReader, expression: str, window: Grid) -> BoolArray | None:
    """[T] where an expression looks back over a hole of its source, as in the service."""
    vector = longest_range_vector(expression)
    try:
        spans = search_holes(reader, vector, window.start, window.end, window.step).spans
    except PrometheusError as error:
        log.warning("holes of the source not looked for", extra={"err": str(error)})
        return None
    for start, end in spans:
        log.warning(
            "the source has a hole: what looks back over it is scored, but does not alert",
            extra={"from": instant(start), "until": instant(end)},
        )
    return columns_within(spans, window)


def _file_name(text: str) -> str:
    safe = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in text)
    return safe[:MAX_NAME_CHARACTERS].strip("_")
