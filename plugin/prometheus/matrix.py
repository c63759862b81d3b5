"""The `matrix` of a range query as arrays, checked against the range of the query."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from plugin.errors import AnswerInvalid
from plugin.series import FloatArray, IntArray, Labels, Series, is_text


@dataclass(frozen=True)
class Matrix:
    """The series of one part of a range. The samples of series i are `ends[i - 1]:ends[i]` of the
    flat arrays."""

    labels: list[Labels]  # [S] unique
    ends: IntArray  # [S]
    times: IntArray  # [N] unix seconds on the grid, ascending and unique within a series
    values: FloatArray  # [N] finite
    living: int  # series that have a sample at the same time, at most
    unreadable: int = 0  # series that are left out, because a label of theirs is not text

    @classmethod
    def parse(cls, data: Any, start: int, end: int, step: int) -> "Matrix":
        """Reads `data` of the HTTP API. Samples with NaN or infinite values are left out: they are
        gaps. (Prometheus leaves stale markers out itself.) So are series with a label that is not
        text, which no answer of ours could show.

        start, end, step: unix seconds and seconds of the query. Raises AnswerInvalid for another
        type of result, a sample off the grid, or two series with the same labels.
        """
        try:
            if data["resultType"] != "matrix":
                raise AnswerInvalid(
                    f"a range query was answered with a {data['resultType']!r}, not a matrix"
                )
            answered: Sequence[Mapping[str, Any]] = data["result"]
            result = [entry for entry in answered if is_text(entry["metric"])]
            if any("histograms" in entry for entry in result):
                raise AnswerInvalid(
                    "the query returns native histograms: make numbers of them with "
                    "histogram_quantile(...) or histogram_count(...)"
                )
            labels = [Labels.of(entry["metric"]) for entry in result]
            pairs = list(chain.from_iterable(entry["values"] for entry in result))
            times = np.fromiter((pair[0] for pair in pairs), np.float64, len(pairs))
            values = np.fromiter((float(pair[1]) for pair in pairs), np.float64, len(pairs))
            lengths = np.array([len(entry["values"]) for entry in result], np.int64)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise AnswerInvalid(
                f"Prometheus answered a matrix that cannot be read ({error!r})"
            ) from error
        refuse_twins(labels)
        matrix = cls._sorted(labels, lengths, on_grid(times, start, end, step), values)
        return replace(matrix, unreadable=len(answered) - len(result))

    @classmethod
    def _sorted(
        cls, labels: list[Labels], lengths: IntArray, times: IntArray, values: FloatArray
    ) -> "Matrix":
        """Without values that are not finite, sorted by time, each time once."""
        rows = np.repeat(np.arange(len(labels)), lengths)
        living = int(np.unique(times, return_counts=True)[1].max(initial=0))
        finite = np.isfinite(values)
        rows = rows[finite]
        times = times[finite]
        values = values[finite]
        if np.any((np.diff(times) <= 0) & (np.diff(rows) == 0)):
            _, first = np.unique(np.stack([rows, times]), axis=1, return_index=True)
            rows = rows[first]
            times = times[first]
            values = values[first]
        ends = np.cumsum(np.bincount(rows, minlength=len(labels))).astype(np.int64)
        return cls(labels, ends, times, values, living)


def refuse_twins(labels: Sequence[Labels]) -> None:
    """Raises AnswerInvalid if two series have the same labels."""
    for label_set, count in Counter(labels).most_common(1):
        if count > 1:
            raise AnswerInvalid(
                f"Prometheus answered {count} series with the same labels {label_set}"
            )


def on_grid(times: FloatArray, start: int, end: int, step: int) -> IntArray:
    """The times as unix seconds. Raises AnswerInvalid if one is not start, start + step, ..., or
    end."""
    with np.errstate(invalid="ignore"):
        whole = times.astype(np.int64)
    wrong = (whole != times) | (whole < start) | (whole > end) | ((whole - start) % step != 0)
    if wrong.any():
        raise AnswerInvalid(
            f"the answer has a sample at {times[wrong][0]:.3f}, which is not on the grid "
            f"{start}..{end} of step {step} that was asked for"
        )
    return whole


def merge(chunks: Sequence[Matrix]) -> list[Series]:
    """Joins parts that follow each other in time; series in the order in which they first
    occur."""
    parts: dict[Labels, list[tuple[IntArray, FloatArray]]] = {}
    for chunk in chunks:
        start = 0
        for labels, end in zip(chunk.labels, chunk.ends.tolist(), strict=True):
            parts.setdefault(labels, []).append((chunk.times[start:end], chunk.values[start:end]))
            start = end
    return [
        Series(
            labels,
            np.concatenate([times for times, _ in pieces]),
            np.concatenate([values for _, values in pieces]),
        )
        for labels, pieces in parts.items()
    ]
