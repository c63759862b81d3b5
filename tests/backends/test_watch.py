"""A watch on each of the other servers: it learns from their history, scores, alerts."""

from pathlib import Path

import numpy as np
import pytest

from tests.backends.servers import Backend
from tests.e2e import world
from tests.e2e.test_source_holes import DOWN
from tests.e2e.world import INCIDENT, NOW, STEP, Clock, config, parts, watch

UNTIL = INCIDENT.start + 5


@pytest.fixture(autouse=True)
def workers_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.components.WorkerPool", world.Threads)


def test_the_incident_is_found_and_the_rows_are_those_of_the_source(
    backend: Backend, clock: Clock, tmp_path: Path
) -> None:
    with parts(config(tmp_path, backend.url, watch()), clock) as made:
        score = made.watches["latency"].score
        assert score.run()
        for _ in range(10):
            clock.steps(1)
            assert score.run()
        clock.steps(UNTIL - 10)  # the rest as after an outage
        assert score.run()
        written = {series.labels["service"]: series for series in world.series()}
        for record in made.store.series.of("latency"):
            series = written[record.labels["service"]]
            rows = made.store.samples.of(record.id, NOW - 86_400, NOW + UNTIL * STEP)
            there = (series.times >= NOW - 86_400) & (series.times <= NOW + UNTIL * STEP)
            np.testing.assert_array_equal(rows.times, series.times[there])
            np.testing.assert_allclose(rows.value, series.values[there], rtol=backend.precision)
        alarms = made.store.alarms.between(NOW + STEP, NOW + UNTIL * STEP)
        shop = next(r for r in made.store.series.of("latency") if r.labels["service"] == "shop")
        assert [(one.series_id, (one.start - NOW) // STEP) for one in alarms] == [
            (shop.id, INCIDENT.start)
        ]


def test_what_looks_back_over_a_hole_does_not_alert(
    backend: Backend, clock: Clock, tmp_path: Path
) -> None:
    settings = watch(name="work", query="sum(rate(work_total[5m]))", fit_window=2 * 86_400)
    with parts(config(tmp_path, backend.url, settings), clock) as made:
        score = made.watches["work"].score
        assert score.run()
        clock.steps(40)
        assert score.run()
        (span,) = made.store.source_holes.between("work", NOW, NOW + 40 * STEP)
        assert span == (NOW + DOWN.start * STEP + 1, NOW + DOWN.stop * STEP + 300)
        assert made.store.alarms.between(NOW, NOW + 40 * STEP) == []
