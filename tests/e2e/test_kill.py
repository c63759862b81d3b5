"""kill -9 at random moments of a working service, twenty times: nothing stored is lost or doubled,
and it goes on.

The child runs the very jobs (ticks, fits, folds) as fast as it can on a clock of its own, so that
every kill lands in the middle of something. Fits run in a thread of the child here, so that the
kill hits them too. The clock of the machine jumps meanwhile, and is wrong at most starts.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from plugin.clock import SteadyClock
from plugin.config import Config, Watch
from plugin.store import Store
from tests.e2e.world import NOW, STEP, Clock, Threads, config, parts, watch
from tests.servers import PrometheusServer

KILLS = 20
SEED = 7
CLOCK_ERRORS = (0, 0, -600, 600, -3600, 86_400)  # seconds
WATCH = {
    "detector": "lstm",
    "detector_options": {"steps": 4},
    "backfill": 86_400,
    "fit_window": 86_400,
    "fit_every": 180,
}


def child(folder: Path, url: str, now: int, seed: int) -> None:
    """Works until it is killed; says after each step what is done and on disk."""
    rng = random.Random(seed)
    true_clock = Clock(now)
    error = rng.choice(CLOCK_ERRORS)
    clock = SteadyClock(lambda: true_clock() + error, lambda: true_clock() - now)
    with parts(settings(folder, url), clock) as made:
        jobs = made.watches["latency"]
        jobs.reader.server_time = true_clock  # type: ignore[method-assign]
        jobs.fit._workers = Threads()  # type: ignore[assignment]
        while True:
            assert jobs.score.run()
            assert made.board.snapshots()["latency"].time == true_clock()
            say("scored", int(true_clock()))
            say("fitted", jobs.fit.run())
            made.store.fold(int(clock()), keep=600)
            say("folded", int(clock()))
            error = rng.choice(CLOCK_ERRORS)
            true_clock.steps(1 if true_clock() < NOW + 170 * STEP else 0)


def settings(folder: Path, url: str) -> Config:
    return config(folder, url, Watch.model_validate({**watch().model_dump(), **WATCH}))


def say(what: str, value: int) -> None:
    print(json.dumps([what, value]), flush=True)


def test_twenty_kills(small_world: PrometheusServer, folder: Path) -> None:
    rng = random.Random(SEED)
    now = NOW
    acknowledged = 0
    rows: dict[int, dict[int, tuple[float, ...]]] = {}
    hit: set[str] = set()
    for _ in range(KILLS):
        said = run_and_kill(folder, (small_world.url, now, rng.randrange(2**32)), rng)
        acknowledged = max([acknowledged, *(value for what, value in said if what == "scored")])
        hit.add(said[-1][0] if said else "start")
        now = max(now, acknowledged)
        rows = check(folder, rows, acknowledged)
    assert len(hit) >= 2, f"the kills hit only {hit}"
    assert acknowledged > NOW and min(len(series) for series in rows.values()) > 100


def run_and_kill(
    folder: Path, arguments: tuple[str, int, int], rng: random.Random
) -> list[tuple[str, int]]:
    """Lets the child work for about a second from its first word. Returns what it has said."""
    command = [
        sys.executable,
        "-c",
        f"from tests.e2e.test_kill import child; from pathlib import Path; "
        f"child(Path({str(folder)!r}), *{arguments!r})",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first, "the child ended by itself"
    time.sleep(rng.uniform(0.0, 1.2))
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read()
    process.wait()
    process.stdout.close()
    return [tuple(json.loads(line)) for line in (first + rest).splitlines() if line.endswith("]")]


def check(
    folder: Path, before: dict[int, dict[int, tuple[float, ...]]], acknowledged: int
) -> dict[int, dict[int, tuple[float, ...]]]:
    """Everything that was there is there still, once, unchanged; what was acknowledged is there;
    models can be read."""
    with sqlite3.connect(folder / "bandwatch.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    store = Store.open(folder)
    try:
        after: dict[int, dict[int, tuple[float, ...]]] = {}
        for record in store.series.of("latency"):
            samples = store.samples.of(record.id, 0, NOW * 2)
            assert (np.diff(samples.times) > 0).all(), "a row is doubled"
            assert samples.times.max(initial=0) < NOW + 171 * STEP, "a row of the future"
            judged = samples.model_version > 0
            columns = (samples.value, samples.expected, samples.lower, samples.upper, samples.score)
            after[record.id] = {
                int(t): row
                for t, *row in zip(
                    samples.times[judged],  # type: ignore[misc]
                    *(column[judged] for column in columns),
                    strict=True,
                )
            }
            lost = {
                t: row
                for t, row in before.get(record.id, {}).items()
                if after[record.id].get(t) != row
            }
            assert not lost, f"lost or changed: {lost}"
            if record.labels["service"] == "quiet":
                expected = np.arange(NOW - 86_400 + STEP, acknowledged + STEP, STEP)
                assert np.isin(expected, list(after[record.id])).all(), (
                    "a hole in what was acknowledged"
                )
        for model in store.models.champions("latency"):
            assert store.weights.read(model.path, [model.row])
        return after
    finally:
        store.close()
