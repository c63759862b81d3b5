"""The composition root: what a reload keeps, swaps, refuses and takes down; readiness; a stop that
is quick."""

import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plugin import job_schedule
from plugin.app import Service
from plugin.board import WatchHealth
from plugin.commands.client import ServiceClient
from plugin.components import Components
from plugin.config import (
    Config,
    MaintenanceSettings,
    MaintenanceWindow,
    PrometheusSettings,
    RemoteWriteSettings,
    StoreSettings,
    TlsServerSettings,
    Watch,
    WebSettings,
    WorkerSettings,
)
from plugin.errors import BandwatchError, ConfigError, Stopped, StoreError
from plugin.file_changes import ChangingFile
from tests import faults
from tests.e2e.world import Threads
from tests.servers import PrometheusServer

NOWHERE = "http://127.0.0.1:1"


def watch(name: str, **settings: object) -> Watch:
    return Watch.model_validate({"name": name, "query": "up", "detector": "baseline", **settings})


def every_second(name: str, **settings: object) -> Watch:
    """One with little to read before its first score."""
    return watch(name, step=1, fit_window=1800, backfill=60, **settings)


def config(folder: Path, *watches: Watch, url: str = NOWHERE, **sections: object) -> Config:
    made = Config(
        prometheus=PrometheusSettings(url=url, retries=0, connect_timeout=1, read_timeout=10),
        watches=watches,
        store=StoreSettings(path=str(folder)),
        web=WebSettings(listen_address="127.0.0.1:0"),
    )
    return made.model_copy(update=sections)


def eventually(check: Callable[[], bool], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while not check() and time.monotonic() < until:
        time.sleep(0.02)
    return check()


class Running:
    """A service and the file that its next reload reads."""

    def __init__(self, first: Config) -> None:
        self.file = first
        self.service = Service(first, load=lambda: self.file)
        self.parts = self.service._parts

    def reloaded(self) -> float:
        return float(self.parts.metrics.reload_successful._value.get())


@pytest.fixture(autouse=True)
def workers_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Threads, "warm_up", lambda self: None, raising=False)
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)


@pytest.fixture
def start() -> Iterator[Callable[[Config], Running]]:
    made: list[Running] = []

    def begin(first: Config) -> Running:
        made.append(Running(first))
        made[-1].service.start()
        return made[-1]

    yield begin
    for running in made:
        running.service.stop()


Start = Callable[[Config], Running]


def test_reload_keeps_what_is_unchanged_and_swaps_the_rest(start: Start, tmp_path: Path) -> None:
    running = start(config(tmp_path, watch("same"), watch("other"), watch("removed")))
    before = dict(running.parts.watches)
    running.file = config(tmp_path, watch("same"), watch("other", query="down"), watch("added"))
    running.service.reload()
    after = running.parts.watches
    assert list(after) == ["same", "other", "added"] and running.reloaded() == 1
    assert after["same"] is before["same"] and after["other"] is not before["other"]
    jobs = {"heartbeat", "idle_workers", "maintenance", "noise", "upkeep"}
    assert running.service._scheduler.names() == jobs | {
        f"{job}:{name}" for job in ("score", "fit", "forecast") for name in after
    }
    for name in ("other", "removed"):
        with pytest.raises(Stopped):
            before[name].reader.product()


