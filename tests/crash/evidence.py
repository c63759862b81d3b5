"""What a store holds after a kill, compared to what it held before and to what is true."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from plugin.series import Samples
from plugin.store import Store
from tests.crash.plan import BEGIN, HISTORY, NAME, STEP, values_at

END = 1 << 40  # unix seconds, after everything
Row = tuple[float, ...]


@dataclass(frozen=True)
class Evidence:
    """What is stored: of each service, its judged rows by time, and how many rows there are."""

    judged: dict[str, dict[int, Row]] = field(default_factory=dict)
    rows: int = 0


def evidence(folder: Path, before: Evidence, acknowledged: int) -> Evidence:
    """Raises AssertionError where a row is lost, doubled or wrong. acknowledged: unix seconds."""
    with closing(sqlite3.connect(folder / "bandwatch.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        _check_alarms(database)
    store = Store.open(folder)
    try:
        judged: dict[str, dict[int, Row]] = {}
        count = 0
        for record in store.series.of(NAME):
            service = record.labels["service"]
            samples = store.samples.of(record.id, 0, END)
            count += len(samples.times)
            _check_values(service, samples, acknowledged)
            judged[service] = _judged(samples)
            kept = judged[service]
            lost = [t for t, row in before.judged.get(service, {}).items() if kept.get(t) != row]
            assert not lost, f"{service}: lost or changed at {lost[:10]}"
        for model in store.models.champions(NAME):
            assert model.path
        return Evidence(judged, count)
    finally:
        store.close()


def _check_values(service: str, samples: Samples, acknowledged: int) -> None:
    times = samples.times
    assert (np.diff(times) > 0).all(), f"{service}: a row is doubled"
    assert (times % STEP == 0).all(), f"{service}: a row off the grid"
    there = ~np.isnan(samples.value)
    np.testing.assert_array_equal(samples.value[there], values_at(service, times[there]))
    if acknowledged:
        expected = np.arange(BEGIN - HISTORY + STEP, acknowledged + 1, STEP)
        missing = np.setdiff1d(expected, times[there])
        assert not len(missing), f"{service}: holes at {missing[:10]}"


def _judged(samples: Samples) -> dict[int, Row]:
    index = np.flatnonzero(samples.model_version > 0)
    columns = (samples.value, samples.expected, samples.lower, samples.upper, samples.score)
    rows = zip(*(column[index].tolist() for column in columns), strict=True)
    return dict(zip(samples.times[index].tolist(), rows, strict=True))


def _check_alarms(database: sqlite3.Connection) -> None:
    """An episode of a series is one alarm."""
    overlapping = database.execute(
        "SELECT count(*) FROM alarms one JOIN alarms two USING (series_id)"
        ' WHERE one.start < two.start AND two.start <= one."end"'
    ).fetchone()
    assert overlapping == (0,), f"{overlapping[0]} alarms are doubled"
    several = database.execute(
        "SELECT series_id FROM alarms WHERE open GROUP BY series_id HAVING count(*) > 1"
    ).fetchall()
    assert not several, f"several open alarms of the series {several}"
