"""`bandwatch demo`: makes a world, runs Prometheus and the service on it, causes incidents, and
tells what the service sees."""

import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from detectors.device import has_torch
from plugin.board import Board
from plugin.commands.demo.exporter import serve_exporter
from plugin.commands.demo.narrator import Narrator, clock, read_view
from plugin.commands.demo.past import PastIncidentReport, draw_past, missing_peak
from plugin.commands.demo.scripted_incidents import IncidentSchedule
from plugin.commands.demo.servers import RunningPrometheus, prometheus
from plugin.commands.demo.settings import STEP, demo_config
from plugin.commands.demo.summary import passed, summary
from plugin.commands.demo.world import World
from plugin.config import Config
from plugin.store import Store

SEED = 7
QUIET_SECONDS = 180  # between incidents
POLL_SECONDS = 0.5


class RunningService(Protocol):
    """What `plugin.app.Service` is to the demo."""

    board: Board
    store: Store

    @property
    def url(self) -> str: ...

    def stop(self) -> object: ...


StartService = Callable[[Config], RunningService]
Say = Callable[[str], None]
NO_NETWORKS = (
    "          torch is not installed: the baseline serves every series; `bandwatch[torch]` has"
    " networks too"
)


@dataclass(frozen=True)
class Stage:
    """A demo that is set up: the world, what tells of it, and the incidents to come."""

    world: World
    service_url: str
    narrator: Narrator
    past_report: PastIncidentReport
    schedule: IncidentSchedule


def run(
    start_service: StartService,
    *,
    listen_address: str = "127.0.0.1:8642",
    duration: int | None = None,
    picture: Path | None = None,
    say: Say | None = None,
    step: int = STEP,
) -> int:
    """Runs the demo for `duration` seconds or until Ctrl-C.

    picture: where to draw the incident of the loaded past. Returns 0, or 1 when it did not go as
    promised.
    """
    say = say or speak
    started_at = time.time()
    now = int(started_at) // step * step
    past_report = PastIncidentReport(missing_peak(now), now)
    world = World(SEED, now, (past_report.incident,))
    narrator = Narrator(
        world, step, started_at, f"http://{listen_address}", learns_networks=has_torch()
    )
    deadline = float("inf") if duration is None else started_at + duration
    schedule = IncidentSchedule(step, QUIET_SECONDS, deadline)
    say(
        f"{clock(started_at)}  a web shop with {len(world.sources)} series and three weeks of"
        " history is being made"
    )
    if not narrator.learns_networks:
        say(NO_NETWORKS)
    with ends_in_order(), ExitStack() as stack:
        try:
            prometheus_api, service = set_up(stack, world, start_service, listen_address, step)
            say(f"{clock(time.time())}  Prometheus is {prometheus_api.description}")
            for line in links(service.url, prometheus_api.url):
                say(line)
            follow(Stage(world, service.url, narrator, past_report, schedule), say)
        except KeyboardInterrupt:
            say("")
    for line in summary(narrator, past_report, time.time()):
        say(line)
    if picture is not None:
        say(draw_past(past_report, picture))
    return 0 if passed(narrator, past_report, time.time()) else 1


def set_up(
    stack: ExitStack, world: World, start_service: StartService, listen_address: str, step: int
) -> tuple[RunningPrometheus, RunningService]:
    """Starts exporter, Prometheus and the service; the stack stops them in reverse."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bandwatch-demo-")))
    exporter = serve_exporter(world)
    stack.callback(exporter.close)
    prometheus_api = stack.enter_context(
        prometheus(world, exporter, folder, step=step, bandwatch=listen_address)
    )
    service = start_service(demo_config(world, prometheus_api.url, folder, listen_address, step))
    stack.callback(service.stop)
    return prometheus_api, service


def follow(stage: Stage, say: Say) -> None:
    """Until the deadline: asks the service, tells what has changed, and causes incidents."""
    schedule = stage.schedule
    narrator = stage.narrator
    while (now := time.time()) < schedule.deadline:
        view = read_view(stage.service_url)
        for line in (
            *narrator.see(now, view),
            *narrator.advice(view),
            *stage.past_report.see(stage.service_url),
        ):
            say(line)
        incident = schedule.next(
            now, ready=narrator.all_ok_seconds is not None and narrator.all_networks
        )
        if incident is not None:
            stage.world.add(incident)
            narrator.expect(incident)
        time.sleep(POLL_SECONDS)


def links(service_url: str, prometheus_url: str) -> Iterator[str]:
    """Addresses to open, one a line."""
    match = quote('{service="checkout"}')
    yield f"          page        {service_url}/"
    yield f"          bands       {service_url}/api/v1/bands?watch=latency&match={match}"
    yield f"          scores      {service_url}/api/v1/scores"
    yield f"          alert       {service_url}/api/v1/alert?by=incident"
    yield f"          metrics     {service_url}/metrics"
    yield f"          Prometheus  {prometheus_url}"


def speak(line: str) -> None:
    """Prints a line; on a terminal, an alarm in bold."""
    bold = sys.stdout.isatty() and ": score " in line
    print(f"\033[1m{line}\033[0m" if bold else line, flush=True)


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Makes a termination signal end the demo as Ctrl-C does, so that no Prometheus is left
    behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier_handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier_handler)
