"""The `matrix` of a range query as arrays, checked against the range of the query."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from plugin.errors import AnswerInvalid
from plugin.prometheus.range_answer import RangeData, labels_of
from plugin.series import FloatArray, IntArray, Labels, Series, is_text

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError)


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
        if isinstance(data, RangeData):
            return cls._of_range(data, start, end, step)
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
            flat = _flat([entry["values"] for entry in result])
        except UNREADABLE as error:
            raise _unreadable(error) from error
        refuse_twins(labels)
        matrix = cls._sorted(labels, flat, start, end, step)
        return replace(matrix, unreadable=len(answered) - len(result))

    @classmethod
    def _of_range(cls, data: RangeData, start: int, end: int, step: int) -> "Matrix":
        """The same of an answer whose labels have not been read."""
        try:
            known = [labels_of(bytes(series.metric)) for series in data.result]
            labels = [label_set for label_set in known if label_set is not None]
            answered = data.result
            if len(labels) < len(known):
                answered = [
                    series
                    for series, label_set in zip(answered, known, strict=True)
                    if label_set is not None
                ]
            flat = _flat([series.values for series in answered])
        except UNREADABLE as error:
            raise _unreadable(error) from error
        refuse_twins(labels)
        matrix = cls._sorted(labels, flat, start, end, step)
        return replace(matrix, unreadable=len(known) - len(labels))

    @classmethod
    def _sorted(
        cls, labels: list[Labels], flat: "_FlatSamples", start: int, end: int, step: int
    ) -> "Matrix":
        """Without values that are not finite, sorted by time, each time once."""
        lengths, answered_times, values = flat
        times = on_grid(answered_times, start, end, step)
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


class _FlatSamples(NamedTuple):
    """The samples of all series, one after the other."""

    lengths: IntArray  # [S]
    times: FloatArray  # [N]
    values: FloatArray  # [N]


def _flat(samples: Sequence[Sequence[Sequence[Any]]]) -> _FlatSamples:
    pairs = list(chain.from_iterable(samples))
    return _FlatSamples(
        np.array([len(one) for one in samples], np.int64),
        np.fromiter((pair[0] for pair in pairs), np.float64, len(pairs)),
        np.fromiter((float(pair[1]) for pair in pairs), np.float64, len(pairs)),
    )


def _unreadable(error: Exception) -> AnswerInvalid:
    return AnswerInvalid(f"Prometheus answered a matrix that cannot be read ({error!r})")


def refuse_twins(labels: Sequence[Labels]) -> None:
    """Raises AnswerInvalid if two series have the same labels."""
    if len(set(labels)) == len(labels):
        return
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
    if len(chunks) == 1:
        return _series_of(chunks[0])
    parts: dict[Labels, list[Series]] = {}
    for chunk in chunks:
        for piece in _series_of(chunk):
            parts.setdefault(piece.labels, []).append(piece)
    return [
        Series(
            labels,
            np.concatenate([piece.times for piece in pieces]),
            np.concatenate([piece.values for piece in pieces]),
        )
        for labels, pieces in parts.items()
    ]


def _series_of(chunk: Matrix) -> list[Series]:
    ends = chunk.ends.tolist()
    return [
        Series(labels, chunk.times[start:end], chunk.values[start:end])
        for labels, start, end in zip(chunk.labels, [0, *ends], ends, strict=False)
    ]
