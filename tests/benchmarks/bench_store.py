"""What one stored sample costs on disk, and how quick the store is, each beside what it is compared
to.

The series are full-mantissa floats with a daily shape and noise of several kinds; bands and scores
come from the baseline detector, fitted on the days before, rounded as in service.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sqlalchemy import text

from detectors.api import SeriesBatch
from detectors.baseline import Baseline
from plugin.series import FloatArray, IntArray, Labels, Tick
from plugin.store import Store, sample_reads

DAY = 86_400
STEP = 60
SERIES = 24
DAYS = 14
LEARNT = 7
FLEET = 10_000
COLUMNS = ("value", "expected", "lower", "upper", "score")
RAW = 8 + 5 * 8  # bytes: time and five float64


def measure() -> dict[str, float]:
    """Bytes per sample, and seconds; see `main` for what each is."""
    with tempfile.TemporaryDirectory() as folder:
        return {**_sizes(Path(folder) / "sizes"), **_speeds(Path(folder) / "speeds")}


def main() -> None:
    found = measure()
    rows = [
        ("bytes per stored sample, on disk", "block_bytes", "goal 16"),
        ("  all five columns as raw numbers, with the time", "raw_bytes", "48"),
        ("  as rows of the head", "head_bytes", ""),
        (
            "  as five series in Prometheus' TSDB, chunks only",
            "tsdb_bytes",
            "-1 where promtool is missing",
        ),
        (f"seconds to write a tick of {FLEET:,} series", "tick_seconds", "every 60 s"),
        ("  the same tick again", "same_tick_seconds", ""),
        (f"seconds for the latest sample of {FLEET:,} series", "latest_seconds", "goal 0.5"),
        ("seconds for 7 days of one series, all columns", "samples_seconds", "goal 0.015"),
        ("  the same again, from memory", "again_seconds", ""),
        ("seconds for the values of 64 series, 14 days", "values_seconds", "goal 1"),
        ("seconds to keep that history", "history_seconds", ""),
        ("seconds to fold 1,000,000 rows", "fold_seconds", ""),
    ]
    for what, name, against in rows:
        print(f"{what:<55}{found[name]:>10.4g}   {against}")


def _sizes(folder: Path) -> dict[str, float]:
    tick = _judged()
    store = Store.open(folder)
    store.series.register("cpu", [Labels.of({"instance": str(i)}) for i in range(SERIES)], 0)
    store.write([tick], "q", (0, 0))
    rows = store.sizes().head_rows
    head = _pages(store, "samples")
    seconds = _timed(lambda: store.fold(int(tick.times[-1]) + 2 * DAY))
    folded = store.sizes().block_rows
    blocks = _pages(store, "blocks", "sqlite_autoindex_blocks_1", "blocks_last")
    store.close()
    return {
        "block_bytes": blocks / folded,
        "raw_bytes": RAW,
        "head_bytes": head / rows,
        "fold_seconds": seconds * 1e6 / folded,
        "tsdb_bytes": _tsdb(tick, folder),
    }


def _judged() -> Tick:
    """DAYS of every series, judged by a model of the LEARNT days before."""
    times = np.arange(0, (LEARNT + DAYS) * DAY, STEP)
    batch = SeriesBatch(_made(times), np.ones((SERIES, len(times)), bool), 0, STEP)
    split = LEARNT * DAY // STEP
    scores = Baseline().fit(batch.steps(0, split), alert_budget=1 / (7 * DAY)).score(batch)
    band = scores.band
    value, expected, lower, upper, score = (
        column[:, split:]
        for column in (batch.values, band.expected, band.lower, band.upper, scores.anomaly)
    )
    return Tick(
        "cpu",
        np.arange(1, SERIES + 1),
        times[split:],
        value,
        expected,
        lower,
        upper,
        score,
        np.ones(SERIES, np.int64),
    )


def _made(times: IntArray) -> FloatArray:
    """[S, T]: thirds with white noise, with noise that remembers, and with noise in proportion to
    the level."""
    rng = np.random.default_rng(0)
    phase = rng.uniform(0, DAY, (SERIES, 1))
    level = 10 ** rng.uniform(-2, 6, (SERIES, 1))
    shape = 1 + 0.4 * np.sin(2 * np.pi * (times - phase) / DAY)
    noise = rng.normal(0, 0.05, (SERIES, len(times)))
    for t in range(1, len(times)):
        noise[1::3, t] += 0.9 * noise[1::3, t - 1]
    noise[2::3] = shape[2::3] * np.expm1(noise[2::3])
    made: FloatArray = level * (shape + noise)
    return made


def _pages(store: Store, *tables: str) -> int:
    """Bytes of whole pages; the index and the slack in pages count."""
    names = ", ".join(f"'{name}'" for name in tables)
    with store._database.reading() as connection:
        return int(
            connection.execute(
                text(f"SELECT sum(pgsize) FROM dbstat WHERE name IN ({names})")
            ).scalar_one()
        )


def _tsdb(tick: Tick, folder: Path, series: int = 6, days: int = 2) -> float:
    """Bytes per sample when Prometheus stores the five columns as series of its own; the index is
    not counted."""
    if shutil.which("promtool") is None:
        return -1
    n = days * DAY // STEP
    lines = []
    for name in COLUMNS:
        lines.append(f"# TYPE {name} gauge")
        for i, row in enumerate(getattr(tick, name)[:series, :n].tolist()):
            lines += [
                f'{name}{{i="{i}"}} {number!r} {time}'
                for number, time in zip(row, tick.times[:n].tolist(), strict=True)
            ]
    (folder / "input").write_text("\n".join([*lines, "# EOF", ""]))
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "input", "tsdb"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return sum(path.stat().st_size for path in folder.glob("tsdb/*/chunks/*")) / (series * n)


def _speeds(folder: Path) -> dict[str, float]:
    store = Store.open(folder)
    rng = np.random.default_rng(0)
    labels = [Labels.of({"job": "api", "instance": f"host-{i}:9100"}) for i in range(FLEET)]
    ids = np.array([record.id for record in store.series.register("cpu", labels, 0)])
    past = np.arange(0, DAYS * DAY, STEP)
    few = ids[:64]
    values = rng.normal(100, 5, (len(few), len(past)))
    history = _timed(
        lambda: store.record_history("cpu", "q", few, past, values, (0, int(past[-1])))
    )
    ticks = [_noise(rng, ids, int(past[-1]) + STEP * (k + 1)) for k in range(20)]
    writes = [
        _timed(lambda tick=tick: store.write([tick], "q", (int(tick.times[0]),) * 2))
        for tick in ticks
    ]
    week = DAYS * DAY - 7 * DAY
    found = {
        "history_seconds": history,
        "tick_seconds": float(np.median(writes)),
        "same_tick_seconds": _timed(lambda: store.write(ticks[-1:], "q", (0, 0))),
        "latest_seconds": _best(lambda: store.samples.latest(ids)),
        "values_seconds": _best(lambda: store.samples.values(few, 0, int(past[-1]), STEP)),
    }
    store.write([_judged_week(rng, int(ids[100]), past[past >= week])], "q", (0, 0))
    store.fold(DAYS * DAY)
    asked = int(ids[100]), week, DAYS * DAY
    with store._database.reading() as connection:  # past what the store keeps in memory
        found["samples_seconds"] = _best(lambda: sample_reads.samples(connection, *asked))
    found["again_seconds"] = _best(lambda: store.samples.of(*asked))
    store.close()
    return found


def _noise(rng: np.random.Generator, ids: IntArray, time: int) -> Tick:
    """One judged sample of every series, with a carry of 400 bytes each."""
    value = rng.normal(100, 5, (len(ids), 1))
    expected = np.full(value.shape, 100.0)
    return Tick(
        "cpu",
        ids,
        np.array([time]),
        value,
        expected,
        expected - 20,
        expected + 20,
        np.abs(value - expected) / 20,
        np.ones(len(ids), np.int64),
        {"trace": rng.normal(size=(len(ids), 100)).astype(np.float32)},
    )


def _judged_week(rng: np.random.Generator, series_id: int, times: IntArray) -> Tick:
    value = rng.normal(100, 5, (1, len(times)))
    expected = np.round(rng.normal(100, 1, value.shape) * 8) / 8
    return Tick(
        "cpu",
        np.array([series_id]),
        times,
        value,
        expected,
        expected - 20,
        expected + 20,
        np.abs(value - expected) / 20,
        np.ones(1, np.int64),
    )


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def _best(run: Callable[[], object]) -> float:
    """The median of five, after one to warm up."""
    run()
    return float(np.median([_timed(run) for _ in range(5)]))


if __name__ == "__main__":
    main()
