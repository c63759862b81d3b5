"""The life of models on a real Prometheus: who takes over, who is refused, and what people order
while it runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugin.components import Components
from plugin.config import Watch
from plugin.domain.model_decisions import DecisionKind
from plugin.series import Labels, Series
from tests.e2e.world import NOW, STEP, Clock, config, parts, watch
from tests.e2e.world import client as served
from tests.servers import PrometheusServer

HOUR = 3600 // STEP
DAY = 86_400 // STEP
OUTAGES = (
    range(10 * HOUR, 13 * HOUR),
    range(34 * HOUR, 37 * HOUR),
)  # steps after NOW, at the same time of the day
REFIT = 63 * HOUR  # the third day: at 58 to 61 all was well
SHOP, QUIET = (Labels.of({"__name__": "latency_ms", "service": name}) for name in ("shop", "quiet"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """Two services with a daily shape; one of them breaks down on two days at the same time."""
    after = np.arange(-6 * DAY - 120, REFIT + 60)
    times = NOW + STEP * after
    made = []
    for seed, labels in enumerate((SHOP, QUIET)):
        value = (
            200
            + 60 * np.sin(2 * np.pi * times / 86_400)
            + 4 * np.random.default_rng(seed).normal(size=len(after))
        )
        if labels is SHOP:
            value[np.isin(after, np.concatenate(OUTAGES))] *= 0.3
        made.append(Series(labels, times, value))
    with PrometheusServer(tmp_path_factory.mktemp("models")).backfill(made) as server:
        yield server


def settings(**changes: object) -> Watch:
    return watch(**{"fit_every": 10 * 86_400, "backfill": 3 * 86_400, "name": "latency", **changes})


def order(made: Components, clock: Clock, act: str, **body: Any) -> Any:
    """What the service answers: rows, or what is wrong."""
    client = served(made, clock)
    answer = client.post(f"/api/v1/models/{act}", json={"watch": "latency", "by": "ann", **body})
    return (
        answer.json
        if answer.status_code == 200
        else (answer.status_code, answer.json["error"]["message"])
    )


def versions(made: Components, clock: Clock, labels: Labels = QUIET) -> list[tuple[int, bool]]:
    """The versions of one series, the newest first, and whether each reigns."""
    client = served(made, clock)
    rows = client.get("/api/v1/models", query_string={"series": str(labels)}).json
    return [(row["version"], row["champion"]) for row in rows]


def scored_by(made: Components, labels: Labels = QUIET) -> int:
    """The version that has judged the latest sample."""
    record = next(record for record in made.store.series.of("latency") if record.labels == labels)
    return int(made.store.samples.latest(np.array([record.id]))[0].model_version[-1])


def tick(made: Components, clock: Clock, steps: int = 1) -> None:
    clock.steps(steps)
    assert made.watches["latency"].score.run()


def test_a_model_that_has_learnt_an_incident_is_refused(
    world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, world.url, settings()), clock) as made:
        jobs = made.watches["latency"]
        assert jobs.score.run() and jobs.fit.run(everyone=True) == 2
        tick(made, clock, REFIT)
        before = {labels: versions(made, clock, labels) for labels in (SHOP, QUIET)}
        assert [row["why"][:9] for row in order(made, clock, "refit")] == ["is queued"] * 2
        assert [row["why"] for row in order(made, clock, "refit")] == [
            "was queued for a refit already"
        ] * 2
        assert jobs.fit.run() == 2
        assert versions(made, clock, SHOP) == before[SHOP], (
            "it would expect the outage on the third day, too"
        )
        assert versions(made, clock, QUIET)[1:] == [
            (version, False) for version, _ in before[QUIET]
        ]
        refusals = made.metrics.fit_refusals.labels("latency", "loss")._value.get()
        assert refusals == 1 and made.metrics.fits.labels("latency", "kept")._value.get() == 0
        client = served(made, clock)
        told = client.get("/api/v1/decisions", query_string={"series": str(SHOP)}).json
        assert [row["what"] for row in told] == ["crowned", "crowned", "refit_asked", "refused"]
        assert "held-out loss" in told[-1]["why"] and told[-2]["by"] == "ann"
        assert jobs.fit.run() == 0, "it was checked, and waits for its next refit"
        shown = made.board.snapshots()["latency"]
        assert not shown.stale_models(clock()).any()


def test_a_rollback_takes_effect_at_the_next_tick_and_outlives_a_restart(
    world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, world.url, settings()), clock) as made:
        made.watches["latency"].score.run()
        for _ in range(2):
            tick(made, clock, 30)
            assert made.watches["latency"].fit.run(everyone=True) == 2
        tick(made, clock)
        third, second, first = [version for version, _ in versions(made, clock)]
        assert scored_by(made) == third
        answers = order(made, clock, "rollback", comment="too nervous")
        assert [
            (row["done"], row["version"]) for row in answers if row["series"] == str(QUIET)
        ] == [(True, second)]
        tick(made, clock)
        assert scored_by(made) == second and versions(made, clock)[1] == (second, True)
        assert made.watches["latency"].fit.run() == 0, "no refit undoes it at once"
        tick(made, clock)
    with parts(config(folder, world.url, settings()), clock) as made:
        tick(made, clock)
        assert scored_by(made) == second
        assert order(made, clock, "rollback", version=second)[0] == 409
        assert order(made, clock, "rollback")[0]["version"] == first
        status, message = order(made, clock, "rollback")
        assert (
            status == 409
            and f"there is no version before {first}; kept are: {first}, {second}, {third}"
            in message
        )
        assert "there is no version 99" in order(made, clock, "rollback", version=99)[1]
        assert all(row["done"] for row in order(made, clock, "rollback", version=third)), (
            "a rollback can be undone"
        )
        for path in (folder / "weights").glob(f"{second}.*"):
            path.unlink()
        assert (
            f"the weights of version {second} are gone"
            in order(made, clock, "rollback", version=second)[1]
        )
        tick(made, clock)
        assert scored_by(made) == third
        told = [
            one
            for one in made.store.decisions.between(0, NOW * 2)
            if one.what is DecisionKind.ROLLED_BACK
        ]
        assert len(told) == 6 and told[0].why.endswith(": too nervous") and told[0].by == "ann"


def test_a_pinned_model_is_checked_and_told_and_stays(
    world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    with parts(config(folder, world.url, settings()), clock) as made:
        jobs = made.watches["latency"]
        tick(made, clock)
        pinned = versions(made, clock)
        assert [row["why"] for row in order(made, clock, "pin")] == ["is pinned now"] * 2
        assert [row["why"] for row in order(made, clock, "pin")] == ["was pinned already"] * 2
        tick(made, clock, 60)
        assert jobs.fit.run(everyone=True) == 2 and versions(made, clock) == pinned
        told = [
            one
            for one in made.store.decisions.between(0, NOW * 2)
            if one.what is DecisionKind.REFUSED
        ]
        assert len(told) == 2 and "is pinned; the new one would have" in told[0].why
    with parts(config(folder, world.url, settings(detector="autoencoder")), clock) as made:
        tick(made, clock)
        assert made.watches["latency"].fit.run() == 0 and versions(made, clock) == pinned, (
            "also of another detector"
        )
        assert all(row["done"] for row in order(made, clock, "unpin"))
        assert made.watches["latency"].fit.run() == 2 and versions(made, clock)[1:] == [
            (pinned[0][0], False)
        ]


def test_a_paused_watch_rests_and_catches_up(
    world: PrometheusServer, clock: Clock, folder: Path
) -> None:
    clock.steps(OUTAGES[0].start + 30)
    with parts(config(folder, world.url, settings()), clock) as made:
        tick(made, clock)
        assert len(made.store.alarms.open("latency")) == 1
        made.watches = made.build(config(folder, world.url, settings(paused=True)))
        jobs = made.watches["latency"]
        until = made.store.samples.scored_until("latency")
        tick(made, clock, 20)
        assert (
            made.store.samples.scored_until("latency") == until and jobs.fit.run(everyone=True) == 0
        )
        assert made.store.alarms.open("latency") == []
        client = served(made, clock)
        rows = client.get("/api/v1/alert").json
        assert [row["score"] for row in rows] == [0.0, 0.0], (
            "what fires ends, also where nothing else is left"
        )
        assert client.get("/api/v1/alert?field=missing").json[0]["missing"] == 0.0
        assert client.get("/api/v1/alert?by=watch").json[0]["unhealthy"] == 0.0
        assert client.get("/api/v1/alert?by=incident").json == []
        assert client.get("/api/v1/watches").json[0]["state"] == "paused"
        assert "is paused" in order(made, clock, "refit")[1]
        made.watches = made.build(config(folder, world.url, settings()))
        tick(made, clock)
        assert made.store.samples.scored_until("latency") == clock.now
        record = next(
            record for record in made.store.series.of("latency") if record.labels == QUIET
        )
        assert np.isfinite(
            made.store.samples.of(record.id, until or 0, int(clock.now)).score
        ).all(), "without a hole"
