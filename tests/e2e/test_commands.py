"""The commands as a user runs them, against a Prometheus that scrapes itself and Debian's node
exporter."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from plugin.cli import main
from plugin.series import Series
from tests.e2e import world
from tests.servers import NodeExporter, PrometheusServer, free_port

CONFIG = """
prometheus:
  url: {url}
watches:
  - name: node
    query: '{{__name__=~"node_load1|node_memory_MemFree_bytes|node_entropy_available_bits|up"}}'
    step: 2s
    fit_window: 10m
    learn_for: 0s
  - name: requests
    query: sum by (handler) (rate(prometheus_http_requests_total[30s]))
    step: 2s
    fit_window: 10m
store:
  path: {folder}/data
web:
  listen_address: 127.0.0.1:{port}
  read_token: reader
  write_token: writer
"""


@pytest.fixture(scope="module")
def scraping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    folder = tmp_path_factory.mktemp("scraping")
    with (
        NodeExporter(folder / "node") as node,
        PrometheusServer(
            folder / "prometheus",
            scrape={"prometheus": ["self"], "node": [f"127.0.0.1:{node.port}"]},
        ) as server,
    ):
        yield server


@pytest.fixture
def file(tmp_path: Path, scraping: PrometheusServer) -> Path:
    path = tmp_path / "bandwatch.yml"
    path.write_text(CONFIG.format(url=scraping.url, folder=tmp_path, port=free_port()))
    return path


def bandwatch(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "plugin", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def get(file: Path, path: str, token: str = "reader", method: str = "GET") -> tuple[int, str]:
    address = file.read_text().split("listen_address: ")[1].split()[0]
    request = urllib.request.Request(
        f"http://{address}{path}", method=method, headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def eventually(check: Callable[[], Any], seconds: float = 60.0) -> Any:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := check():
            return found
        time.sleep(0.2)
    return check()


def test_run_serves_every_series_then_reloads_and_stops(file: Path) -> None:
    command = [sys.executable, "-m", "plugin", "run", "--config.file", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as service:
        try:
            assert eventually(lambda: get(file, "/-/healthy")[0] == 200), "not healthy"
            assert eventually(lambda: get(file, "/-/ready")[0] == 200), get(file, "/-/ready")
            assert get(file, "/api/v1/scores", token="wrong")[0] == 401

            def rows() -> list[dict[str, Any]]:
                return [
                    row
                    for row in json.loads(get(file, "/api/v1/scores")[1])
                    if row["state"] in ("ok", "learning")
                ]

            assert eventually(
                lambda: (
                    len(rows()) >= 5 and {row["watch"] for row in rows()} == {"node", "requests"}
                )
            )
            assert all(
                row["lower"] <= row["expected"] <= row["upper"]
                for row in rows()
                if row["score"] is not None
            )
            assert {row["watch"]: row["state"] for row in rows()} == {
                "node": "ok",
                "requests": "learning",  # all of it is younger than a day
            }
            assert json.loads(get(file, "/api/v1/alert?watch=requests")[1]) == []
            assert json.loads(get(file, "/api/v1/alert?watch=node")[1])[0].keys() >= {
                "watch",
                "score",
                "instance",
            }
            assert "bandwatch_anomaly_score{" in get(file, "/metrics")[1]
            file.write_text(file.read_text().replace("name: requests", "name: renamed"))
            assert get(file, "/-/reload", "reader", "POST")[0] == 403
            assert get(file, "/-/reload", "writer", "POST")[0] == 200
            assert eventually(lambda: get(file, "/api/v1/scores?watch=renamed")[0] == 200)
            file.write_text(file.read_text() + "nonsense: 1\n")
            status, answer = get(file, "/-/reload", "writer", "POST")
            assert status == 400 and "nonsense" in answer
            service.send_signal(signal.SIGHUP)
            assert "bandwatch_config_last_reload_successful 0.0" in get(file, "/metrics")[1]
            assert get(file, "/api/v1/scores?watch=renamed")[0] == 200, "a bad file hurts nobody"
        finally:
            service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=30)
        assert service.returncode == 0 and "msg=stopped" in log
        assert all(
            "reload refused" in line for line in log.splitlines() if "level=error" in line
        ), log


def test_check_then_score_then_fit(file: Path) -> None:
    checked = bandwatch("check", file)
    assert checked.returncode == 0 and "valid, 2 watches" in checked.stdout, (
        checked.stdout + checked.stderr
    )
    assert bandwatch("score", "--config.file", file, "--watch", "node").returncode == 0
    fitted = bandwatch("fit", "--config.file", file, "--watch", "node")
    assert "series fitted" in fitted.stdout, fitted.stderr
    unknown = bandwatch("fit", "--config.file", file, "--watch", "nodes")
    assert (
        unknown.returncode == 1
        and "there is no such watch" in unknown.stderr
        and "node, requests" in unknown.stderr
    )


def test_a_score_of_nothing_fails_and_says_why(file: Path, tmp_path: Path) -> None:
    settings = file.read_text()
    twice = 'vector(1) + on() (vector(1) or label_replace(vector(1), "a", "b", "", ""))'
    for name, query, reason in (
        ("none", "no_such_metric", "no series"),
        ("twice", twice, "duplicate"),
    ):
        head = settings[: settings.index("watches:")]
        (tmp_path / "score.yml").write_text(
            f"{head}\nwatches: [{{name: {name}, query: '{query}'}}]\n"
        )
        done = bandwatch("score", "--config.file", tmp_path / "score.yml")
        assert done.returncode == 1 and "1970" not in done.stdout, done.stdout
        assert f"{name}: nothing scored: " in done.stdout and reason in done.stdout


def test_example_passes_its_own_check(tmp_path: Path) -> None:
    example = tmp_path / "example.yml"
    example.write_text(bandwatch("check", "--example").stdout)
    checked = bandwatch("check", "--syntax-only", example)
    assert checked.returncode == 0 and "valid" in checked.stdout, checked.stderr


def test_two_services_never_share_a_store(file: Path) -> None:
    from plugin import config
    from plugin.components import Components

    first = Components(config.load(file))
    try:
        refused = bandwatch("score", "--config.file", file)
        assert refused.returncode == 1 and "another bandwatch is at work" in refused.stderr
    finally:
        first.close()


def test_backtest_of_an_expression(tmp_path: Path) -> None:
    end = int(time.time()) // 60 * 60
    recent = [
        Series(each.labels, each.times[-2880:] - each.times[-1] + end, each.values[-2880:])
        for each in world.series()
        if each.labels["service"] in ("shop", "quiet")
    ]
    with PrometheusServer(tmp_path / "prometheus").backfill(recent) as server:
        done = bandwatch(
            "backtest",
            "latency_ms",
            "--prometheus.url",
            server.url,
            "--since",
            "2d",
            "--output",
            tmp_path / "out",
            "--detector",
            "baseline",
            "--refit-every",
            "12h",
            "--plot",
        )
    assert done.returncode == 0, done.stderr
    assert "2 series, 2 series-days: would have alerted" in done.stdout
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(files) == 5 and files[0].startswith("000_latency_ms") and files[0].endswith(".csv")
    assert files[-1] == "alarms.csv"
    lines = (tmp_path / "out" / files[0]).read_text().splitlines()
    assert lines[0] == "time,value,expected,lower,upper,score" and 1430 <= len(lines) <= 1442
    nothing = bandwatch(
        "backtest", "no_such_metric", "--prometheus.url", server.url, "--output", tmp_path / "none"
    )
    assert nothing.returncode == 1 and "Prometheus" in nothing.stderr


def test_ctrl_c_ends_a_backtest_at_once(tmp_path: Path) -> None:
    """As a terminal does it: the signal goes to the whole process group."""
    source = tmp_path / "source"
    output = tmp_path / "output"
    source.mkdir()
    for number in range(12):  # each begins at another second, so that none shares a stack
        rows = "".join(f"{number + 60 * minute},{minute % 97}\n" for minute in range(5 * 1440))
        (source / f"{number:02d}.csv").write_text("time,value\n" + rows)
    command = [
        sys.executable,
        "-m",
        "plugin",
        "backtest",
        source,
        "--output",
        output,
        "--detector",
        "lstm",
        "--jobs",
        "1",
    ]
    heard = partial(
        signal.signal, signal.SIGINT, signal.SIG_DFL
    )  # a background shell hands on an ignored SIGINT

    def written() -> int:
        return len(list(output.glob("*.csv")))

    start = time.monotonic()
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heard
    ) as running:
        try:
            assert eventually(lambda: written() > 0, 300)
            before = written()
            first_seconds = time.monotonic() - start
            os.killpg(running.pid, signal.SIGINT)
            start = time.monotonic()
            _, said = running.communicate(timeout=60)
            seconds = time.monotonic() - start
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode == 130 and said == ""
    assert written() <= before + 1 < 12, "the one that was in work at most"
    # Half of what it took to load the libraries and score one series: loads slow down both.
    assert seconds < max(5, first_seconds / 2)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "required: COMMAND"),
        (("check",), 1, "bandwatch.yml: found no file that can be read"),
        (("check", "missing.yml"), 1, "missing.yml"),
        (
            ("backtest", "nowhere", "--output", "out", "--step", "fast"),
            2,
            'argument --step: found "fast"',
        ),
        (("run", "--config.file", "missing.yml"), 1, "missing.yml"),
        (
            ("backtest", ".", "--output", "."),
            1,
            "--output .: is SOURCE, whose files would be overwritten",
        ),
        (
            ("backtest", ".", "--output", "out", "--timezone", "Mars"),
            2,
            'argument --timezone: found "Mars"; valid is an',
        ),
        (
            ("backtest", "up", "--output", "out", "--step", "0s"),
            2,
            'argument --step: found "0s"; valid is',
        ),
        (
            ("backtest", "up", "--output", "out", "--fit-window", "often"),
            2,
            'argument --fit-window: found "often"; valid is auto, or a duration',
        ),
        (
            ("backtest", "up", "--output", "out", "--country", "Germany"),
            2,
            'argument --country: found "Germany"; valid is a country as ISO 3166 writes it, such',
        ),
        (
            ("backtest", "up", "--output", "out", "--subdivision", "BE"),
            1,
            "--subdivision: found 'BE' alone; valid is with --country, too",
        ),
        (
            ("backtest", "sum(up", "--output", "out"),
            2,
            'argument SOURCE: found "sum(up" with a ( that is never closed',
        ),
        (
            ("backtest", "up", "--output", "out", "--jobs", "-1"),
            2,
            'argument --jobs: found "-1"; valid is a number',
        ),
        (
            ("backtest", "up", "--output", "out", "--detector", "lsmt"),
            1,
            "--detector: unknown detector `lsmt`, did you",
        ),
        (
            (
                "backtest",
                "up" + " + up" * 99,
                "--output",
                "out",
                "--prometheus.url",
                "http://127.0.0.1:1",
            ),
            1,
            "refused",
        ),
    ],
)
def test_wrong_command_lines(
    arguments: tuple[str, ...], status: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process: to start one for each would take a minute."""
    try:
        found = main(arguments)
    except SystemExit as refusal:  # of argparse
        found = int(str(refusal.code))
    assert found == status and message in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("check", "missing.yml")])
def test_a_wrong_command_line_ends_a_process(arguments: tuple[str, ...]) -> None:
    done = bandwatch(*arguments)
    assert done.returncode == (1 if arguments else 2) and done.stdout == ""
    assert done.stderr and "Traceback" not in done.stderr
