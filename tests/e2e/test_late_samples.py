"""Samples that arrive late: values change after they were scored, and the service says so."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from plugin.jobs import late_samples
from tests import faults
from tests.e2e.world import STEP, Clock, config, parts, watch
from tests.faults import Connection, FaultProxy, Reply
from tests.servers import PrometheusServer

LATE_SECONDS = 90


def arriving_late(clock: Clock) -> faults.Fault:
    """The real answer, but the values of the last seconds are only half of what they will be."""

    def fault(connection: Connection, reply: Reply) -> None:
        envelope = json.loads(reply.body)
        for each in envelope["data"].get("result", ()):
            each["values"] = [
                [at, str(float(value) / 2) if at > clock() - LATE_SECONDS else value]
                for at, value in each["values"]
            ]
        connection.send(reply.status, json.dumps(envelope).encode())

    return fault


@pytest.mark.parametrize(("offset", "late_seconds"), [(0, 120), (2 * STEP, 0)])
def test_late_samples_are_told_with_the_offset_to_set(
    small_world: PrometheusServer,
    clock: Clock,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    offset: int,
    late_seconds: int,
) -> None:
    monkeypatch.setattr(late_samples, "RUNS_BETWEEN", 5)
    with (
        FaultProxy(small_world.port) as proxy,
        parts(config(folder, proxy.url, watch(offset=offset)), clock) as made,
    ):
        proxy.fault = arriving_late(clock)
        score = made.watches["latency"].score
        asked = []
        for _ in range(13):
            before = len(proxy.requests)
            with caplog.at_level(logging.WARNING):
                assert score.run()
            asked.append(len(proxy.requests) - before)
            clock.steps(1)
        gauge = made.metrics.late_seconds.labels("latency")._value.get()
        assert gauge == late_seconds
        told = [one.message for one in caplog.records if "still change" in one.message]
        if late_seconds:
            assert set(told) == {"values of the last 120 s still change: set offset to 2m"}
            assert asked[4:] == [2, 2, 1, 1, 1, 1, 2, 2, 1][: len(asked[4:])]
        else:
            assert told == [] and asked[4:] == [2, 1, 1, 1, 1, 2, 1, 1, 1]


def test_a_change_is_relative_and_includes_what_was_missing() -> None:
    earlier = np.array([[1.0, np.nan, 1e9, 2.0, 0.0]])
    later = np.array([[1.0, 3.0, 1e9 + 1, np.nan, 1e-3]])
    assert late_samples.changed(earlier, later).tolist() == [[False, True, False, False, True]]
