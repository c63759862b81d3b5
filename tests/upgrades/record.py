"""Records a store with the program of some commit: `python -m tests.upgrades.record COMMIT...`.

The program of the commit runs twice over the computed source, with its clock from `FIRST_END` and
from `END` on, each time for less than a step. Its store and its answers go into
`tests/testdata/stores/SCHEMA-COMMIT.tar.gz`. To be run for the last commit before a change of the
schema, of the blocks or of the arrays of models.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.servers import free_port
from tests.upgrades import fleet

ROOT = Path(__file__).parent.parent.parent
STORES = ROOT / "tests" / "testdata" / "stores"
WAIT_SECONDS = 300
PROGRAM = """\
import runpy, sys, time
if __name__ == "__main__":  # a worker imports this file, too
    offset = float(sys.argv.pop(1)) - time.monotonic()
    time.time = lambda: time.monotonic() + offset
    runpy.run_module("plugin", run_name="__main__")
"""
DETECTOR = "{name: vae, steps: 40}"
DAY: dict[str, object] = {"from": (fleet.END - fleet.DAY) * 1000, "to": fleet.END * 1000}
QUERIES: dict[str, dict[str, object]] = {  # a version that lacks a route answers None
    "scores": {},
    "alert": {},
    "incidents": DAY,
    "annotations": DAY,
    "maintenance": {},
    "models": {},
    "decisions": {},
    "watches": {},
}
WINDOW = {"match": '{service="mail"}', "begin": "2025-10-10T00:00Z", "duration": "1h"}


def record(commit: str) -> Path:
    """Returns the archive."""
    with tempfile.TemporaryDirectory() as name, _checkout(commit, Path(name)) as checkout:
        work = Path(name)
        server = fleet.source().serve()
        try:
            answers = _answers(checkout, work, server.url)
        finally:
            server.close()
        answers["commit"] = commit
        (work / "answers.json").write_text(json.dumps(answers))
        STORES.mkdir(parents=True, exist_ok=True)
        target = STORES / f"{answers['schema']}-{commit}.tar.gz"
        with tarfile.open(target, "w:gz") as archive:
            for part in ("data", "answers.json"):
                archive.add(work / part, arcname=part, filter=_anonymous)
        return target


def _answers(checkout: Path, work: Path, url: str) -> dict[str, Any]:
    port = free_port()
    data = work / "data"
    config = fleet.CONFIG.format(url=url, detector=DETECTOR, folder=data)
    config += f"web:\n  listen_address: 127.0.0.1:{port}\n"
    (work / "bandwatch.yml").write_text(config)
    (work / "program.py").write_text(PROGRAM)
    with _running(checkout, work, fleet.FIRST_END):
        _await(lambda: _ready(port) and _fitted(data))
    with _running(checkout, work, fleet.END):
        _await(lambda: _ready(port) and _scored_until(data) == fleet.END and _folded(data))
        answers = _served(port)
    with closing(sqlite3.connect(data / "bandwatch.db")) as database:
        [(answers["schema"],)] = database.execute("SELECT version_num FROM alembic_version")
        database.execute("VACUUM")
    (data / "lock").unlink(missing_ok=True)
    return answers


def _served(port: int) -> dict[str, Any]:
    """What the version answers, after a person has answered an alarm, planned work and pinned a
    model."""
    over = [row for row in _get(port, "incidents", DAY) or [] if row["timeEnd"]]
    if over:
        name = over[0]["incident"]
        _post(port, "feedback", {"verdict": "false_alarm", "incident": name})
        _post(port, "maintenance", WINDOW)
        _post(port, "models/pin", {"watch": "latency", "match": '{service="mail"}'})
    answers = {route: _get(port, route, query) for route, query in QUERIES.items()}
    answers["bands"] = {
        watch: _get(port, "bands", {"watch": watch, "max_points": 1000, **DAY})
        for watch in ("latency", "requests")
    }
    return answers


@contextmanager
def _checkout(commit: str, work: Path) -> Iterator[Path]:
    tree = work / "tree"
    subprocess.run(["git", "worktree", "add", "--detach", str(tree), commit], cwd=ROOT, check=True)
    try:
        yield tree
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)


@contextmanager
def _running(checkout: Path, work: Path, now: int) -> Iterator[None]:
    command = [sys.executable, str(work / "program.py"), str(now), "run"]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    with (work / "log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--config.file", str(work / "bandwatch.yml")],
            cwd=checkout,
            env=environment,
            stderr=log,
        )
        try:
            yield
        except BaseException:
            print((work / "log").read_text()[-4000:], file=sys.stderr)
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not after {WAIT_SECONDS} s: {condition}")
        time.sleep(0.5)


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=10) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _get(port: int, route: str, query: Mapping[str, object]) -> Any:
    return _answer(f"http://127.0.0.1:{port}/api/v1/{route}?{urllib.parse.urlencode(query)}")


def _post(port: int, route: str, body: Mapping[str, object]) -> Any:
    url = f"http://127.0.0.1:{port}/api/v1/{route}"
    headers = {"Content-Type": "application/json"}
    return _answer(urllib.request.Request(url, json.dumps(body).encode(), headers))


def _answer(request: str | urllib.request.Request) -> Any:
    """The JSON of an answer; None where this version refuses the request or lacks the route."""
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode()[:200], file=sys.stderr)
        return None


def _number(data: Path, statement: str) -> int:
    with closing(sqlite3.connect(data / "bandwatch.db", timeout=60)) as database:
        return int(database.execute(statement).fetchone()[0] or 0)


def _fitted(data: Path) -> bool:
    """Each series of the second watch has its network beside the baseline of the start."""
    return _number(data, "SELECT count(*) FROM fits WHERE spec LIKE '%vae%'") > 0


def _scored_until(data: Path) -> int:
    return _number(data, "SELECT min(scored_until) FROM watches")


def _folded(data: Path) -> bool:
    return _number(data, "SELECT count(*) FROM blocks") > 0


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = fleet.END
    return entry


if __name__ == "__main__":
    for one in sys.argv[1:]:
        path = record(one)
        print(f"{path.relative_to(ROOT)}: {path.stat().st_size:,} bytes")
