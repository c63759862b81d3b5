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
from plugin.commands.demo.world import HISTORY, SCRAPED, World
from plugin.errors import BandwatchError

FINE = (
    4 * 86_400
)  # seconds before now whose history has the step of the live scrapes, as fits at that step need it
COARSE = 3  # times the step before that: promtool takes about 2 s per million samples
PIECES = 6  # of the history, loaded two at a time
START_SECONDS = 2  # that Prometheus takes from its start to its first round of scrapes
START_TIMEOUT = 30  # seconds

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
class Running:
    """A Prometheus API that answers."""

    url: str
    words: str  # what it is, for the person who watches


@contextmanager
def prometheus(
    world: World,
    exporter: HttpServer,
    folder: Path,
    *,
    step: int,
    bandwatch: str,
    history: int = HISTORY,
) -> Iterator[Running]:
    """Runs a Prometheus with the history of the world that scrapes the exporter; stops it at the
    end.

    bandwatch: host and port of the service, whose own metrics are scraped too.
    """
    if all(shutil.which(program) for program in ("prometheus", "promtool")):
        with _real(world, exporter, folder, step, bandwatch, history) as running:
            yield running
        return
    standin = serve_standin(world, step, history)
    try:
        yield Running(
            standin.url, "a small stand-in, as there is no `prometheus` with `promtool` on the PATH"
        )
    finally:
        standin.close()


@contextmanager
def _real(
    world: World, exporter: HttpServer, folder: Path, step: int, bandwatch: str, history: int
) -> Iterator[Running]:
    began = time.monotonic()
    samples = load_history(world, folder / "tsdb", step, history)
    seconds = time.monotonic() - began
    config = folder / "prometheus.yml"
    config.write_text(
        CONFIG.format(
            step=step, timeout=min(step, 5), port=exporter.port, bandwatch=bandwatch, **SCRAPED
        )
    )
    address = f"127.0.0.1:{free_port()}"
    with (folder / "prometheus.log").open("w") as log:
        process = (
            subprocess.Popen(  # in its own session: Ctrl-C is for us, who then end it in order
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
                start_new_session=True,
            )
        )
    try:
        _wait(process, f"http://{address}", folder / "prometheus.log")
        yield Running(
            f"http://{address}", f"a real one, with {samples:,} samples loaded in {seconds:.0f} s"
        )
    finally:
        _end(process)


def load_history(world: World, tsdb: Path, step: int, history: int) -> int:
    """Writes the history into a data folder; returns the samples.

    The time that passes meanwhile is added at the end, with one step and a little more to come:
    Prometheus refuses scrapes that are older than its blocks, so that the first one it takes
    follows the history within a step.
    """
    fine = max(world.now - FINE, world.now - history)
    spans = [*spans_of(world.now - history, fine, COARSE * step), *spans_of(fine, world.now, step)]

    def load(span: tuple[int, int, int]) -> int:
        series = [one for one in world.history(*span) if len(one.times)]
        if series:
            try:
                create_blocks(tsdb, series)
            except RuntimeError as error:
                raise BandwatchError(str(error)) from error
        return sum(len(one.times) for one in series)

    with ThreadPoolExecutor(2) as pool:
        samples = sum(pool.map(load, spans))
    return samples + load((world.now, int(time.time()) + step + START_SECONDS, step))


def spans_of(start: int, end: int, step: int) -> list[tuple[int, int, int]]:
    """Cuts start..end (end excluded) into at most PIECES spans (start, end, step) on the grid of
    the step."""
    grid = np.arange(-(-start // step) * step, end, step)
    return [
        (int(part[0]), int(part[-1]) + 1, step)
        for part in np.array_split(grid, PIECES)
        if len(part)
    ]


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    """Returns when Prometheus says that it is ready. Raises BandwatchError with what it logged."""
    deadline = time.monotonic() + START_TIMEOUT
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
