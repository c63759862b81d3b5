"""A weekly batch that is maintenance by rule, in a real Prometheus, across the change to winter
time."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from plugin.components import Components
from plugin.config import Config, MaintenanceWindow, WorkerSettings
from plugin.config import MaintenanceSettings as Planned
from plugin.domain.alarms import ENDED_BY_MAINTENANCE
from plugin.domain.intervals import Interval
from plugin.domain.windows import WindowRequest
from plugin.grid import Grid
from plugin.jobs.fit_plan import FitPlan
from plugin.jobs.fit_task import run_task
from plugin.jobs.task_builder import TaskBuilder
from plugin.series import FloatArray, IntArray, Labels, Series, SeriesState
from tests.e2e.world import Clock, Threads, config, parts, watch
from tests.servers import PrometheusServer

VIENNA = ZoneInfo("Europe/Vienna")
STEP = 300
HOUR = 3600
DAY = 86_400
SERVICES = (
    "planned",
    "unplanned",
    "twin",
    "free",
)  # the last two have no batch; the last one no window either


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=VIENNA).timestamp())


BEGIN = at("2025-10-08T00:00")
NOW = at("2025-10-22T00:00")
END = at("2025-11-05T00:00")
BATCHES = [at(f"{day}T04:00") for day in ("2025-10-12", "2025-10-19", "2025-10-26", "2025-11-02")]
RULE = {
    "name": "batch",
    "match": '{service=~"planned|twin"}',
    "begin": "2025-01-05T04:00",
    "duration": 2 * HOUR,
    "rule": "FREQ=WEEKLY;BYDAY=SU",
    "timezone": "Europe/Vienna",
    "after": 15 * 60,
}


def times() -> IntArray:
    return np.arange(BEGIN, END + 1, STEP, dtype=np.int64)


def in_batch(moments: IntArray) -> FloatArray:
    return np.any([(first <= moments) & (moments < first + 2 * HOUR) for first in BATCHES], axis=0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin.components.WorkerPool", Threads)


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    moments = times()
    usual = (
        200
        + 60 * np.sin(2 * np.pi * moments / DAY)
        + 6 * np.random.default_rng(1).normal(size=len(moments))
    )
    made = [
        Series(
            Labels.of({"__name__": "load", "service": service}),
            moments,
            usual + 400 * in_batch(moments) * (service in ("planned", "unplanned")),
        )
        for service in SERVICES
    ]
    with PrometheusServer(tmp_path_factory.mktemp("batches")).backfill(made) as server:
        yield server


def settings(folder: Path, url: str, *windows: dict[str, object]) -> Config:
    one = watch(
        name="load",
        query="last_over_time(load[4m])",
        step=STEP,
        fit_window=14 * DAY,
        backfill=DAY,
        fit_every=DAY,
        direction="both",
    )
    planned = Planned(windows=tuple(MaintenanceWindow.model_validate(each) for each in windows))
    return config(folder, url, one).model_copy(update={"maintenance": planned})


def run_until(made: Components, clock: Clock, until: int, step: int) -> None:
    while clock.now < until:
        clock.now = min(clock.now + step, until)
        assert made.watches["load"].score.run()


def ids(made: Components) -> dict[str, int]:
    return {record.labels["service"]: record.id for record in made.store.series.of("load")}


def bands(made: Components, service: str, begin: int, end: int) -> FloatArray:
    found = made.store.samples.of(ids(made)[service], begin, end)
    return np.stack([found.lower, found.expected, found.upper])


def apart(made: Components, service: str, begin: int, end: int) -> float:
    """The largest difference of a bound from that of the twin, in widths of the twin's band."""
    twin = bands(made, "twin", begin, end)
    return float((np.abs(bands(made, service, begin, end) - twin) / (twin[2] - twin[0])).max())


def test_a_weekly_batch_neither_pages_nor_teaches(
    batches: PrometheusServer, tmp_path: Path
) -> None:
    clock = Clock(NOW)
    with parts(settings(tmp_path, batches.url, RULE), clock) as made:
        assert made.watches["load"].score.run()
        for batch in BATCHES[2:]:
            run_until(made, clock, batch - 2 * STEP, 4 * HOUR)
            made.watches["load"].fit.run(everyone=True)
            for moment in range(batch - STEP, batch + 2 * HOUR + 5 * STEP, STEP):  # tick by tick
                run_until(made, clock, moment, STEP)
                shown = made.board.snapshots()["load"]
                state = dict(
                    zip(
                        (record.labels["service"] for record in shown.series),
                        zip(
                            (record.state for record in shown.series),
                            shown.alert_score,
                            strict=True,
                        ),
                        strict=True,
                    )
                )
                planned = batch <= moment < batch + 2 * HOUR + 15 * 60
                assert state["planned"][0] == (
                    SeriesState.MAINTENANCE if planned else SeriesState.OK
                ), moment
                assert state["planned"][1] <= 1 and state["unplanned"][0] is SeriesState.OK
        run_until(made, clock, END, 4 * HOUR)
        alarms = made.store.alarms.between(NOW, END)
        of = {
            service: [
                alarm
                for alarm in alarms
                if alarm.series_id == series
                and any(alarm.start < batch + 3 * HOUR and alarm.end >= batch for batch in BATCHES)
            ]
            for service, series in ids(made).items()
        }
        assert [len(of[service]) >= 2 for service in SERVICES] == [False, True, False, False]
        assert not of["planned"]
        inside = made.store.samples.of(
            ids(made)["planned"], BATCHES[2], BATCHES[2] + 2 * HOUR - STEP
        )
        assert len(inside) == 24 and (inside.score > 1).sum() > 20, "scored and shown as ever"
        last = END - 2 * DAY, END
        assert apart(made, "planned", *last) < 1e-9, "the batch itself has taught nothing"
        assert apart(made, "unplanned", *last) > 0.03 and apart(made, "free", *last) < 0.15


