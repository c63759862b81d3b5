"""The commands against each of the other servers, in real time."""

import json
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugin.series import Labels, Series
from tests.backends.servers import KINDS, Backend
from tests.e2e.test_commands import bandwatch, eventually, get
from tests.servers import free_port

STEP = 10
HOURS = 6  # of history
BEFORE_INCIDENT = 30  # seconds from the start of the server
LASTING = 480  # seconds of the incident; no server takes samples of more than 10 minutes ahead

CONFIG = """
prometheus:
  url: {url}
watches:
  - name: load
    query: load
    step: {step}s
    fit_window: 5h
    learn_for: 0s
    detector: baseline
  - name: work
    query: sum by (job) (rate(work_total[1m]))
    step: {step}s
    fit_window: 5h
    learn_for: 0s
    detector: baseline
store:
  path: {folder}/data
web:
  listen_address: 127.0.0.1:{port}
  read_token: reader
"""


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def backend(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backend]:
    """It holds hours of history, and minutes to come with an incident."""
    with request.param(tmp_path_factory.mktemp("backend")) as server:
        now = int(time.time())
        server.write(series(now))
        assert eventually(lambda: samples(server.url, now) > (HOURS - 1.1) * 3600 / STEP, 60)
        yield server


def samples(url: str, now: int) -> int:
    """How many of the rate the server shows in the hours before a time: it may take seconds to show
    what was written, and a history that is empty is not asked for again at once."""
    question = {
        "query": "sum by (job) (rate(work_total[1m]))",
        "start": now - (HOURS - 1) * 3600,
        "end": now - 60,
        "step": STEP,
    }
    address = f"{url}/api/v1/query_range?{urllib.parse.urlencode(question)}"
    with urllib.request.urlopen(address) as answer:
        rows = json.load(answer)["data"]["result"]
    return len(rows[0]["values"]) if rows else 0


def series(now: int) -> list[Series]:
    times = now // STEP * STEP + np.arange(-HOURS * 3600, BEFORE_INCIDENT + LASTING, STEP)
    rng = np.random.default_rng(7)
    made = []
    for host in ("a", "b"):
        values = 50 + rng.normal(size=len(times))
        if host == "a":
            values[times >= now + BEFORE_INCIDENT] += 40
        made.append(Series(Labels.of({"__name__": "load", "ort.name": host}), times, values))
    total = np.cumsum(STEP * (30 + rng.normal(size=len(times))))
    return [*made, Series(Labels.of({"__name__": "work_total", "job": "api"}), times, total)]


@pytest.fixture
def file(backend: Backend, tmp_path: Path) -> Path:
    path = tmp_path / "bandwatch.yml"
    path.write_text(CONFIG.format(url=backend.url, step=STEP, folder=tmp_path, port=free_port()))
    return path


def test_run_finds_an_incident(file: Path) -> None:
    command = [sys.executable, "-m", "plugin", "run", "--config.file", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as service:
        try:
            assert eventually(lambda: get(file, "/-/ready")[0] == 200, 200), get(file, "/-/ready")

            def alarming() -> list[dict[str, Any]]:
                rows = json.loads(get(file, "/api/v1/alert")[1])
                return [row for row in rows if row["score"] > 1]

            (alarm,) = eventually(alarming, BEFORE_INCIDENT + LASTING)
            assert (alarm["watch"], alarm["ort.name"]) == ("load", "a")
            (incident,) = json.loads(get(file, "/api/v1/incidents")[1])
            assert (incident["watch"], incident["state"], incident["size"]) == ("load", "open", 1)

            def states() -> list[str]:
                return [row["state"] for row in json.loads(get(file, "/api/v1/scores")[1])]

            assert eventually(lambda: states() == ["ok"] * 3, 120), states()
            assert 'bandwatch_watch_up{watch="work"} 1.0' in get(file, "/metrics")[1]
        finally:
            service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=30)
    assert service.returncode == 0
    assert not [line for line in log.splitlines() if "level=error" in line], log


def test_check_says_what_there_is(file: Path) -> None:
    checked = bandwatch("check", file)
    text = checked.stdout + checked.stderr
    assert checked.returncode == 0 and "2 of 2 watches work" in text, text
    assert "2 now" in text and "gaps     none" in text, text
    assert "FAILED" not in text