def test_workers_that_have_nothing_to_do_are_looked_for_between_upkeeps(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[int]()
    monkeypatch.setattr(Threads, "end_idle", lambda self: looks.append(1))
    monkeypatch.setattr(job_schedule, "WORKER_CHECK_SECONDS", 0.05)
    start(config(tmp_path, watch("a")))
    assert eventually(lambda: len(looks) >= 3)


def test_with_tls_its_own_address_and_the_commands_speak_it(start: Start, tmp_path: Path) -> None:
    tls = Path(__file__).parent / "prometheus" / "testdata" / "tls"
    web = WebSettings(
        listen_address="127.0.0.1:0",
        tls_server_config=TlsServerSettings(
            cert_file=str(tls / "server.pem"),
            key_file=str(tls / "server.key"),
            client_auth_type="RequireAndVerifyClientCert",
            client_ca_file=str(tls / "ca.pem"),
        ),
    )
    url = start(config(tmp_path, watch("a"), web=web)).service.url
    files = (str(tls / "client.pem"), str(tls / "client.key"))
    client = ServiceClient(url, ca_file=str(tls / "ca.pem"), certificate=files)
    assert url.startswith("https://127.0.0.1:") and client.get("/api/v1/watches")


def test_a_watch_that_a_reload_adds_has_its_time_to_be_scored(start: Start, tmp_path: Path) -> None:
    running = start(config(tmp_path, watch("old")))
    now, running.service._clock = time.time(), lambda: now
    running.file = config(tmp_path, watch("old"), watch("added"))
    assert running.service._reloaded_at == 0
    running.service.reload()
    assert running.service._reloaded_at == now


def test_a_reload_changes_what_is_planned_and_a_broken_calendar_changes_nothing(
    start: Start, tmp_path: Path
) -> None:
    window = MaintenanceWindow(name="w", match="{}", begin="2026-11-21T02:00", duration=60)
    running = start(
        config(tmp_path, watch("a"), maintenance=MaintenanceSettings(windows=(window,)))
    )
    jobs = running.parts.watches["a"]
    planned = running.parts.maintenance
    assert [each.name for each in planned.windows()] == ["w"]
    running.file = config(
        tmp_path, watch("a"), watch("b"), maintenance=MaintenanceSettings(calendars=("gone.ics",))
    )
    with pytest.raises(ConfigError, match=r"maintenance.calendars: gone.ics: No such file"):
        running.service.reload()
    assert list(running.parts.watches) == ["a"] and len(planned.windows()) == 1
    running.file = config(tmp_path, watch("a"))
    running.service.reload()
    assert (
        running.parts.watches["a"] is jobs
        and running.parts.maintenance is planned
        and planned.windows() == ()
    )


def test_a_changed_file_is_reloaded_and_a_refused_one_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("plugin.app.CONFIG_CHECK_SECONDS", 0.05)
    path = tmp_path / "watches"
    path.write_text("a")

    def read() -> Config:
        names = path.read_text().split()
        if "wrong" in names:
            raise ConfigError("watches: wrong")
        return config(tmp_path / "data", *(watch(name) for name in names))

    file = ChangingFile(path, read)
    service = Service(file.load(), load=file.load, config_changed=file.changed)
    service.start()
    try:
        parts = service._parts
        path.write_text("a b")
        assert eventually(lambda: list(parts.watches) == ["a", "b"])
        path.write_text("a wrong")
        assert eventually(lambda: parts.metrics.reload_successful._value.get() == 0)
        assert eventually(lambda: "reload refused" in caplog.messages)
        assert list(parts.watches) == ["a", "b"]
        path.write_text("b")
        assert eventually(lambda: list(parts.watches) == ["b"])
        assert eventually(lambda: parts.metrics.reload_successful._value.get() == 1)
        assert caplog.messages.count("reload refused") == 1
    finally:
        service.stop()


def test_another_prometheus_swaps_all_watches(start: Start, tmp_path: Path) -> None:
    running = start(config(tmp_path, watch("a")))
    before = running.parts.watches["a"]
    running.file = config(tmp_path, watch("a"), url="http://127.0.0.1:2")
    running.service.reload()
    assert running.parts.watches["a"] is not before


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("store", StoreSettings(path="elsewhere")),
        ("web", WebSettings(listen_address="127.0.0.1:1")),
        ("workers", WorkerSettings(fits=2)),
    ],
)
def test_what_needs_a_restart_is_refused_and_nothing_changes(
    start: Start, tmp_path: Path, section: str, value: object
) -> None:
    running = start(config(tmp_path, watch("a")))
    running.file = config(tmp_path, watch("b")).model_copy(update={section: value})
    with pytest.raises(
        ConfigError, match=f"{section}: a change of it takes effect at a restart only"
    ):
        running.service.reload()
    assert list(running.parts.watches) == ["a"] and running.reloaded() == 0


def test_a_detector_that_cannot_be_built_changes_nothing(start: Start, tmp_path: Path) -> None:
    running = start(config(tmp_path, watch("a")))
    running.file = config(tmp_path, watch("a", detector_options={"nonsense": 1}), watch("b"))
    with pytest.raises(ConfigError, match="watch 'a': detector: .*no option `nonsense`"):
        running.service.reload()
    assert list(running.parts.watches) == ["a"] and running.reloaded() == 0


def test_ready_when_every_watch_has_been_scored(
    start: Start, tmp_path: Path, prometheus: PrometheusServer
) -> None:
    with faults.FaultProxy(prometheus.port) as proxy:
        proxy.fault = faults.status(422)
        running = start(config(tmp_path, every_second("a"), every_second("b"), url=proxy.url))
        assert running.service.readiness() == "not scored yet: a, b"
        proxy.fault = faults.pass_on
        assert eventually(lambda: running.service.readiness() is None)


def test_the_band_ahead_is_made_after_a_tick_and_goes_with_its_setting(
    start: Start, tmp_path: Path, prometheus: PrometheusServer
) -> None:
    running = start(
        config(
            tmp_path,
            every_second("a", forecast=30),
            every_second("b", forecast=30),
            every_second("none", forecast=0),
            url=prometheus.url,
        )
    )
    board = running.service.board
    assert eventually(lambda: set(board.forecasts()) == {"a", "b"})
    first = board.forecasts()["a"].made_at
    assert eventually(lambda: board.forecasts()["a"].made_at > first)
    assert "forecast:none" not in running.service._scheduler.names()
    running.file = config(tmp_path, every_second("a", forecast=0), url=prometheus.url)
    running.service.reload()
    assert eventually(lambda: not board.forecasts())
    assert not any(name.startswith("forecast") for name in running.service._scheduler.names())


