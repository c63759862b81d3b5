"""The `matrix` of a range query as arrays, checked against what was asked."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from plugin.errors import AnswerInvalid
from plugin.series import FloatArray, IntArray, Labels, Series


@dataclass(frozen=True)
class Matrix:
    """The series of one chunk; the samples of series i are `ends[i - 1]:ends[i]` of the flat
    arrays."""

    labels: list[Labels]  # [S] unique
    ends: IntArray  # [S]
    times: IntArray  # [N] unix seconds on the grid, ascending and unique within a series
    values: FloatArray  # [N] finite

    @classmethod
    def parse(cls, data: Any, start: int, end: int, step: int) -> "Matrix":
        """Reads `data` of the HTTP API. NaN and infinities are gaps: such samples are left out.

        (Prometheus itself leaves stale markers out.) Raises AnswerInvalid for another type of
        result, a sample off the grid, or two series with the same labels.
        """
        try:
            if data["resultType"] != "matrix":
                raise AnswerInvalid(
                    f"a range query was answered with a {data['resultType']!r}, not a matrix"
                )
            result: Sequence[Mapping[str, Any]] = data["result"]
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
        return cls._checked(labels, lengths, on_grid(times, start, end, step), values)

    @classmethod
    def _checked(
        cls, labels: list[Labels], lengths: IntArray, times: IntArray, values: FloatArray
    ) -> "Matrix":
        """Drops what is not finite; should times repeat or run backwards, sorts and keeps one of
        each."""
        rows = np.repeat(np.arange(len(labels)), lengths)
        keep = np.isfinite(values)
        rows = rows[keep]
        times = times[keep]
        values = values[keep]
        if np.any((np.diff(times) <= 0) & (np.diff(rows) == 0)):
            _, first = np.unique(np.stack([rows, times]), axis=1, return_index=True)
            rows = rows[first]
            times = times[first]
            values = values[first]
        ends = np.cumsum(np.bincount(rows, minlength=len(labels))).astype(np.int64)
        return cls(labels, ends, times, values)


def refuse_twins(labels: Sequence[Labels]) -> None:
    for label_set, count in Counter(labels).most_common(1):
        if count > 1:
            raise AnswerInvalid(
                f"Prometheus answered {count} series with the same labels {label_set}"
            )


def on_grid(times: FloatArray, start: int, end: int, step: int) -> IntArray:
    """The times as unix seconds; AnswerInvalid where one is not among start, start + step, ...,
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
    """Joins chunks that follow one another in time; series in the order of their first
    appearance."""
    parts: dict[Labels, list[tuple[IntArray, FloatArray]]] = {}
    for chunk in chunks:
        begin = 0
        for labels, end in zip(chunk.labels, chunk.ends.tolist(), strict=True):
            parts.setdefault(labels, []).append((chunk.times[begin:end], chunk.values[begin:end]))
            begin = end
    return [
        Series(
            labels,
            np.concatenate([times for times, _ in found]),
            np.concatenate([values for _, values in found]),
        )
        for labels, found in parts.items()
    ]
