"""The Prometheus of the demo: the real one where it is on the PATH, else the stand-in."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugin.commands.demo.loopback_server import HttpServer
from plugin.commands.demo.openmetrics import create_blocks
from plugin.commands.demo.standin import serve_standin
from plugin.commands.demo.world import HISTORY, SCRAPE_LABELS, World
from plugin.domain.times import DAY
from plugin.errors import BandwatchError

# The last part of the history has the step of the live scrapes: fits at that step need it.
FINE_SECONDS = 4 * DAY
COARSE_STEPS = 3  # between samples before that: promtool takes 2 s for a million samples
MAX_SPANS = 6  # of each part of the history, loaded two at a time
START_SECONDS = 2  # that Prometheus takes from its start to its first round of scrapes
START_TIMEOUT_SECONDS = 30

CONFIG = """\
global: {{scrape_interval: {step}s, scrape_timeout: {timeout}s}}
scrape_configs:
  - job_name: {job}
    static_configs: [{{targets: ["127.0.0.1:{port}"], labels: {{instance: {instance}}}}}]
  - job_name: bandwatch
    honor_labels: true
    static_configs: [{{targets: ["{bandwatch}"]}}]
"""


@dataclass(frozen=True)
class RunningPrometheus:
    """A Prometheus API that answers."""

    url: str
    description: str  # real, or a stand-in


@contextmanager
def prometheus(
    world: World,
    exporter: HttpServer,
    folder: Path,
    *,
    step: int,
    bandwatch: str,
    history: int = HISTORY,
) -> Iterator[RunningPrometheus]:
    """Runs a Prometheus that has the history of the world and scrapes the exporter.

    bandwatch: host and port of the service, whose own metrics are scraped too; history: seconds.
    At the end Prometheus is stopped.
    """
    if all(shutil.which(program) for program in ("prometheus", "promtool")):
        with _real(world, exporter, folder, step, bandwatch, history) as prometheus_api:
            yield prometheus_api
        return
    standin = serve_standin(world, step, history)
    try:
        yield RunningPrometheus(
            standin.url, "a small stand-in, as there is no `prometheus` with `promtool` on the PATH"
        )
    finally:
        standin.close()


@contextmanager
def _real(
    world: World, exporter: HttpServer, folder: Path, step: int, bandwatch: str, history: int
) -> Iterator[RunningPrometheus]:
    start = time.monotonic()
    samples = load_history(world, folder / "tsdb", step, history)
    seconds = time.monotonic() - start
    config = folder / "prometheus.yml"
    config.write_text(
        CONFIG.format(
            step=step,
            timeout=min(step, 5),
            port=exporter.port,
            bandwatch=bandwatch,
            **SCRAPE_LABELS,
        )
    )
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address={address}",
                "--storage.tsdb.retention.time=60d",
                "--log.level=warn",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the demo alone, which ends it in order
        )
    try:
        _wait(process, f"http://{address}", folder / "prometheus.log")
        yield RunningPrometheus(
            f"http://{address}", f"a real one, with {samples:,} samples loaded in {seconds:.0f} s"
        )
    finally:
        _end(process)


def load_history(world: World, tsdb: Path, step: int, history: int) -> int:
    """Writes the history into a data folder. Returns the number of samples.

    The time that passes meanwhile is added at the end, with one step and a little more to come:
    Prometheus refuses scrapes that are older than its blocks, so the first one that it accepts
    follows the history within a step.
    """
    fine_start = max(world.now - FINE_SECONDS, world.now - history)
    spans = [
        *spans_of(world.now - history, fine_start, COARSE_STEPS * step),
        *spans_of(fine_start, world.now, step),
    ]

    def load(span: tuple[int, int, int]) -> int:
        series = [source for source in world.history(*span) if len(source.times)]
        if series:
            try:
                create_blocks(tsdb, series)
            except RuntimeError as error:
                raise BandwatchError(str(error)) from error
        return sum(len(source.times) for source in series)

    with ThreadPoolExecutor(2) as pool:
        samples = sum(pool.map(load, spans))
    return samples + load((world.now, int(time.time()) + step + START_SECONDS, step))


def spans_of(start: int, end: int, step: int) -> list[tuple[int, int, int]]:
    """Cuts start..end (end excluded) into at most MAX_SPANS spans (start, end, step) on the grid
    of the step."""
    times = np.arange(-(-start // step) * step, end, step)
    return [
        (int(part[0]), int(part[-1]) + 1, step)
        for part in np.array_split(times, MAX_SPANS)
        if len(part)
    ]


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    """Returns when Prometheus says that it is ready. Raises BandwatchError with what it logged."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with (
            suppress(urllib.error.URLError, ConnectionError),
            urllib.request.urlopen(f"{url}/-/ready", timeout=1),
        ):
            return
        time.sleep(0.1)
    raise BandwatchError(
        f"the Prometheus of the demo did not start: {log.read_text().strip() or 'no word from it'}"
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