def test_remote_write_comes_changes_and_goes_with_a_reload(
    start: Start, tmp_path: Path, prometheus: PrometheusServer
) -> None:
    def scores_on_the_page() -> bool:
        with urllib.request.urlopen(f"{running.service.url}/metrics", timeout=5) as page:
            return b"# TYPE bandwatch_anomaly_score" in page.read()

    with faults.FaultProxy(prometheus.port) as one, faults.FaultProxy(prometheus.port) as two:
        one.fault = two.fault = faults.status(204)
        a = every_second("a", query="vector(time() % 7)")
        running = start(config(tmp_path, a, url=prometheus.url))
        assert scores_on_the_page() and "remote_write" not in running.service._scheduler.names()
        sent = running.parts.metrics.remote_write_sent_time
        for proxy in (one, two):
            running.file = config(
                tmp_path,
                a,
                url=prometheus.url,
                remote_write=RemoteWriteSettings(url=f"{proxy.url}/api/v1/write"),
            )
            running.service.reload()
            assert (
                eventually(lambda proxy=proxy: len(proxy.requests) > 0, 20)
                and not scores_on_the_page()
            )
        before = len(one.requests)
        assert (
            eventually(lambda: time.time() - sent.labels("a")._value.get() < 10)
            and len(one.requests) == before
        )
        running.file = config(tmp_path, every_second("b"), url=prometheus.url)
        running.service.reload()
        assert scores_on_the_page() and "remote_write" not in running.service._scheduler.names()
        assert eventually(lambda: ("a",) not in sent._metrics)


def test_a_removed_watch_leaves_no_trace_though_a_run_of_it_ends_later(
    start: Start, tmp_path: Path, prometheus: PrometheusServer
) -> None:
    running = start(
        config(tmp_path, every_second("kept"), every_second("removed"), url=prometheus.url)
    )
    assert eventually(lambda: running.service.readiness() is None)
    jobs = running.parts.watches["removed"]
    entered = threading.Event()
    release = threading.Event()
    real = jobs.score._publisher.publish

    def late(*arguments: object, **named: object) -> None:
        entered.set()
        release.wait(10)
        real(*arguments, **named)  # type: ignore[arg-type]

    jobs.score._publisher.publish = late  # type: ignore[method-assign]
    assert entered.wait(10)
    running.file = config(tmp_path, every_second("kept"), url=prometheus.url)
    running.service.reload()
    release.set()
    assert eventually(lambda: not running.service._schedule._score_locks["removed"].locked())
    up = running.parts.metrics.watch_up
    assert eventually(
        lambda: (
            list(running.service.board.snapshots()) == ["kept"] and list(up._metrics) == [("kept",)]
        )
    )


def test_a_stop_in_the_middle_of_the_first_history_is_quick(
    tmp_path: Path, prometheus: PrometheusServer, caplog: pytest.LogCaptureFixture
) -> None:
    with faults.FaultProxy(prometheus.port) as proxy:

        def slow(connection: faults.Connection, reply: faults.Reply) -> None:
            time.sleep(0.2)
            faults.pass_on(connection, reply)

        proxy.fault = slow
        service = Service(
            config(
                tmp_path, watch("a", step=1, fit_window=200_000, max_series=10_000), url=proxy.url
            )
        )
        service.start()
        assert eventually(lambda: len(proxy.requests) > 1)
        began = time.monotonic()
        assert service.stop() and time.monotonic() - began < 3
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_store_in_use_is_left_alone(tmp_path: Path) -> None:
    first = Components(config(tmp_path, watch("a")))
    try:
        with pytest.raises(StoreError, match="another bandwatch is at work"):
            Components(config(tmp_path, watch("a")))
    finally:
        first.close()


def test_parts_that_cannot_be_built_let_go_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(BandwatchError, match="no option"):
        Components(config(tmp_path, watch("a", detector_options={"nonsense": 1})))
    Components(config(tmp_path, watch("a"))).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/data: .*check `store.path`"):
        Components(config(tmp_path / "file" / "data", watch("a")))


def test_a_watch_that_a_reload_pauses_rests_and_holds_nobody_up(
    start: Start, tmp_path: Path
) -> None:
    running = start(config(tmp_path, watch("one"), watch("two", paused=True)))
    assert eventually(lambda: "two" in running.service.board.snapshots())
    assert running.service.readiness() == "not scored yet: one"
    running.file = config(tmp_path, watch("one", paused=True), watch("two", paused=True))
    running.service.reload()
    board = running.service.board
    assert eventually(
        lambda: (
            "one" in board.snapshots() and board.snapshots()["one"].outlook is WatchHealth.PAUSED
        )
    )
    assert running.service.readiness() is None
    assert "forecast:one" not in running.service._scheduler.names()
