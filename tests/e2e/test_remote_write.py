"""Scores of an hour into a real Prometheus that takes remote write, and scrapes itself beside it in
the present."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plugin.components import Components
from plugin.config import Config, RemoteWriteSettings
from plugin.jobs import remote_write_job
from plugin.jobs.remote_write_job import METRIC_NAMES
from plugin.jobs.remote_write_rows import COLUMNS
from plugin.prometheus.remote_write import RemoteSample, RemoteWriter
from plugin.prometheus.wire import encoded_labels
from plugin.series import Samples
from tests.e2e import world
from tests.e2e.world import GAP, STEP, VANISHED_FROM, Clock
from tests.faults import FaultProxy, status, then
from tests.servers import PrometheusServer

MINUTES = 56  # a receiver takes what is up to an hour old
SERVICES = ("shop", "gone", "holes", "quiet")
OUT_OF_ORDER = {"storage": {"tsdb": {"out_of_order_time_window": "30m"}}}
LATER = 205  # steps by which the gap of `holes` is moved, into the hour that is scored


@pytest.fixture
def begin() -> int:
    """Where the world's NOW is moved to, so that the hour after it ends in the present."""
    return int(time.time()) // STEP * STEP - MINUTES * STEP


@pytest.fixture
def source(tmp_path: Path, begin: int) -> Iterator[PrometheusServer]:
    """The last two days of the small world, moved."""
    moved = []
    for each in world.series():
        after = (each.times - world.NOW) // STEP + (
            LATER if each.labels["service"] == "holes" else 0
        )
        seen = (after >= -2 * 1440) & (after < world.FUTURE_STEPS)
        moved.append(replace(each, times=begin + after[seen] * STEP, values=each.values[seen]))
    with PrometheusServer(tmp_path / "source").backfill(moved) as server:
        yield server


@pytest.fixture
def receiver(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PrometheusServer]:
    """One that takes samples in order only, or what a test asks for."""
    with PrometheusServer(
        tmp_path / "receiver",
        flags=["--web.enable-remote-write-receiver"],
        settings=getattr(request, "param", {}),
        scrape={"self": ["self"]},
    ) as server:
        yield server


