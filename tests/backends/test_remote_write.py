"""Scores of an hour into each of the other servers, by remote write."""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plugin.jobs import remote_write_job
from tests.backends.servers import KINDS, Backend
from tests.e2e import world
from tests.e2e.test_remote_write import MINUTES, SERVICES, ask, count, expected, run, settings
from tests.e2e.test_remote_write import received as received_samples
from tests.e2e.world import STEP, VANISHED_FROM, Clock

DAYS = 2  # of history

Received = dict[tuple[str, str], dict[float, float]]  # (metric, service) -> time -> value


@pytest.fixture
def begin() -> int:
    """Where the world's NOW is moved to, so that the hour after it ends in the present."""
    return int(time.time()) // STEP * STEP - MINUTES * STEP


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def server(request: pytest.FixtureRequest, tmp_path: Path, begin: int) -> Iterator[Backend]:
    """Where the samples come from, and where the scores go."""
    moved = []
    for each in world.series():
        after = (each.times - world.NOW) // STEP
        seen = (after >= -DAYS * 1440) & (after < MINUTES)
        moved.append(replace(each, times=begin + after[seen] * STEP, values=each.values[seen]))
    with request.param(tmp_path / "server") as server:
        server.write(moved)
        yield server


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers are threads, and nobody pauses after a failure."""
    monkeypatch.setattr("plugin.components.WorkerPool", world.Threads)
    monkeypatch.setattr(remote_write_job, "MAX_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr("plugin.prometheus.remote_write.BACKOFF_SECONDS", 0.01)


def received(server: Backend) -> Received:
    """Without the markers of an end, which VictoriaMetrics shows as NaN."""
    server.write([])  # what has been taken can be found
    return {
        key: {at: value for at, value in samples.items() if not math.isnan(value)}
        for key, samples in received_samples(server).items()
    }


def same(server: Backend, sent: Received, held: Received) -> None:
    assert sent.keys() == held.keys()
    for key, samples in held.items():
        assert sent[key] == pytest.approx(samples, rel=server.precision, abs=0.0), key


def test_an_hour_arrives_as_it_was_stored(server: Backend, begin: int, tmp_path: Path) -> None:
    clock = Clock(begin)
    sending = settings(tmp_path / "data", server, server.url)
    with world.parts(sending, clock) as made:
        made.watches["latency"].score.run()
        run(made, clock, MINUTES - 1)
        held = expected(made, begin)
        sent = received(server)
        assert len(held) == 5 * len(SERVICES)
        same(server, sent, held)
        assert (count(made, "rejected"), count(made, "spilled")) == (0, 0)
        (one,) = ask(server, 'bandwatch_value{service="shop"}', clock.now)
        assert one["metric"] == {
            "__name__": "bandwatch_value",
            "watch": "latency",
            "severity": "ticket",
            "metric_name": "latency_ms",
            "service": "shop",
        }
        vanished = begin + (VANISHED_FROM - 1) * STEP
        gone = 'count({__name__=~"bandwatch_.+",service="gone"})'
        assert ask(server, gone, vanished + 2 * STEP) != []
        assert ask(server, gone, vanished + 4 * STEP) == [], "it has ended at once"


def test_a_restart_loses_nothing_and_changes_nothing(
    server: Backend, begin: int, tmp_path: Path
) -> None:
    clock = Clock(begin)
    for steps in (5, 5):
        with world.parts(settings(tmp_path / "data", server, server.url), clock) as made:
            made.watches["latency"].score.run()
            run(made, clock, steps)
            assert count(made, "rejected") == 0
            held = expected(made, begin)
    same(server, received(server), held)
