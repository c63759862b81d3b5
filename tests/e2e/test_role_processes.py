"""Three workers and two web replicas as real processes with default settings: one worker is killed,
one is frozen and thawed."""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from plugin.roles.worker_service import SINGLE_LEASES
from plugin.series import MAX_TIME
from plugin.store import Store
from tests.servers import PrometheusServer

WATCHES = tuple(f"w{number}" for number in range(9))
FAILOVER_SECONDS = 30


class RoleProcess:
    """`bandwatch ROLE` in a process of its own."""

    def __init__(
        self, role: str, file: Path, log: Path, *, port: int = 0, module: str = "plugin"
    ) -> None:
        """port: 0 = any that is free. module: what `python -m` runs."""
        self.log = log
        command = [sys.executable, "-m", module, role, str(file)]
        address = ["--web.listen-address", f"127.0.0.1:{port}", "--log.format", "json"]
        with log.open("w") as output:
            self.process = subprocess.Popen(
                command + address, stdout=subprocess.DEVNULL, stderr=output
            )

    @property
    def url(self) -> str:
        found = re.search(r'"url": ?"(http://[^"]+)"', self.log.read_text())
        return found.group(1) if found else ""

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            body: bytes = answer.read()
        return body

    def json(self, path: str) -> Any:
        return json.loads(self.get(path))

    def number(self, metric: str) -> float:
        """The sum of a metric over its labels."""
        lines = re.findall(rf"^{metric}(?:{{.*}})? (\S+)$", self.get("/metrics").decode(), re.M)
        return sum(map(float, lines))

    def is_ready(self) -> bool:
        try:
            return bool(self.url) and self.get("/-/ready") != b""
        except OSError:
            return False

    def is_frozen(self) -> bool:
        """Whether all of its threads stand still."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return all(") T " in (thread / "stat").read_text() for thread in threads)

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(30)


def eventually(check: Callable[[], bool], seconds: float = 120) -> float:
    """How long it took, in seconds."""
    start = time.monotonic()
    while not check():
        assert time.monotonic() - start < seconds
        time.sleep(0.1)
    return time.monotonic() - start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], RoleProcess]]:
    with PrometheusServer(tmp_path / "prometheus", scrape={"self": ["self"]}) as prometheus:
        yield from _starting(tmp_path, prometheus.url)


def _starting(tmp_path: Path, url: str) -> Iterator[Callable[[str], RoleProcess]]:
    settings = {
        "prometheus": {"url": url},
        "store": {"path": str(tmp_path / "data")},
        "watches": [
            {
                "name": name,
                "query": "up",
                "step": "1s",
                "fit_window": "30m",
                "backfill": "60s",
                "learn_for": "0s",
                "detector": "baseline",
            }
            for name in WATCHES
        ],
    }
    file = tmp_path / "bandwatch.yml"
    file.write_text(json.dumps(settings))
    with ExitStack() as stack:
        count = 0

        def begin(role: str) -> RoleProcess:
            nonlocal count
            count += 1
            made = RoleProcess(role, file, tmp_path / f"{role}{count}.log")
            stack.callback(made.end)
            return made

        yield begin


def test_a_killed_and_a_frozen_worker_are_replaced_within_half_a_minute(
    start: Callable[[str], RoleProcess], tmp_path: Path
) -> None:
    workers = [start("worker") for _ in range(3)]
    replicas = [start("web") for _ in range(2)]
    with closing(Store.open(tmp_path / "data")) as store:

        def all_is_scored(since: float) -> bool:
            until = [store.samples.scored_until(name) for name in WATCHES]
            return all(each is not None and each >= since for each in until)

        eventually(lambda: all(each.is_ready() for each in (*workers, *replicas)))
        eventually(is_shared_by(store, 3))
        eventually(lambda: all_is_scored(time.time() - 3))
        eventually(lambda: len(replicas[0].json("/api/v1/alert?by=series")) == len(WATCHES))

        killed, frozen, left = workers
        killed.process.kill()
        with store._database.writing():  # so that it does not freeze with the database in its hands
            frozen.process.send_signal(signal.SIGSTOP)
            eventually(frozen.is_frozen)
        happened_at = time.time()
        seconds = eventually(lambda: all_is_scored(happened_at + 3))
        print(f"all watches are scored again after {seconds:.1f} s")
        assert seconds <= FAILOVER_SECONDS
        assert left.number("bandwatch_leases_held") == len(WATCHES) + len(SINGLE_LEASES)

        frozen.process.send_signal(signal.SIGCONT)
        eventually(lambda: frozen.number("bandwatch_leases_lost_total") > 0)
        eventually(is_shared_by(store, 2))
        eventually(lambda: all_is_scored(time.time() - 3))
        for record in store.series.all():  # no step is lost, none is there twice
            times = store.samples.of(record.id, int(happened_at) - 5, MAX_TIME).times.tolist()
            assert times == list(range(times[0], times[-1] + 1))
        moment = int(time.time() * 1000)
        path = f"/api/v1/alert?by=series&field=value&to={moment}"
        answers = [replica.get(path) for replica in (*replicas, *replicas)]
        assert len(set(answers)) == 1 and len(json.loads(answers[0])) == len(WATCHES)
        replicas[0].process.kill()
        assert replicas[1].json("/api/v1/alert?by=watch&field=unhealthy")


def is_shared_by(store: Store, count: int) -> Callable[[], bool]:
    return lambda: (
        len({lease.holder for lease in store.leases.all().values() if lease.name in WATCHES})
        == count
    )