def test_a_window_given_afterwards_takes_effect_on_what_was_learnt(
    batches: PrometheusServer, tmp_path: Path
) -> None:
    clock = Clock(NOW)
    start = {"start" if name == "begin" else name: value for name, value in RULE.items()}
    later = WindowRequest(
        **{**start, "match": '{service="unplanned"}', "created": NOW}  # type: ignore[arg-type]
    ).window()
    with parts(settings(tmp_path, batches.url, RULE), clock) as made:
        score = made.watches["load"].score
        fit = made.watches["load"].fit
        assert score.run()
        masked = {
            model.series_id: bool(model.masked) for model in made.store.models.champions("load")
        }
        assert {service: masked[series] for service, series in ids(made).items()} == {
            "planned": True,
            "twin": True,
            "unplanned": False,
            "free": False,
        }
        clock.now += HOUR
        assert fit.run() == 0, "nobody is due"
        assert made.maintenance.add(later) == (later, True) and made.maintenance.add(later) == (
            later,
            False,
        )
        clock.now += 20
        assert fit.run() == 1, "at once, and nobody else"
        clock.now += 20
        assert fit.run() == 0
        taught = {model.series_id: model for model in made.store.models.champions("load")}[
            ids(made)["unplanned"]
        ]
        twin = ids(made)["twin"]
        plan = FitPlan(
            version=made.store.models.new_version("load"),
            spec=taught.spec,
            ids=(twin,),
            window=Grid.within(taught.window_start, taught.window_end, STEP),
            masks=tuple(
                Interval(twin, first, last - 1)
                for first, last in later.spans(taught.window_start, taught.window_end)
            ),
        )
        load = made.watches["load"].watch
        outcome = run_task(TaskBuilder(load, made.store, WorkerSettings()).task(plan))
        assert outcome.weights is not None
        learnt = made.store.weights.read(taught.path, [taught.row])
        for name, array in outcome.weights.items():
            np.testing.assert_allclose(learnt[name], array, err_msg=name)
        assert score.run()
    with parts(settings(tmp_path, batches.url, RULE), clock) as made:
        assert made.watches["load"].score.run()
        clock.now += HOUR
        assert made.watches["load"].fit.run() == 0, "a restart changes nothing"
        assert made.maintenance.windows()[-1] == later


def test_a_window_ends_an_alarm_and_a_restart_changes_nothing_of_it(
    batches: PrometheusServer, tmp_path: Path
) -> None:
    batch = BATCHES[2]
    now = WindowRequest(
        name="now",
        match='{service="unplanned"}',
        duration=30 * 60,
        created=batch,
        start=datetime.fromtimestamp(batch + HOUR, VIENNA).isoformat(),
    ).window()

    def run(folder: Path, moments: list[int], *, restart: bool) -> tuple[object, ...]:
        clock = Clock(batch - 12 * HOUR)
        seen = []
        made = Components(settings(folder, batches.url), clock=clock)
        for moment in moments:
            if restart:
                made.close()
                made = Components(settings(folder, batches.url), clock=clock)
            made.maintenance.add(now)
            clock.now = moment
            assert made.watches["load"].score.run()
            shown = made.board.snapshots()["load"]
            at = [record.labels["service"] for record in shown.series].index("unplanned")
            seen.append((moment, shown.series[at].state, bool(shown.alert_score[at] > 1)))
        alarms = [
            (alarm.start, alarm.end, alarm.open, alarm.ended_by)
            for alarm in made.store.alarms.between(batch, batch + DAY)
            if alarm.series_id == ids(made)["unplanned"]
        ]
        carry = made.store.samples.of(ids(made)["unplanned"], batch - HOUR, batch + 3 * HOUR)
        made.close()
        return seen, alarms, carry.score.tolist()

    coarse = [
        batch - 12 * HOUR,
        batch + HOUR - STEP,
        batch + HOUR,
        batch + HOUR + 30 * 60,
        batch + 3 * HOUR,
    ]
    seen, alarms, scores = run(tmp_path / "steady", coarse, restart=False)
    states = [
        SeriesState.OK,
        SeriesState.OK,
        SeriesState.MAINTENANCE,
        SeriesState.OK,
        SeriesState.OK,
    ]
    assert [(state, alerts) for _, state, alerts in seen] == list(
        zip(  # type: ignore[attr-defined]
            states, [False, True, False, True, False], strict=True
        )
    )
    first, second = alarms  # type: ignore[misc]
    assert (
        first[1:] == (batch + HOUR - STEP, False, ENDED_BY_MAINTENANCE)
        and second[0] == batch + HOUR + 30 * 60
    )
    assert run(tmp_path / "restarted", coarse, restart=True) == (seen, alarms, scores)
    fine = [
        batch - 12 * HOUR,
        *range(batch + HOUR - 2 * STEP, batch + 2 * HOUR, 3 * STEP),
        batch + 3 * HOUR,
    ]
    assert run(tmp_path / "fine", fine, restart=False)[1:] == (alarms, scores)
