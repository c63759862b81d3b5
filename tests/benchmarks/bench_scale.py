"""Score ticks of 1,000 to 100,000 series in one watch: processor time, resident memory, and how
both grow.

Each size runs in a process of its own. The source is a stand-in in another one, which answers as
Prometheus does: what is measured is the service. The time is that of the thread that scores, so
that what else the machine does counts little.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file, save_file

from plugin.commands.demo.loopback_server import HttpReply, HttpServer, Parameters
from tests.benchmarks.bench_tick import STEP, TICKS, scoring, tick

if TYPE_CHECKING:
    from plugin.jobs.watch_context import WatchContext

SIZES = (1_000, 10_000, 60_000, 100_000)
FILE_SERIES = 64  # of a weights file, as a fit leaves it
MODELS = "models.safetensors"
DAYS = 3  # of the history that is learnt from


def fit(path: str) -> None:
    """Fits a stack whose series want each of the models of `auto`, into a file."""
    from detectors.registry import detector_named
    from plugin.grid import Grid, series_batch
    from plugin.jobs.weights_file import weights_of

    times = np.arange(DAYS * 1440) * 60
    noise = np.random.default_rng(1).normal(size=(FILE_SERIES, len(times)))
    for column in range(1, len(times)):  # the sample before says much: a third is for the GRU
        noise[::3, column] += 0.9 * noise[::3, column - 1]
    values = 50 + 10 * np.sin(2 * np.pi * times / 86_400) + noise
    values[1::3] += 3 * (times % 1_800 < 600)  # the last half hour does: the autoencoder
    batch = series_batch(values, Grid(0, 60, len(times)), "UTC")
    save_file(weights_of(detector_named("auto", {}).fit(batch, alert_budget=1 / 604_800)), path)


def adopt(context: "WatchContext", until: int, path: str) -> int:
    """Registers all series; each has a model of that file, in weights files of the usual size."""
    from detectors.registry import detector_named, to_spec
    from plugin import grid
    from plugin.jobs import watch_history
    from plugin.store import ModelRecord

    watch = context.watch
    watch_history.load(context, grid.Grid(until, STEP, 1))
    spec = to_spec(detector_named(watch.detector, {}))
    records = context.registry.records()
    written = context.store.weights.write(context.store.models.new_version("file"), load_file(path))
    models = []
    for first in range(0, len(records), FILE_SERIES):
        version = context.store.models.new_version(watch.name)
        file = written.with_name(f"{version}.safetensors")
        os.link(written, file)
        models += [
            ModelRecord(record.id, version, row, "auto", spec, file, 0.1, until, 0, until)
            for row, record in enumerate(records[first : first + FILE_SERIES])
        ]
    context.store.save_models(watch.name, models)
    context.registry.promote(models)
    return until


def child(url: str, folder: str, end: int, series: int) -> dict[str, float]:
    """What one size costs: seconds, bytes."""
    from plugin.exposition import exposition
    from plugin.metrics import CollectorRegistry
    from plugin.web.alert import SeriesRows

    idle = resident("VmRSS")
    models = str(Path(folder).parent / MODELS)
    parts = scoring(url, folder, end, f"bench_{series}", series, partial(adopt, path=models))
    loaded = resident("VmHWM")
    seconds = [processor_seconds(lambda: tick(parts, number)) for number in range(1, TICKS + 1)]  # noqa: B023
    ticking = resident("VmRSS")
    snapshots = parts.board.snapshots()
    rows = SeriesRows()
    answers: dict[str, Callable[[], object]] = {
        "metrics": lambda: exposition(CollectorRegistry(), snapshots),
        "alert": lambda: rows.encoded([*snapshots.values()], "score", end),
        "alert_again": lambda: rows.encoded([*snapshots.values()], "value", end),
    }
    answered = {name: processor_seconds(answer) for name, answer in answers.items()}
    parts.store.close()
    return {
        "tick": float(np.median(seconds)),
        "worst": max(seconds),
        "idle": idle,
        "loaded": loaded,
        "ticking": ticking,
        "highest": resident("VmHWM"),
        "rows": row_bytes(Path(folder), series),
        **answered,
    }


def row_bytes(folder: Path, series: int) -> float:
    return sum(path.stat().st_size for path in folder.glob("*.db*")) / series


def processor_seconds(work: Callable[[], object]) -> float:
    """Of this thread."""
    began = time.thread_time()
    work()
    return time.thread_time() - began


def resident(name: str) -> float:
    """Bytes, as /proc says them."""
    text = Path("/proc/self/status").read_text()
    return 1024.0 * int(text.partition(f"{name}:")[2].split()[0])


def answer(path: str, parameters: Parameters) -> HttpReply:
    """As `query_range` of Prometheus: `bench_N` has N series."""
    if path != "/api/v1/query_range":
        return HttpReply("{}", "application/json", 404)
    series = int(parameters["query"].removeprefix("bench_"))
    first, last = (int(float(parameters[name])) for name in ("start", "end"))
    columns = [
        [f'[{time},"{value:.2f}"]' for value in samples(series, time)]
        for time in range(first, last + 1, STEP)
    ]
    result = ",".join(
        f"{head}{','.join(values)}]}}"
        for head, values in zip(heads(series), zip(*columns, strict=True), strict=True)
    )
    text = f'{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}}}'
    return HttpReply(text, "application/json")


@lru_cache(1)
def heads(series: int) -> list[str]:
    """The beginning of each series in an answer."""
    labels = '"__name__":"bench","instance":"host-{}","job":"bench","service":"shop-{}"'
    numbers = range(series)
    return [f'{{"metric":{{{labels.format(one, one % 97)}}},"values":[' for one in numbers]


def samples(series: int, time: int) -> list[float]:
    """What the models expect, and noise."""
    noise = np.random.default_rng(time).normal(size=series)
    values: list[float] = (50 + 10 * np.sin(2 * np.pi * time / 86_400) + noise).tolist()
    return values


def measure(sizes: tuple[int, ...]) -> dict[int, dict[str, float]]:
    end = int(time.time()) // STEP * STEP - STEP
    source = HttpServer(answer)
    found = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            _process(f"{folder}/{MODELS}")
            for size in sizes:
                said = _process(source.url, f"{folder}/{size}", str(end), str(size))
                found[size] = json.loads(said.splitlines()[-1])
    finally:
        source.close()
    return found


def _process(*arguments: str) -> str:
    """What a process of its own has to say: its memory is its own, too."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_scale", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def exponent(found: dict[int, dict[str, float]]) -> float:
    """Of the cost of a tick, from the smallest size to the largest."""
    first, last = min(found), max(found)
    return math.log(found[last]["tick"] / found[first]["tick"]) / math.log(last / first)


def main(sizes: tuple[int, ...] = SIZES) -> None:
    found = measure(sizes)
    print(" series   tick, worst      µs a series   resident, highest   kB a series")
    for size, one in found.items():
        print(
            f"{size:>7,}  {one['tick']:6.2f} s, {one['worst']:.2f} s"
            f"  {one['tick'] / size * 1e6:>7.1f}"
            f"   {one['ticking'] / 1e6:>6,.0f} MB, {one['highest'] / 1e6:>6,.0f} MB"
            f"  {(one['highest'] - one['idle']) / size / 1e3:>7.1f}"
        )
    for name in ("metrics", "alert", "alert_again"):
        print(f"{name:<14}", *(f"{one[name]:.2f} s" for one in found.values()))
    if len(found) > 1:
        print(f"exponent of a tick, {min(found):,} to {max(found):,} series: {exponent(found):.3f}")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        fit(sys.argv[1])
    elif len(sys.argv) == 5:
        print(json.dumps(child(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    else:
        main()
