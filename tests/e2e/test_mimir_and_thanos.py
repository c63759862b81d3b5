"""A watch on stand-ins for Mimir and Thanos."""

import io
from pathlib import Path

import pytest
from pydantic import SecretStr

from plugin.commands.check.run import check
from plugin.config import Config, RemoteWriteSettings
from plugin.errors import QueryRejected
from plugin.prometheus.reader import PrometheusReader
from plugin.prometheus.remote_write import RemoteSample, RemoteWriter
from plugin.prometheus.wire import encoded_labels
from tests.e2e import world
from tests.e2e.world import NOW, STEP, Clock, config, parts
from tests.faults import FaultProxy
from tests.servers import PrometheusServer
from tests.stand_ins import TENANT, mimir, thanos

DAY = 86_400
FIT_STEPS = 3 * 1440  # of the watch of the small world


@pytest.fixture(autouse=True)
def workers_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.components.WorkerPool", world.Threads)


def of_tenant(folder: Path, proxy: FaultProxy) -> Config:
    headers = {"X-Scope-OrgID": SecretStr(TENANT)}
    return config(folder, f"{proxy.url}/prometheus", headers=headers)


def refused(proxy: FaultProxy, longest: int) -> int:
    """Requests for ranges beyond the limit."""
    found = 0
    for path in proxy.requests:
        if "step=" in path:
            asked = dict(part.split("=") for part in path.partition("?")[2].split("&"))
            found += float(asked["end"]) - float(asked["start"]) > longest
    return found


def test_a_history_beyond_the_limit_of_mimir_is_learnt_from_and_the_limit_is_found_once(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    longest = DAY // 2
    with mimir(small_world.port, longest) as proxy:
        settings = of_tenant(folder, proxy)
        with parts(settings, clock) as made:
            assert made.watches["latency"].score.run()
            quiet = next(
                one for one in made.store.series.of("latency") if one.labels["service"] == "quiet"
            )
            rows = made.store.samples.of(quiet.id, NOW - FIT_STEPS * STEP, NOW)
            assert len(rows.times) >= FIT_STEPS
            assert 1 <= refused(proxy, longest) <= 4
            assert set(made.board.snapshots()["latency"].detector) == {"baseline"}
        proxy.requests.clear()
        clock.steps(90)
        with parts(settings, clock) as made:  # the limit is not stored
            assert made.watches["latency"].score.run()
        assert refused(proxy, longest) == 0, "what was missed is shorter than any limit"


def test_without_the_tenant_mimir_says_what_is_missing(
    small_world: PrometheusServer, folder: Path
) -> None:
    with mimir(small_world.port, DAY) as proxy:
        reader = PrometheusReader(config(folder, f"{proxy.url}/prometheus").prometheus)
        with pytest.raises(QueryRejected, match="401 'no org id': check the credentials"):
            reader.range("latency_ms", NOW, NOW, STEP, max_series=4)


def test_check_names_mimir(small_world: PrometheusServer, folder: Path) -> None:
    out = io.StringIO()
    with mimir(small_world.port, DAY) as proxy:
        settings = of_tenant(folder, proxy)
        assert check(settings, out=out, seconds_per_series=lambda *_: 0.1, now=lambda: NOW)
    assert out.getvalue().startswith(f"Grafana Mimir 2.17.1 at {settings.prometheus.url}\n")
    assert "1 of 1 watches work" in out.getvalue()


def test_scores_go_to_the_tenant_of_mimir(tmp_path: Path) -> None:
    flags = ("--web.enable-remote-write-receiver",)
    with (
        PrometheusServer(tmp_path / "receiver", flags=flags) as receiver,
        mimir(receiver.port, DAY) as proxy,
    ):
        sample = RemoteSample(encoded_labels([("__name__", "bandwatch_value")]), 42.0)
        sending = RemoteWriteSettings(
            url=f"{proxy.url}/api/v1/push", headers={"X-Scope-OrgID": SecretStr(TENANT)}
        )
        assert RemoteWriter(sending).send(NOW * 1000, [sample]).sent == 1
        read = PrometheusReader(config(tmp_path, receiver.url).prometheus)
        (found,) = read.range("bandwatch_value", NOW // STEP * STEP, NOW, STEP, max_series=1).series
        assert found.values.tolist() == [42.0]


def test_check_tells_that_a_store_of_thanos_is_down(
    small_world: PrometheusServer, folder: Path
) -> None:
    out = io.StringIO()
    with FaultProxy(small_world.port) as proxy:
        proxy.fault = thanos(without="quiet")
        settings = config(folder, proxy.url)
        assert check(settings, out=out, seconds_per_series=lambda *_: 0.1, now=lambda: NOW)
    assert "series   3 now" in out.getvalue()
    assert 'warning  fetch series for {replica="1"}: rpc error' in out.getvalue()
