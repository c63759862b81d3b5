"""`bandwatch preview` of one watch with 100 series over 30 days, from a real Prometheus: wall
seconds on the cores that there are, beside the limit, and CPU seconds of this process and of those
that fit.

At each step it also learns from the five weeks before, as a service would have done.
"""

import os
import resource
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin.config import Config, PrometheusSettings, StoreSettings, Watch
from plugin.domain.preview import Preview
from plugin.domain.times import DAY
from plugin.preview.past_service import PreviewTask
from plugin.preview.run import run_preview
from plugin.series import FloatArray, IntArray, Labels, Series
from tests.computed_source import daily
from tests.servers import PrometheusServer

SERIES = 100
DAYS = 30
LEARNT_DAYS = 35
LIMIT_SECONDS = 60
END = 1_795_219_200  # 2026-11-21T00:00:00Z
NAME = "bench_requests_per_second"
OUTAGE_HOURS = 2  # of each tenth series, once
CASES = ((300, "baseline"), (300, "auto"), (60, "auto"))  # step in seconds, detector


@dataclass(frozen=True)
class Measured:
    """One preview, in seconds."""

    wall: float
    cpu: float  # of this process
    fits: float  # CPU of the processes that fit
    preview: Preview


def history(step: int) -> list[Series]:
    start = END - (DAYS + LEARNT_DAYS + 1) * DAY
    times = np.arange(start, END + 1, step, dtype=np.int64)
    return [
        Series(Labels.of({"__name__": NAME, "pod": f"p{number:03}"}), times, _values(number, times))
        for number in range(SERIES)
    ]


def _values(number: int, times: IntArray) -> FloatArray:
    values = daily(number, times)
    start = END - (3 + number % 20) * DAY
    is_outage = (times >= start) & (times < start + OUTAGE_HOURS * 3600) & (number % 10 == 0)
    return np.where(is_outage, 2 * values, values)


def measure(url: str, step: int, detector: str, folder: Path) -> Measured:
    watch = Watch(name="bench", query=NAME, step=step, detector=detector)
    config = Config(
        prometheus=PrometheusSettings(url=url, read_timeout=300),
        watches=(watch,),
        store=StoreSettings(path=str(folder / "unused")),
    )
    began = time.monotonic()
    cpu = time.process_time()
    fits = _children()
    preview = run_preview(PreviewTask(config, END - DAYS * DAY, END))
    return Measured(
        time.monotonic() - began, time.process_time() - cpu, _children() - fits, preview
    )


def _children() -> float:
    """CPU seconds of the processes of ours that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    print(f"{SERIES} series, {DAYS} days, {os.cpu_count()} cores; limit {LIMIT_SECONDS} s on two")
    for step in dict.fromkeys(step for step, _ in CASES):
        with (
            tempfile.TemporaryDirectory() as folder,
            PrometheusServer(Path(folder) / "prometheus").backfill(history(step)) as server,
        ):
            for detector in (detector for other, detector in CASES if other == step):
                found = measure(server.url, step, detector, Path(folder))
                print(
                    f"step {step:3} s, {detector:9} wall {found.wall:6.1f} s; CPU"
                    f" {found.cpu:5.1f} s, and {found.fits:5.1f} s of fits;"
                    f" {len(found.preview.alarms)} alarms, {found.preview.promised:.0f} promised"
                )


if __name__ == "__main__":
    main()
