"""A pod appears in a real Prometheus: it is learnt from for a day before it may alert. A series
with a day of history alerts from the first tick."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from plugin.components import Components
from plugin.domain.times import DAY, HOUR
from plugin.series import Labels, Series, SeriesState
from tests.e2e.world import NOW, STEP, Clock, client, config, process, watch
from tests.servers import PrometheusServer

DAY_STEPS = DAY // STEP
BEGIN = -120  # steps before NOW at which the pod appears
FIRST = range(10, 40)  # steps after NOW in which both are three times too slow
SECOND = range(DAY_STEPS + 60, DAY_STEPS + 90)  # again, after the first day of the pod
END = SECOND.stop + 10
SETTINGS = watch(backfill=2 * DAY, group_by=(), missing_data="alert")


def latency(service: str, begin: int, seed: int) -> Series:
    steps = np.arange(begin, END)
    at = NOW + STEP * steps
    noise = np.random.default_rng(seed).normal(size=len(at))
    value = (200 + 60 * np.sin(2 * np.pi * at / DAY)) * (1 + 0.02 * noise)
    value[np.isin(steps, [*FIRST, *SECOND])] *= 3
    return Series(Labels.of({"__name__": "latency_ms", "service": service}), at, value)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    made = [latency("old", -3 * DAY_STEPS, 1), latency("pod", BEGIN, 2)]
    with PrometheusServer(tmp_path_factory.mktemp("pods")).backfill(made) as server:
        yield server


def by_service(made: Components, clock: Clock, path: str) -> Mapping[str, dict[str, object]]:
    rows = client(made, clock).get(f"/api/v1/{path}").json
    assert isinstance(rows, list), rows
    return {row["service"]: row for row in rows}


def watch_row(made: Components, clock: Clock) -> dict[str, object]:
    rows = client(made, clock).get("/api/v1/watches").json
    assert isinstance(rows, list) and len(rows) == 1
    return dict(rows[0])


def alarmed(made: Components) -> set[str]:
    """The services with an alarm that began after the pod had appeared."""
    names = {record.id: record.labels["service"] for record in made.store.series.of("latency")}
    alarms = made.store.alarms.between(NOW + FIRST.start * STEP, NOW + END * STEP)
    return {names[alarm.series_id] for alarm in alarms}


def test_a_pod_is_learning_for_a_day_and_what_was_there_alerts_from_the_first_tick(
    world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    settings = config(folder, world.url, SETTINGS)
    clock.steps(FIRST.start + 5)
    with process(settings, clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run() and jobs.fit.run() > 0
        clock.steps(1)
        assert jobs.score.run()
        scores = by_service(made, clock, "scores")
        assert scores["old"]["state"] == "ok" and scores["old"]["score"] > 1  # type: ignore[operator]
        assert scores["pod"]["state"] == "learning" and scores["pod"]["upper"] is not None
        until = scores["pod"]["learning_until"]
        assert until == (NOW + BEGIN * STEP + DAY) * 1000
        assert by_service(made, clock, "alert").keys() == {"old"} == alarmed(made)
        watched = watch_row(made, clock)
        assert (watched["ok"], watched["learning"]) == (1, 1)
        assert [incident.size for incident in made.board.incidents()["latency"]] == [1]
    with process(settings, clock) as made:  # as after a restart: before its first run, too
        assert by_service(made, clock, "scores")["pod"]["learning_until"] == until
        assert by_service(made, clock, "alert").keys() == {"old"}
        clock.steps(DAY_STEPS + BEGIN - FIRST.start - 7)  # the last sample of its first day
        assert made.watches["latency"].score.run()
        assert by_service(made, clock, "scores")["pod"]["state"] == "learning"
        assert by_service(made, clock, "alert").keys() == {"old"}
        assert alarmed(made) == {"old"}
        clock.steps(1)
        assert made.watches["latency"].score.run()
        assert made.board.snapshots()["latency"].learning.tolist() == [False, False]
        assert by_service(made, clock, "alert").keys() == {"old", "pod"}


def test_after_its_first_day_it_alerts_and_only_that_time_is_promised(
    world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with process(config(folder, world.url, SETTINGS), clock) as made:
        jobs = made.watches["latency"]
        while clock.now < NOW + (SECOND.start + 5) * STEP:
            clock.now = min(clock.now + 2 * HOUR, NOW + (SECOND.start + 5) * STEP)
            assert jobs.score.run()
            jobs.fit.run()
        pod = next(r for r in made.store.series.of("latency") if r.labels["service"] == "pod")
        learnt = NOW + BEGIN * STEP + DAY
        begun = [
            alarm.start
            for alarm in made.store.alarms.between(NOW + BEGIN * STEP, NOW + END * STEP, [pod.id])
        ]
        assert min(begun) >= learnt and max(begun) >= NOW + SECOND.start * STEP
        assert made.budget.run()
        noise = made.board.noise()
        assert noise is not None
        scored_steps = (clock.now - learnt) // STEP + 1
        assert noise.samples(7)[pod.id] == pytest.approx(scored_steps, abs=2)


def test_a_pod_that_stops_in_its_first_day_is_missing_and_nobody_is_told(
    world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    gone = config(folder, world.url, SETTINGS.model_copy(update={"query": "latency_ms"}))
    with process(gone, clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run() and jobs.fit.run() > 0
    old = SETTINGS.model_copy(update={"query": 'latency_ms{service="old"}'})
    with process(config(folder, world.url, old), clock) as made:
        for _ in range(5):
            clock.steps(1)
            assert made.watches["latency"].score.run()
        scores = by_service(made, clock, "scores")
        assert scores["pod"]["state"] == SeriesState.MISSING and scores["pod"]["learning_until"]
        assert by_service(made, clock, "alert").keys() == {"old"}
        assert watch_row(made, clock)["missing"] == 0


def test_without_a_first_day_a_pod_alerts_with_its_first_model(
    world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    at_once = SETTINGS.model_copy(update={"learn_for": 0})
    with process(config(folder, world.url, at_once), clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run() and jobs.fit.run() > 0
        clock.steps(FIRST.start + 5)
        assert jobs.score.run()
        assert by_service(made, clock, "alert").keys() == {"old", "pod"} == alarmed(made)
    with process(config(folder, world.url, SETTINGS), clock) as made:  # a reload to `learn_for: 1d`
        assert by_service(made, clock, "alert").keys() == {"old"}
        names = {record.id: record.labels["service"] for record in made.store.series.of("latency")}
        open_alarms = made.store.alarms.open("latency")
        assert {names[alarm.series_id] for alarm in open_alarms} == {"old"}
