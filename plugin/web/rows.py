"""Samples and snapshots -> flat JSON rows. Pure.

Here and nowhere else seconds become milliseconds, and a number that is not finite becomes null.

A row has a column per label. A label whose name is a column of ours, or one that Grafana would
swallow, is prefixed `label_`; so is a label of the series that the watch sets itself. A label of
the watch that clashes with a column is prefixed `watch_`. Every row of an answer has every label
column: "" where a series has none.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from plugin.board import Snapshot
from plugin.domain.learning import learning_end
from plugin.domain.times import duration
from plugin.domain.wording import explanation, learning
from plugin.series import FloatArray, IntArray, Labels, Samples, SeriesRecord, renamed
from plugin.web.alarm_types import OpenAlarmRow
from plugin.web.row_types import BandNumbers, BandRow, BudgetRow, IncidentRow, ScoreRow

Row = dict[str, str | int | float | None]

COLUMNS = frozenset(
    name
    for row in (BandRow, ScoreRow, IncidentRow, BudgetRow, OpenAlarmRow)
    for name in row.__struct_encode_fields__
)
# Grafana sets these labels on every alert itself.
GRAFANA_LABELS = frozenset({"alertname", "grafana_folder"})
RESERVED_COLUMNS = COLUMNS | GRAFANA_LABELS

_encoder = msgspec.json.Encoder()


def encode(answer: object) -> bytes:
    """Strict JSON in UTF-8."""
    return _encoder.encode(answer)


def label_columns(labels: Labels, watch_labels: Mapping[str, str] = Labels(())) -> dict[str, str]:
    """The labels of a series and those of its watch under the names that the rows use."""
    columns = {
        renamed(name, RESERVED_COLUMNS, "watch_"): value for name, value in watch_labels.items()
    }
    taken_names = RESERVED_COLUMNS | columns.keys()
    return columns | {renamed(name, taken_names): value for name, value in labels.items()}


def finite(number: float) -> float | None:
    """JSON has no number that is not finite."""
    return number if math.isfinite(number) else None


def number_rows(samples: Samples, provisional_until: int = 0) -> list[BandNumbers]:
    """Every sample of one series, only the numbers.

    provisional_until: unix seconds; samples before are provisional.
    """
    columns = (
        samples.value,
        samples.expected,
        samples.lower,
        samples.upper,
        samples.score,
        _anomalies(samples.value, samples.score),
        _provisional(samples, provisional_until),
    )
    return list(map(BandNumbers, milliseconds(samples.times), *map(_nullable, columns)))


def band_rows(
    parts: Sequence[tuple[SeriesRecord, Samples]],
    learning_ends: Mapping[int, int] = MappingProxyType({}),
) -> list[Row]:
    """Every sample of every series, sorted by time over all series.

    learning_ends: series id -> unix seconds; its samples before are provisional.
    """
    if not parts:
        return []
    heads = [_named(record) | label_columns(record.labels) for record, _ in parts]
    owner = np.repeat(np.arange(len(parts)), [len(samples) for _, samples in parts])
    columns = _joined(parts, learning_ends)
    if len(parts) > 1:
        order = np.argsort(columns[0], kind="stable")
        owner = owner[order]
        columns = [column[order] for column in columns]
    head = filled(heads)
    return [
        {
            "time": time,
            "value": value,
            "expected": expected,
            "lower": lower,
            "upper": upper,
            "score": score,
            "anomaly": anomaly,
            "provisional": provisional,
            **head[series],
        }
        for series, time, value, expected, lower, upper, score, anomaly, provisional in zip(
            owner.tolist(), milliseconds(columns[0]), *map(_nullable, columns[1:]), strict=True
        )
    ]


def _joined(
    parts: Sequence[tuple[SeriesRecord, Samples]], learning_ends: Mapping[int, int]
) -> list[Any]:
    """The columns of BandNumbers, times in seconds, of all series one after the other."""
    columns = [
        np.concatenate([getattr(samples, name) for _, samples in parts])
        for name in ("times", "value", "expected", "lower", "upper", "score")
    ]
    provisional = [
        _provisional(samples, learning_ends.get(record.id, 0)) for record, samples in parts
    ]
    return [*columns, _anomalies(columns[1], columns[5]), np.concatenate(provisional)]


def _anomalies(value: FloatArray, score: FloatArray) -> FloatArray:
    """The values that are outside their band, NaN elsewhere."""
    return np.where(score > 1, value, np.nan)


def _provisional(samples: Samples, provisional_until: int) -> FloatArray:
    """What was expected of provisional samples, NaN elsewhere."""
    return np.where(samples.times < provisional_until, samples.expected, np.nan)


def score_rows(
    *snapshots: Snapshot, now: float, explanations: Mapping[int, str] = MappingProxyType({})
) -> list[Row]:
    """The latest row of every series, for tables and people, sorted by time.

    explanations: by series id; the other series get a sentence about their latest sample.
    """
    rows = [row for snapshot in snapshots for row in _latest(snapshot, now)]
    if explanations:
        ids = (record.id for snapshot in snapshots for record in snapshot.series)
        rows = [
            {**row, "explanation": explanations[series_id]} if series_id in explanations else row
            for series_id, row in zip(ids, rows, strict=True)
        ]
    heads = filled(
        [
            label_columns(record.labels, snapshot.labels)
            for snapshot in snapshots
            for record in snapshot.series
        ]
    )
    full: list[Row] = [{**row, **head} for row, head in zip(rows, heads, strict=True)]
    return sorted(full, key=lambda row: row["time"] or 0)


def _latest(snapshot: Snapshot, now: float) -> list[Row]:
    """The rows without label columns."""
    count = len(snapshot.series)
    above = snapshot.value > snapshot.upper
    below = snapshot.value < snapshot.lower
    model_age = np.where(snapshot.model_time > 0, np.round(now - snapshot.model_time, 3), np.nan)
    columns: dict[str, Sequence[str | int | float | None]] = {
        "time": [time or None for time in milliseconds(snapshot.times)],
        "series": [str(record.labels) for record in snapshot.series],
        "watch": [record.watch for record in snapshot.series],
        "value": _nullable(snapshot.value),
        "expected": _nullable(snapshot.expected),
        "lower": _nullable(snapshot.lower),
        "upper": _nullable(snapshot.upper),
        "score": _nullable(snapshot.score),
        "age_seconds": _nullable(ages(snapshot, now)),
        "state": [record.state.value for record in snapshot.series],
        "learning_until": _learning_until(snapshot),
        "missing": snapshot.missing.astype(int).tolist(),
        "direction": (above.astype(int) - below.astype(int)).tolist(),
        "detector": snapshot.detector,
        "model_version": snapshot.model_version.tolist(),
        "model_age_seconds": _nullable(model_age),
        "step": [snapshot.step] * count,
        "unit": [snapshot.settings.unit] * count,
        "explanation": list(_explained(snapshot, now)),
    }
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _explained(snapshot: Snapshot, now: float) -> Iterable[str]:
    columns = (snapshot.value, snapshot.expected, snapshot.lower, snapshot.upper, snapshot.score)
    sentences = map(
        explanation, *(column.tolist() for column in columns), repeat(snapshot.settings.unit)
    )
    notes = (
        f"; {learning(time // 1000, int(now))}" if time else ""
        for time in _learning_until(snapshot)
    )
    return (
        f"no sample for {duration(int(now) - time)}; before: {text}{note}"
        if missing and time
        else text + note
        for text, note, missing, time in zip(
            sentences, notes, snapshot.missing.tolist(), snapshot.times.tolist(), strict=True
        )
    )


def _learning_until(snapshot: Snapshot) -> list[int | None]:
    """[S] milliseconds; None = it is not learning."""
    learn_for = snapshot.settings.learn_for
    return [
        learning_end(record.first_seen, learn_for) * 1000 if is_learning else None
        for record, is_learning in zip(snapshot.series, snapshot.learning.tolist(), strict=True)
    ]


def ages(snapshot: Snapshot, now: float) -> FloatArray:
    """[S] seconds since the latest sample; NaN = none yet."""
    return np.where(snapshot.times > 0, np.round(now - snapshot.times, 3), np.nan)


def _named(record: SeriesRecord) -> dict[str, str]:
    return {"series": str(record.labels), "watch": record.watch}


def filled(heads: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The same heads with one set of columns: ours first, then by name; "" where a series has
    none."""
    names = (
        sorted(set().union(*heads), key=lambda name: (name not in COLUMNS, name)) if heads else []
    )
    blank_row = dict.fromkeys(names, "")
    return [{**blank_row, **head} for head in heads]


def milliseconds(times: IntArray) -> list[int]:
    scaled: list[int] = (times * 1000).tolist()
    return scaled


def _nullable(column: FloatArray) -> list[float | None]:
    numbers: list[float | None] = column.tolist()
    for position in np.flatnonzero(~np.isfinite(column)).tolist():
        numbers[position] = None
    return numbers
