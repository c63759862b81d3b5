"""An answered false alarm does not come again, what is of another kind does, and a withdrawal
brings all back."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plugin.components import Components
from plugin.domain.alarms import Alarm
from plugin.jobs.forecast_job import forecast_ahead
from plugin.series import Labels, Series
from plugin.store import Store
from tests.e2e.world import NOW, STEP, Clock, config, latency, parts, times, watch
from tests.e2e.world import client as served
from tests.servers import PrometheusServer

FIRST, AGAIN, BELOW, LARGE = (range(at, at + 3) for at in (30, 70, 110, 150))  # steps after NOW
SOON = range(44, 47)  # within the gap of an incident
HEIGHTS = {FIRST: 110.0, AGAIN: 110.0, BELOW: -110.0, LARGE: 400.0}  # ms on top of a daily 200 ± 60
SHOP = Labels.of({"__name__": "latency_ms", "service": "shop"})
TWICE = Labels.of(
    {"__name__": "latency_ms", "service": "twice"}
)  # 110 ms more at step 30, as much less at step 44
MOVED = Labels.of({"__name__": "latency_ms", "service": "moved"})  # 150 ms more from step 30 on
UNTIL = 170


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    value = latency(0)
    after = (times() - NOW) // STEP
    for steps, height in HEIGHTS.items():
        value[np.isin(after, steps)] += height
    moved = latency(1) + 150.0 * (after >= FIRST.start)
    twice = latency(2) + 110.0 * np.isin(after, FIRST) - 110.0 * np.isin(after, SOON)
    series = [
        Series(SHOP, times(), value),
        Series(MOVED, times(), moved),
        Series(TWICE, times(), twice),
    ]
    with PrometheusServer(tmp_path_factory.mktemp("answered")).backfill(series) as server:
        yield server


def to(made: Components, clock: Clock, step: int) -> None:
    clock.now = NOW + step * STEP
    assert made.watches["latency"].score.run()


def id_of(store: Store, labels: Labels) -> int:
    return next(record.id for record in store.series.of("latency") if record.labels == labels)


def alarms(store: Store, labels: Labels = SHOP) -> list[Alarm]:
    return store.alarms.between(NOW + STEP, NOW + 10**6, [id_of(store, labels)])


def begun(store: Store) -> list[range]:
    """Which of the excursions an alarm of the shop began in."""
    found = [(alarm.start - NOW) // STEP for alarm in alarms(store)]
    return [steps for steps in HEIGHTS if any(at in steps for at in found)]


def answer(
    made: Components, clock: Clock, verdict: str = "false_alarm", labels: Labels = SHOP
) -> dict[str, object]:
    """To what began at step 30."""
    client = served(made, clock)
    alarm = alarms(made.store, labels)[0]
    sent = client.post(
        "/api/v1/feedback",
        json={"incident": f"{alarm.series_id}-{alarm.start}", "verdict": verdict},
    )
    assert sent.status_code == 200, sent.text
    said: dict[str, object] = sent.json
    return said


def run(
    folder: Path, url: str, pauses: Sequence[int], *, answers: bool = True
) -> tuple[list[range], list[Alarm], bytes]:
    """Begins anew after each pause, as after a restart.

    Returns excursions told, alarms, and the bands of all.
    """
    clock = Clock()
    for step in sorted({0, 40, UNTIL, *pauses}):
        with parts(config(folder, url, watch(backfill=4 * 3600)), clock) as made:
            to(made, clock, step)
            if step == 40 and answers:
                answer(made, clock)
            samples = made.store.samples.of(id_of(made.store, SHOP), NOW + STEP, NOW + UNTIL * STEP)
            told = begun(made.store), alarms(made.store)
    return *told, np.stack([samples.lower, samples.upper, samples.score]).tobytes()


def test_the_like_of_it_stays_quiet_and_what_is_another_kind_does_not(
    world: PrometheusServer, tmp_path: Path
) -> None:
    unanswered = run(tmp_path / "unanswered", world.url, [], answers=False)
    assert unanswered[0] == [FIRST, AGAIN, BELOW, LARGE]
    answered = run(tmp_path / "answered", world.url, [])
    assert answered[0] == [FIRST, BELOW, LARGE]
    restarted = run(tmp_path / "restarted", world.url, [41, 69, 71, 111, 151])
    assert restarted == answered, "band, score and alarms are the same after any restart"


@pytest.mark.parametrize("verdict", ["false_alarm", None])
def test_what_comes_after_an_answer_pages_by_its_own_name(
    world: PrometheusServer, tmp_path: Path, clock: Clock, verdict: str | None
) -> None:
    settings = config(
        tmp_path, world.url, watch(query='latency_ms{service="twice"}', backfill=4 * 3600)
    )
    pages = list[list[str]]()
    for step in (FIRST.stop, FIRST.stop + 2, SOON.start - 1, SOON.stop):
        with parts(settings, clock) as made:
            to(made, clock, step)
            pages.append([each.id for each in made.board.incidents()["latency"]])
            if step == FIRST.stop and verdict:
                answer(made, clock, verdict, TWICE)
    names = [f"latency-{NOW + each.start * STEP}" for each in (FIRST, SOON)]
    assert pages == ([names[:1], [], [], names[1:]] if verdict else [names[:1]] * 4)


def test_band_score_and_forecast_agree(
    world: PrometheusServer, tmp_path: Path, clock: Clock
) -> None:
    with parts(config(tmp_path, world.url, watch(backfill=4 * 3600)), clock) as made:
        to(made, clock, 40)
        answer(made, clock)
        to(made, clock, AGAIN.stop)
        shop = id_of(made.store, SHOP)
        again = made.store.samples.of(shop, NOW + AGAIN.start * STEP, NOW + (AGAIN.stop - 1) * STEP)
        assert (
            (again.score <= 1).all()
            and (again.value <= again.upper).all()
            and (again.score > 0.8).any()
        )
        jobs = made.watches["latency"]
        assert jobs.forecast.run() and jobs.score.scorer is not None
        foreseen = made.board.forecasts()["latency"]
        shown = foreseen.band(shop)
        plain = forecast_ahead(
            jobs.watch, jobs.score.scorer.stacks() or (), jobs.score.scorer.until
        ).band(shop)
        assert shown is not None and plain is not None
        factor = made.store.feedback.tolerances("latency").widening(
            np.array([shop]), foreseen.times
        )
        assert factor is not None and (factor.factor[1] > 1.5).all()
        np.testing.assert_allclose(
            shown[2] - shown[0], factor.factor[1, 0] * (plain[2] - plain[0]), rtol=0.01
        )
        np.testing.assert_array_equal(shown[:2], plain[:2])


def test_a_withdrawal_brings_it_back(world: PrometheusServer, tmp_path: Path, clock: Clock) -> None:
    with parts(config(tmp_path, world.url, watch(backfill=4 * 3600)), clock) as made:
        to(made, clock, 40)
        said = answer(made, clock)
        to(made, clock, 60)
        client = served(made, clock)
        assert client.delete(f"/api/v1/feedback/{said['id']}").status_code == 200
        to(made, clock, UNTIL)
        assert begun(made.store) == [FIRST, AGAIN, BELOW, LARGE]


def test_what_was_real_is_kept_out_of_the_next_fit(
    world: PrometheusServer, tmp_path: Path, clock: Clock
) -> None:
    with parts(config(tmp_path, world.url, watch(backfill=4 * 3600)), clock) as made:
        to(made, clock, 40)
        answer(made, clock, "real")
        masked = made.watches["latency"].fit.masks(
            made.store.series.of("latency"), NOW, NOW + 40 * STEP
        )
        (alarm,) = alarms(made.store)
        assert [(each.series_id, each.start, each.end) for each in masked] == [
            (alarm.series_id, alarm.start, alarm.end)
        ]


def test_a_new_normal_is_accepted_at_once(
    world: PrometheusServer, tmp_path: Path, clock: Clock
) -> None:
    for folder, answered in (("told", True), ("untold", False)):
        with parts(config(tmp_path / folder, world.url, watch()), clock) as made:
            to(made, clock, 40)
            if answered:
                answer(made, clock, "new_normal", MOVED)
            to(made, clock, 60)
            samples = made.store.samples.of(
                id_of(made.store, MOVED), NOW + 42 * STEP, NOW + 60 * STEP
            )
            assert (samples.score <= 1).all() if answered else (samples.score > 1).any()


def test_a_new_normal_ends_its_incident_and_said_of_more_it_stays_accepted(
    world: PrometheusServer, tmp_path: Path, clock: Clock
) -> None:
    settings = config(
        tmp_path, world.url, watch(query='latency_ms{service="moved"}', backfill=4 * 3600)
    )
    with parts(settings, clock) as made:
        to(made, clock, 40)
        assert made.board.incidents()["latency"]
        clock.now += 10
        answer(made, clock, "new_normal", MOVED)
        to(made, clock, 41)
        assert made.board.incidents()["latency"] == (), (
            "its level is accepted with a sample that is outside still"
        )
        once = made.store.regimes.between(NOW, NOW + 10**6)
        assert answer(made, clock, "new_normal", MOVED)["id"] == 2, "of that sample, too"
        to(made, clock, 42)
        assert made.store.regimes.between(NOW, NOW + 10**6) == [
            replace(each, reason="feedback 2") for each in once
        ]
        assert once and made.board.incidents()["latency"] == ()
