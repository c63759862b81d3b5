"""Samples and snapshots -> flat JSON rows. Pure.

Here and nowhere else seconds become milliseconds, and a number that is not finite becomes null.

A row has a column per label. A label whose name is a column of ours, or one that Grafana would swallow, is
prefixed `label_`; so is a label of the series that the watch sets itself. A label of the watch that clashes
with a column is prefixed `watch_`. Every row of an answer has every label column: "" where a series has none.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from plugin.board import Snapshot
from plugin.series import FloatArray, IntArray, Labels, Samples, SeriesRecord, SeriesState, renamed

Row = dict[str, str | int | float | None]

COLUMNS = frozenset({"time", "series", "watch", "value", "expected", "lower", "upper", "score", "age_seconds",
                     "missing", "state", "direction", "detector", "model_version", "step", "explanation"})
SWALLOWED = frozenset({"alertname", "grafana_folder"})  # Grafana sets these labels on every alert itself
TAKEN = COLUMNS | SWALLOWED
FIELDS = ("score", "value", "expected", "lower", "upper", "age_seconds", "missing")  # of /alert
NO_BOUND = 1e300  # stands for an infinite bound where a rule needs a number: Grafana refuses 1e999

_encoder = msgspec.json.Encoder()


def encode(answer: object) -> bytes:
    """Strict JSON in UTF-8."""
    return _encoder.encode(answer)


def label_columns(labels: Labels, own: Mapping[str, str] = Labels(())) -> dict[str, str]:
    """The labels of a series and those of its watch under the names that the rows use."""
    ours = {renamed(name, TAKEN, "watch_"): value for name, value in own.items()}
    taken = TAKEN | ours.keys()
    return ours | {renamed(name, taken): value for name, value in labels.items()}


class Numbers(msgspec.Struct, gc=False):
    """A row of /bands without labels, which is what a panel asks for: quicker to make and to encode than a dict."""

    time: int  # ms
    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    score: float | None


def number_rows(samples: Samples) -> list[Numbers]:
    """Every sample of one series, only the numbers."""
    columns = (samples.value, samples.expected, samples.lower, samples.upper, samples.score)
    return list(map(Numbers, _milliseconds(samples.times), *map(_nullable, columns)))


def band_rows(parts: Sequence[tuple[SeriesRecord, Samples]]) -> list[Row]:
    """Every sample of every series, sorted by time over all series."""
    if not parts:
        return []
    heads = [_named(record) | label_columns(record.labels) for record, _ in parts]
    owner = np.repeat(np.arange(len(parts)), [len(samples) for _, samples in parts])
    columns = [np.concatenate([getattr(samples, name) for _, samples in parts])
               for name in ("times", "value", "expected", "lower", "upper", "score")]
    if len(parts) > 1:
        order = np.argsort(columns[0], kind="stable")
        owner, columns = owner[order], [column[order] for column in columns]
    head = _filled(heads)
    return [{"time": time, "value": value, "expected": expected, "lower": lower, "upper": upper,
             "score": score, **head[series]}
            for series, time, value, expected, lower, upper, score
            in zip(owner.tolist(), _milliseconds(columns[0]), *map(_nullable, columns[1:]), strict=True)]


def score_rows(*snapshots: Snapshot, now: float) -> list[Row]:
    """The latest row of every series, for tables and people, sorted by time."""
    rows = [row for snapshot in snapshots for row in _latest(snapshot, now)]
    heads = _filled([label_columns(record.labels, snapshot.labels)
                     for snapshot in snapshots for record in snapshot.series])
    full: list[Row] = [{**row, **head} for row, head in zip(rows, heads, strict=True)]
    return sorted(full, key=lambda row: row["time"] or 0)


def alert_rows(snapshots: Iterable[Snapshot], field: str, now: float) -> list[Row]:
    """One row per series that alert rules should see: `watch`, labels, and exactly one finite number.

    Whether a series has a row is decided by its alert score alone, so every field has the same rows.
    """
    heads, numbers = [], []
    for snapshot in snapshots:
        shown = np.flatnonzero(~np.isnan(snapshot.alert_score))
        numbers += _finite(_field(snapshot, field, now), snapshot, field)[shown].tolist()
        heads += [{"watch": snapshot.watch} | label_columns(snapshot.series[i].labels, snapshot.labels)
                  for i in shown.tolist()]
    return [{**head, field: number} for head, number in zip(_filled(heads), numbers, strict=True)]


def _latest(snapshot: Snapshot, now: float) -> Iterable[Row]:
    above, below = snapshot.value > snapshot.upper, snapshot.value < snapshot.lower
    floats = map(_nullable, (snapshot.value, snapshot.expected, snapshot.lower, snapshot.upper,
                             snapshot.score, _ages(snapshot, now)))
    times = [time or None for time in _milliseconds(snapshot.times)]
    direction = (above.astype(int) - below.astype(int)).tolist()
    return [{"time": time, **_named(record), "value": value, "expected": expected, "lower": lower,
             "upper": upper, "score": score, "age_seconds": age, "state": record.state.value,
             "direction": sign, "detector": detector, "model_version": version, "step": snapshot.step}
            for record, time, value, expected, lower, upper, score, age, sign, detector, version
            in zip(snapshot.series, times, *floats, direction, snapshot.detector,
                   snapshot.model_version.tolist(), strict=True)]


def _field(snapshot: Snapshot, field: str, now: float) -> FloatArray:
    made: dict[str, Callable[[], FloatArray]] = {
        "score": lambda: snapshot.alert_score,
        "age_seconds": lambda: _ages(snapshot, now),
        "missing": lambda: np.array([each.state is SeriesState.MISSING for each in snapshot.series], float),
    }
    column: FloatArray = made[field]() if field in made else getattr(snapshot, field)
    return column


def _finite(numbers: FloatArray, snapshot: Snapshot, field: str) -> FloatArray:
    """A number in each row: no bound (infinite, or no band yet) is ±NO_BOUND, an expectation that nobody has
    is the last value, and 0 stands for what was never seen."""
    if field == "expected":
        numbers = np.where(np.isnan(numbers), snapshot.value, numbers)
    unknown = {"lower": -NO_BOUND, "upper": NO_BOUND}.get(field, 0.0)
    return np.nan_to_num(numbers, nan=unknown, posinf=NO_BOUND, neginf=-NO_BOUND)


def _ages(snapshot: Snapshot, now: float) -> FloatArray:
    """[S] seconds since the latest sample; NaN = none yet."""
    return np.where(snapshot.times > 0, np.round(now - snapshot.times, 3), np.nan)


def _named(record: SeriesRecord) -> dict[str, str]:
    return {"series": str(record.labels), "watch": record.watch}


def _filled(heads: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The same heads with one set of columns: ours first, then by name; "" where a series has none."""
    names = sorted(set().union(*heads), key=lambda name: (name not in COLUMNS, name)) if heads else []
    empty = dict.fromkeys(names, "")
    return [{**empty, **head} for head in heads]


def _milliseconds(times: IntArray) -> list[int]:
    found: list[int] = (times * 1000).tolist()
    return found


def _nullable(column: FloatArray) -> list[float | None]:
    numbers: list[float | None] = column.tolist()
    for at in np.flatnonzero(~np.isfinite(column)).tolist():
        numbers[at] = None
    return numbers
