"""An incident in a real Prometheus becomes an alarm in the store; a restart in its middle changes
nothing of it."""

from pathlib import Path

import numpy as np
import pytest

from plugin.components import Components
from plugin.config import Watch
from plugin.domain.alarms import Alarm, hold_seconds
from plugin.jobs.policies import persistent_scores
from tests.e2e.world import INCIDENT, NOW, STEP, Clock, config, parts, watch
from tests.servers import PrometheusServer

HOLD = hold_seconds(STEP) // STEP
UNTIL = INCIDENT.stop + HOLD + 20


def found(made: Components) -> list[Alarm]:
    return made.store.alarms.between(NOW + STEP, NOW + 10**6)


def run(folder: Path, url: str, clock: Clock, settings: Watch, pauses: list[int]) -> list[Alarm]:
    """Begins anew after each pause, as after a restart. Returns the alarms since NOW."""
    clock.now = NOW
    alarms: list[Alarm] = []
    for pause in pauses:
        clock.steps(pause)
        with parts(config(folder, url, settings), clock) as made:
            assert made.watches["latency"].score.run()
            alarms = found(made)
    return alarms


@pytest.mark.parametrize("persistence", [(1, 1), (3, 5)])
def test_an_incident_is_an_alarm(
    small_world: PrometheusServer, clock: Clock, tmp_path: Path, persistence: tuple[int, int]
) -> None:
    settings = watch(persistence=f"{persistence[0]} of {persistence[1]}")
    with parts(config(tmp_path / "steady", small_world.url, settings), clock) as made:
        score = made.watches["latency"].score
        began = made.metrics.alarms.labels("latency")
        assert score.run()
        before = began._value.get()
        alert_score = np.zeros(UNTIL)
        growing = []
        shop = next(
            record.id
            for record in made.store.series.of("latency")
            if record.labels["service"] == "shop"
        )
        for step in range(1, UNTIL):
            clock.steps(1)
            assert score.run()
            shown = made.board.snapshots()["latency"]
            row = [record.id for record in shown.series].index(shop)
            alert_score[step] = shown.alert_score[row]
            growing.append(
                [
                    alarm.end
                    for alarm in made.store.alarms.open("latency")
                    if alarm.series_id == shop
                ]
            )
        steady = found(made)
        stored = made.store.samples.of(shop, 0, NOW + UNTIL * STEP)
        assert began._value.get() - before == len([alarm for alarm in steady if alarm.start > NOW])
    (alarm,) = [
        each
        for each in steady
        if each.series_id == shop
        and each.start <= NOW + INCIDENT.stop * STEP
        and each.end >= NOW + INCIDENT.start * STEP
    ]
    steps = np.flatnonzero(alert_score > 1)
    held = alert_score[steps]
    assert (np.diff(steps) == 1).all() and (np.diff(held) >= 0).all() and len(set(held)) > 1
    outside = stored.times[persistent_scores(stored.score, persistence) > 1]
    outside = outside[(outside >= alarm.start) & (outside <= alarm.end)]
    assert (alarm.start, alarm.end) == (NOW + steps[0] * STEP, outside[-1])
    assert alarm.end + HOLD * STEP == NOW + (steps[-1] + 1) * STEP and held[-1] == alarm.peak_score
    assert (alarm.samples, alarm.open, alarm.direction) == (len(outside), False, 1)
    assert NOW + INCIDENT.start * STEP <= alarm.peak_time < NOW + INCIDENT.stop * STEP
    assert growing[steps[-1] - 1] == [alarm.end] and growing[steps[-1]] == []
    middle = INCIDENT.start + 10
    pauses = [0, middle, 1, 12, UNTIL - 1 - middle - 13]
    assert run(tmp_path / "patchy", small_world.url, clock, settings, pauses) == steady