both = pytest.mark.parametrize(
    "receiver", [{}, OUT_OF_ORDER], indirect=True, ids=["in order", "out of order"]
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are threads, and nobody pauses after a failure."""
    monkeypatch.setattr("plugin.components.WorkerPool", world.Threads)
    monkeypatch.setattr(remote_write_job, "MAX_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("plugin.prometheus.remote_write.BACKOFF_SECONDS", 0.01)


@pytest.fixture
def clock(begin: int) -> Clock:
    return Clock(begin)


def settings(folder: Path, source: PrometheusServer, url: str, **more: object) -> Config:
    sending = RemoteWriteSettings.model_validate(
        {"url": f"{url}/api/v1/write", "max_age": 60, "timeout": 5, **more}
    )
    watch = world.watch(fit_window=86_400)
    return world.config(folder, source.url, watch).model_copy(update={"remote_write": sending})


def run(made: Components, clock: Clock, steps: int) -> None:
    """Tick by tick, as the service does it."""
    for _ in range(steps):
        clock.steps(1)
        assert made.watches["latency"].score.run()
        assert made.remote_write is not None
        made.remote_write.run()


def ask(server: PrometheusServer, query: str, at: float | None = None) -> list[dict[str, object]]:
    parameters = urllib.parse.urlencode({"query": query, "time": at or time.time()})
    with urllib.request.urlopen(f"{server.url}/api/v1/query?{parameters}", timeout=10) as response:
        found: list[dict[str, object]] = json.load(response)["data"]["result"]
        return found


def scrapes(server: PrometheusServer, least: int) -> int:
    """How many scrapes of itself it has kept, once there are so many; fails when one has failed."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        found = ask(server, "count_over_time(up[1h])")
        count = int(found[0]["value"][1]) if found else 0  # type: ignore[index]
        if count >= least:
            assert ask(server, "min_over_time(up[1h])")[0]["value"][1] == "1"  # type: ignore[index]
            return count
        time.sleep(0.1)
    raise AssertionError(f"only {count} scrapes in 30 s")


def stored(made: Components, service: str, begin: int) -> Samples:
    record = next(r for r in made.store.series.of("latency") if r.labels["service"] == service)
    return made.store.samples.of(record.id, begin + 1, int(time.time()))


def received(server: PrometheusServer) -> dict[tuple[str, str], dict[float, float]]:
    """The samples of each metric and service as they lie in the receiver, by their time."""
    found = ask(server, '{__name__=~"bandwatch_.+"}[2h]')
    return {
        (each["metric"]["__name__"], each["metric"]["service"]):  # type: ignore[index]
        {at: float(value) for at, value in each["values"]}
        for each in found
    }  # type: ignore[attr-defined]


def expected(made: Components, begin: int) -> dict[tuple[str, str], dict[float, float]]:
    """The same as they lie in the store."""
    found = {}
    for service in SERVICES:
        rows = stored(made, service, begin)
        for column in COLUMNS:
            values = getattr(rows, column)
            there = ~np.isnan(values)
            found[METRIC_NAMES[column], service] = dict(
                zip(rows.times[there].tolist(), values[there].tolist(), strict=True)
            )
    return {key: samples for key, samples in found.items() if samples}


def count(made: Components, outcome: str) -> int:
    return int(made.metrics.remote_write_samples.labels(outcome)._value.get())


@both
def test_an_hour_arrives_as_it_was_stored_and_the_scrapes_go_on(
    source: PrometheusServer, receiver: PrometheusServer, clock: Clock, begin: int, folder: Path
) -> None:
    before = scrapes(receiver, 1)
    with world.parts(settings(folder, source, receiver.url), clock) as made:
        made.watches["latency"].score.run()
        run(made, clock, MINUTES)
        held = expected(made, begin)
        sent = received(receiver)
        assert sent.keys() == held.keys() and len(held) == 5 * len(SERVICES)
        assert sent == held, "bit for bit: JSON carries the shortest text of each float"
        assert {len(held["bandwatch_value", name]) for name in ("shop", "quiet")} == {MINUTES}
        assert max(at for samples in sent.values() for at in samples) <= clock.now
        (one,) = ask(receiver, 'bandwatch_value{service="shop"}', clock.now)
        assert one["metric"] == {
            "__name__": "bandwatch_value",
            "watch": "latency",
            "severity": "ticket",
            "metric_name": "latency_ms",
            "service": "shop",
        }
        assert (count(made, "rejected"), count(made, "spilled")) == (0, 0)
        scrapes(receiver, scrapes(receiver, before) + 2)  # while we wrote, and since


def test_a_series_that_stops_vanishes_at_once_and_comes_back(
    source: PrometheusServer, receiver: PrometheusServer, clock: Clock, begin: int, folder: Path
) -> None:
    with world.parts(settings(folder, source, receiver.url), clock) as made:
        made.watches["latency"].score.run()
        run(made, clock, MINUTES)
        last = begin + (VANISHED_FROM - 1) * STEP
        assert stored(made, "gone", begin).times[-1] == last

        def there(service: str, at: int) -> bool:
            return len(ask(receiver, f'{{__name__=~"bandwatch_.+",service="{service}"}}', at)) == 5

        assert there("gone", last + 3 * STEP - 1)
        assert ask(receiver, '{__name__=~"bandwatch_.+",service="gone"}', last + 3 * STEP) == []
        empty = begin + (GAP.start + LATER) * STEP
        full = begin + (GAP.stop + LATER) * STEP
        assert there("holes", empty + 2 * STEP - 1) and not there("holes", empty + 2 * STEP)
        assert not there("holes", full - 1) and there("holes", full)


@both
def test_a_rejected_sample_does_not_stop_the_others(
    source: PrometheusServer, receiver: PrometheusServer, clock: Clock, begin: int, folder: Path
) -> None:
    taken = begin + 5 * STEP
    labels = {
        "__name__": "bandwatch_value",
        "watch": "latency",
        "severity": "ticket",
        "metric_name": "latency_ms",
        "service": "shop",
    }
    config = settings(folder, source, receiver.url)
    assert config.remote_write is not None
    with world.parts(config, clock) as made:
        made.watches["latency"].score.run()
        run(made, clock, 4)
        RemoteWriter(config.remote_write).send(
            taken * 1000, [RemoteSample(encoded_labels(labels.items()), 42.0)]
        )
        run(made, clock, 4)
        held = expected(made, begin)
        sent = received(receiver)
        assert (
            sent["bandwatch_value", "shop"].pop(taken)
            == 42
            != held["bandwatch_value", "shop"].pop(taken)
        )
        assert sent == held and count(made, "rejected") == 1


@both
def test_restarts_write_nothing_twice_and_lose_nothing(
    source: PrometheusServer, receiver: PrometheusServer, clock: Clock, begin: int, folder: Path
) -> None:
    sent = 0
    for steps in (10, 10, 20):
        with world.parts(settings(folder, source, receiver.url), clock) as made:
            made.watches["latency"].score.run()
            run(made, clock, steps)
            sent += count(made, "sent")
            assert count(made, "rejected") == 0
            held = expected(made, begin)
    assert received(receiver) == held
    ends = 5 * sum(1 for last in (VANISHED_FROM - 1, GAP.start + LATER - 1) if last + 3 <= 40)
    assert sent == sum(map(len, held.values())) + ends


def test_a_receiver_that_was_down_catches_up(
    source: PrometheusServer, receiver: PrometheusServer, clock: Clock, begin: int, folder: Path
) -> None:
    with (
        FaultProxy(receiver.port) as proxy,
        world.parts(settings(folder, source, proxy.url, max_age=1200), clock) as made,
    ):
        made.watches["latency"].score.run()
        made.store.send_cursors.advance("latency", begin)
        run(made, clock, 3)
        proxy.refuse()
        run(made, clock, 10)
        assert len(received(receiver)["bandwatch_value", "shop"]) == 3
        proxy.listen()
        proxy.fault = then(*(status(code) for code in (503, 429, 500, 401, 404)), proxy.fault)
        run(made, clock, 6)
        assert received(receiver) == expected(made, begin)
        assert (count(made, "rejected"), count(made, "spilled")) == (0, 0)
        failures = made.metrics.remote_write_failures
        assert (
            failures.labels("unavailable")._value.get() > 10
            and failures.labels("refused")._value.get() == 2
        )
