"""`bandwatch demo`: makes a world, runs Prometheus and the service on it, lets things go wrong,
says what it sees."""

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

from plugin.board import Board
from plugin.commands.demo.exporter import serve_exporter
from plugin.commands.demo.narrator import Narrator, clock, look
from plugin.commands.demo.past import PastIncidentReport, drawn, missing_peak
from plugin.commands.demo.scripted_incidents import IncidentSchedule
from plugin.commands.demo.servers import Running, prometheus
from plugin.commands.demo.settings import STEP, demo_config
from plugin.commands.demo.summary import passed, summary
from plugin.commands.demo.world import World
from plugin.config import Config
from plugin.store import Store

SEED = 7
QUIET = 180  # seconds between incidents
LOOK_EVERY = 0.5  # seconds


class RunningService(Protocol):
    """What `plugin.app.Service` is to the demo."""

    board: Board
    store: Store

    @property
    def url(self) -> str: ...

    def stop(self) -> object: ...


StartService = Callable[[Config], RunningService]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """A demo that is set up: what is looked at, by whom, until when."""

    world: World
    service: str  # url
    narrator: Narrator
    hindsight: PastIncidentReport
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
    """Runs the demo for `duration` seconds or until Ctrl-C. Returns 0, or 1 when it did not go as
    promised.

    picture: where to draw the incident of the loaded past.
    """
    say = say or speak
    began = time.time()
    now = int(began) // step * step
    hindsight = PastIncidentReport(missing_peak(now), now)
    world = World(SEED, now, (hindsight.incident,))
    narrator = Narrator(world, step, began, f"http://{listen_address}")
    schedule = IncidentSchedule(step, QUIET, float("inf") if duration is None else began + duration)
    say(
        f"{clock(began)}  a web shop with {len(world.sources)} series and three weeks of history is"
        " being made"
    )
    with ends_in_order(), ExitStack() as stack:
        try:
            running, service = set_up(stack, world, start_service, listen_address, step)
            say(f"{clock(time.time())}  Prometheus is {running.words}")
            for line in links(service.url, running.url):
                say(line)
            follow(Stage(world, service.url, narrator, hindsight, schedule), say)
        except KeyboardInterrupt:
            say("")
    for line in summary(narrator, hindsight, time.time()):
        say(line)
    if picture is not None:
        say(drawn(hindsight, picture))
    return 0 if passed(narrator, hindsight, time.time()) else 1


def set_up(
    stack: ExitStack, world: World, start_service: StartService, listen_address: str, step: int
) -> tuple[Running, RunningService]:
    """Starts exporter, Prometheus and the service; the stack stops them in reverse."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bandwatch-demo-")))
    exporter = serve_exporter(world)
    stack.callback(exporter.close)
    running = stack.enter_context(
        prometheus(world, exporter, folder, step=step, bandwatch=listen_address)
    )
    service = start_service(demo_config(world, running.url, folder, listen_address, step))
    stack.callback(service.stop)
    return running, service


def follow(stage: Stage, say: Say) -> None:
    """Looks at the service, tells what has changed, and causes the incidents, until the
    deadline."""
    schedule = stage.schedule
    narrator = stage.narrator
    while (now := time.time()) < schedule.deadline:
        view = look(stage.service)
        for line in (
            *narrator.see(now, view),
            *narrator.advice(view),
            *stage.hindsight.see(stage.service),
        ):
            say(line)
        incident = schedule.next(now, ready=narrator.all_ok is not None and narrator.all_networks)
        if incident is not None:
            stage.world.add(incident)
            narrator.expect(incident)
        time.sleep(LOOK_EVERY)


def links(service: str, prometheus_url: str) -> Iterator[str]:
    """What to open."""
    match = quote('{service="checkout"}')
    yield f"          bands       {service}/api/v1/bands?watch=latency&match={match}"
    yield f"          scores      {service}/api/v1/scores"
    yield f"          alert       {service}/api/v1/alert?by=incident"
    yield f"          metrics     {service}/metrics"
    yield f"          Prometheus  {prometheus_url}"


def speak(line: str) -> None:
    """Prints a line; what has gone wrong in bold, on a terminal."""
    bold = sys.stdout.isatty() and ": score " in line
    print(f"\033[1m{line}\033[0m" if bold else line, flush=True)


@contextmanager
def ends_in_order() -> Iterator[None]:
    """Makes a termination signal end the demo as Ctrl-C does, so that no Prometheus is left
    behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
