"""A partial answer is scored, and asked for again until what it lacks is there."""

import json
from pathlib import Path

import numpy as np
import pytest

from plugin.components import Components
from plugin.series import IntArray
from tests import faults
from tests.e2e.world import NOW, STEP, Clock, config, parts, watch
from tests.faults import Connection, FaultProxy, Reply
from tests.servers import PrometheusServer

WARNING = "store 3 is down"


def half(warning: str = WARNING) -> faults.Fault:
    """The real answer without two of the four series, and a warning."""

    def fault(connection: Connection, reply: Reply) -> None:
        envelope = json.loads(reply.body)
        data = envelope["data"]
        if "result" in data:
            data["result"] = [
                each
                for each in data["result"]
                if each["metric"].get("service") not in ("quiet", "gone")
            ]
            envelope["warnings"] = [warning]
        connection.send(reply.status, json.dumps(envelope).encode())

    return fault


def stored(made: Components, service: str, start: int, end: int) -> list[int]:
    one = next(row for row in made.store.series.of("latency") if row.labels["service"] == service)
    times: IntArray = made.store.samples.of(one.id, NOW + start * STEP, NOW + end * STEP).times
    steps: list[int] = ((times - NOW) // STEP).tolist()
    return steps


def test_what_a_partial_answer_lacks_is_filled_by_the_first_complete_one(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with FaultProxy(small_world.port) as proxy, parts(config(folder, proxy.url), clock) as made:
        score = made.watches["latency"].score
        assert score.run()
        proxy.fault = half()
        for _ in range(4):
            clock.steps(1)
            assert score.run(), "a partial answer is scored"
        assert stored(made, "holes", 1, 4) == [1, 2, 3, 4]
        assert stored(made, "quiet", 1, 4) == []
        holes = next(
            r.id for r in made.store.series.of("latency") if r.labels["service"] == "holes"
        )
        before = made.store.samples.of(holes, NOW + STEP, NOW + 4 * STEP)
        assert np.isfinite(before.score).all()
        asked = len(proxy.requests)
        proxy.fault = faults.pass_on
        clock.steps(1)
        assert score.run()
        assert len(proxy.requests) - asked == 2, "the new step, and what was partial"
        assert stored(made, "quiet", 1, 5) == [1, 2, 3, 4, 5]
        after = made.store.samples.of(holes, NOW + STEP, NOW + 4 * STEP)
        np.testing.assert_array_equal(after.score, before.score)
        asked = len(proxy.requests)
        clock.steps(1)
        assert score.run()
        assert len(proxy.requests) - asked == 1, "all is there"


def test_what_stays_partial_is_asked_for_less_and_less_often(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with (
        FaultProxy(small_world.port) as proxy,
        parts(config(folder, proxy.url, watch(backfill=20 * STEP)), clock) as made,
    ):
        score = made.watches["latency"].score
        assert score.run()
        proxy.fault = half()
        clock.steps(3)
        assert score.run()
        extra = []
        for _ in range(24):
            clock.steps(1)
            proxy.fault = faults.then(faults.pass_on, half())  # now is complete, the past is not
            asked = len(proxy.requests)
            assert score.run()
            extra.append(len(proxy.requests) - asked - 1)
        assert [step for step, count in enumerate(extra) if count] == [0, 2, 6, 14]
        assert stored(made, "quiet", 1, 27) == list(range(4, 28))


@pytest.mark.parametrize(
    "warning", ["PromQL warning: bucket label is missing", "PromQL info: not a counter"]
)
def test_advice_on_the_expression_is_no_partial_answer(
    small_world: PrometheusServer, clock: Clock, folder: Path, warning: str
) -> None:
    with FaultProxy(small_world.port) as proxy, parts(config(folder, proxy.url), clock) as made:
        score = made.watches["latency"].score
        assert score.run()
        proxy.fault = half(warning)
        clock.steps(1)
        assert score.run()
        asked = len(proxy.requests)
        proxy.fault = faults.pass_on
        clock.steps(1)
        assert score.run()
        assert len(proxy.requests) - asked == 1


def test_partial_history_is_asked_for_again_before_a_fit(
    small_world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with FaultProxy(small_world.port) as proxy, parts(config(folder, proxy.url), clock) as made:
        jobs = made.watches["latency"]
        proxy.fault = half()
        assert jobs.score.run()
        assert stored(made, "holes", -3000, -2990) == list(range(-3000, -2989))
        proxy.fault = faults.pass_on
        clock.steps(11)
        assert jobs.score.run()
        jobs.fit._history.complete(jobs.fit._window(int(clock()) // STEP * STEP))
        assert stored(made, "quiet", -3000, -2990) == list(range(-3000, -2989))
