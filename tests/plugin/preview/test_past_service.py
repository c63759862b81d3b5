"""A preview raises the alarms that a service would have raised, one by one: of two watches with
policies, persistence, groups and maintenance. The service is played a step at a time."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from plugin.components import Components
from plugin.config import (
    Config,
    MaintenanceSettings,
    MaintenanceWindow,
    PrometheusSettings,
    StoreSettings,
    Watch,
    WorkerSettings,
)
from plugin.domain.alarms import Alarm
from plugin.domain.incidents import Incident
from plugin.domain.preview import Preview, with_bands
from plugin.domain.times import DAY, HOUR
from plugin.domain.windows import WindowRequest
from plugin.errors import BandwatchError
from plugin.preview.fit_workers import InlineWorkers
from plugin.preview.past_service import PresetClock, PreviewTask, look_times
from plugin.preview.run import run_preview
from plugin.series import FloatArray, IntArray, Samples
from plugin.store import Store
from tests.computed_source import ComputedSeries, ComputedSource

STEP = 1800
START = 1_795_219_200 // STEP * STEP  # 2026-11-21T00:00:00Z
END = START + 4 * DAY
PLANNED = START + 2 * DAY, START + 2 * DAY + 2 * HOUR  # by the configuration
SILENCED = START + 3 * DAY, START + 3 * DAY + 2 * HOUR  # by a window of the API
NEW = START + DAY  # since when there is one more series
BREAK = START + 30 * HOUR, START + 50 * HOUR  # in which a series has no samples


def calm(times: IntArray, seed: int) -> FloatArray:
    """A day of people, and noise that depends on the time only."""
    noise = np.modf(np.sin(times / STEP * 12.9898 + seed) * 43758.5453)[0]
    return np.asarray(100 + 20 * np.sin(2 * np.pi * times / DAY) + 2 * noise)


def within(times: IntArray, start: int, end: int) -> FloatArray:
    return ((times >= start) & (times <= end)).astype(float)


def load(times: IntArray) -> FloatArray:
    """An outage, a spike of one sample, and planned work."""
    at = calm(times, 1)
    at += 80 * within(times, START + 20 * HOUR, START + 23 * HOUR)
    at += 60 * within(times, START + 60 * HOUR, START + 60 * HOUR)
    at += 80 * within(times, PLANNED[0], PLANNED[1] - 1)
    return at


def other_load(times: IntArray) -> FloatArray:
    """Falls, which does not matter, and rises in a silence."""
    at = calm(times, 2)
    at -= 80 * within(times, START + 70 * HOUR, START + 72 * HOUR)
    at += 80 * within(times, SILENCED[0], SILENCED[1] - 1)
    return at


def new_load(times: IntArray) -> FloatArray:
    """In its first day a spike does not alert, later it does."""
    at = calm(times, 3) + 60 * within(times, NEW + 5 * HOUR, NEW + 6 * HOUR)
    at += 60 * within(times, NEW + 60 * HOUR, NEW + 61 * HOUR)
    return np.where(times < NEW, np.nan, at)


def delay(times: IntArray) -> FloatArray:
    """The outage as others see it, with a pause, and a single sample that persistence forgives."""
    at = calm(times, 4)
    at += 50 * within(times, START + 21 * HOUR, START + 24 * HOUR)
    at += 50 * within(times, START + 65 * HOUR, START + 65 * HOUR)
    return at


def broken_delay(times: IntArray) -> FloatArray:
    """Without samples for a while, and outside when they come again."""
    at = calm(times, 5) + 50 * within(times, BREAK[1], BREAK[1] + 3 * HOUR)
    return np.where(within(times, BREAK[0], BREAK[1] - 1) > 0, np.nan, at)


SERIES = {
    "load": (
        ComputedSeries({"service": "a"}, load),
        ComputedSeries({"service": "b"}, other_load),
        ComputedSeries({"service": "c"}, new_load),
    ),
    "delay": (
        ComputedSeries({"service": "a", "to": "x"}, delay),
        ComputedSeries({"service": "b", "to": "x"}, broken_delay),
    ),
}
WATCHES = (
    Watch(
        name="load",
        query="load",
        direction="above",
        min_relative_deviation=0.1,
        step=STEP,
        fit_window=10 * DAY,
        backfill=6 * HOUR,
        group_by=("service",),
        incident_group="shop",
    ),
    Watch(
        name="delay",
        query="delay",
        detector="baseline",
        persistence=(2, 3),
        step=STEP,
        fit_window=10 * DAY,
        fit_every=20 * HOUR,
        group_by=("service",),
        incident_group="shop",
    ),
)
WINDOW = MaintenanceWindow.model_validate(
    {
        "name": "planned",
        "match": '{service="a"}',
        "begin": "2026-11-23T00:00Z",
        "duration": 2 * HOUR,
    }
)
SILENCE = WindowRequest(
    name="silence", match='{service="b"}', start="2026-11-24T00:00Z", duration=2 * HOUR
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    source = ComputedSource(SERIES).serve()
    yield source.url
    source.close()


def settings(folder: Path, url: str) -> Config:
    return Config(
        prometheus=PrometheusSettings(url=url, read_timeout=60),
        watches=WATCHES,
        store=StoreSettings(path=str(folder)),
        maintenance=MaintenanceSettings(windows=(WINDOW,)),
        workers=WorkerSettings(longest_fit=600),  # a busy machine changes no model
    )


@pytest.fixture(scope="module")
def preview(url: str, tmp_path_factory: pytest.TempPathFactory) -> Preview:
    config = settings(tmp_path_factory.mktemp("unused"), url)
    task = PreviewTask(config, START, END, windows=(SILENCE.window(),), max_bands=1)
    return run_preview(task, workers=InlineWorkers(task.config.workers))


@pytest.fixture(scope="module")
def played(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """What a service has stored that has lived from START to END, a step at a time."""
    config = settings(tmp_path_factory.mktemp("service"), url)
    clock = PresetClock(START)
    parts = Components(config, clock=clock, workers=InlineWorkers(config.workers))
    parts.maintenance.add(SILENCE.window())
    looks = {watch.name: set(look_times(watch, START, END)) for watch in WATCHES}
    for now in range(START, END + 1, STEP):
        clock.now = now
        for name, jobs in parts.watches.items():
            assert jobs.score.run()
            while now in looks[name] and now < END and jobs.fit.run():
                pass
    yield parts.store
    parts.close()


def alarms_of(store: Store) -> list[tuple[str, str, str, Alarm]]:
    """Watch, series and incident of each alarm."""
    records = {record.id: record for watch in WATCHES for record in store.series.of(watch.name)}
    names = [incident.id for incident in store.incidents.between(START, END)]
    return [
        (records[alarm.series_id].watch, str(records[alarm.series_id].labels), name, alarm)
        for name, alarm in store.incidents.alarms(names)
        if alarm.start >= START
    ]


def incidents_of(store: Store) -> list[Incident]:
    return [each for each in store.incidents.between(START, END) if each.start >= START]


def test_its_alarms_are_those_of_the_service(preview: Preview, played: Store) -> None:
    expected = alarms_of(played)
    assert len(expected) >= 5
    assert [
        (alarm.watch, alarm.series, alarm.incident, alarm.alarm) for alarm in preview.alarms
    ] == expected


def test_its_incidents_are_those_of_the_service(preview: Preview, played: Store) -> None:
    assert [incident.incident for incident in preview.incidents] == incidents_of(played)
    [outage] = [incident for incident in preview.incidents if incident.incident.size > 1]
    assert outage.title == '2 of 2 series of shop{service="a"} outside their band'


def starts(preview: Preview, service: str) -> list[int]:
    return [alarm.alarm.start for alarm in preview.alarms if alarm.labels["service"] == service]


def test_policies_persistence_maintenance_and_the_first_day_count(preview: Preview) -> None:
    planned = range(PLANNED[0], PLANNED[1])
    silenced = range(SILENCED[0], SILENCED[1])
    first_day = range(NEW, NEW + DAY)
    falls = range(START + 70 * HOUR, START + 72 * HOUR + 1)
    assert not [start for start in starts(preview, "a") if start in planned]
    assert not [start for start in starts(preview, "b") if start in silenced or start in falls]
    assert not [start for start in starts(preview, "c") if start in first_day]
    assert NEW + 60 * HOUR in starts(preview, "c")
    assert not [
        alarm
        for alarm in preview.alarms
        if alarm.watch == "delay" and alarm.alarm.start == START + 65 * HOUR
    ]


def delays(folder: Path, url: str) -> Preview:
    """Of the watch that learns without torch."""
    config = settings(folder, url).model_copy(update={"watches": WATCHES[1:]})
    task = PreviewTask(config, START, END, max_bands=1)
    return run_preview(task, workers=InlineWorkers(config.workers))


def test_the_housekeeping_changes_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = delays(tmp_path, url)
    folded_rows = []
    true_fold = Store.fold

    def fold(store: Store, now: int, *, limit: int, slice_seconds: int) -> None:
        report = true_fold(store, now, limit=limit, slice_seconds=slice_seconds)
        folded_rows.append(report.rows)

    monkeypatch.setattr(Store, "fold", fold)
    monkeypatch.setattr("plugin.preview.past_service.FOLD_SAMPLES", 100)
    monkeypatch.setattr("plugin.preview.past_service.KEPT_SAMPLES", 0)
    folded = delays(tmp_path, url)
    assert sum(folded_rows) > 0 and expected.alarms
    assert with_bands(folded, ()) == with_bands(expected, ())
    for column in fields(Samples):
        np.testing.assert_array_equal(
            getattr(folded.bands[0].samples, column.name),
            getattr(expected.bands[0].samples, column.name),
        )


def test_what_was_scored_is_held_against_the_promise(preview: Preview) -> None:
    line, other = preview.watches
    assert (line.watch, line.series, other.watch, other.series) == ("load", 3, "delay", 2)
    assert line.alarms + other.alarms == len(preview.alarms)
    scored_days = 2 * 4 + 2  # two all the time, one after its first day
    assert line.promised == pytest.approx(scored_days / 7, rel=0.1)


def test_the_noisiest_series_is_drawn(preview: Preview) -> None:
    [band] = preview.bands
    assert band.samples.times[0] >= START and band.samples.times[-1] == END


def test_a_query_that_fails_ends_it_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    source = ComputedSource(SERIES, is_down=lambda time: True).serve()
    config = settings(tmp_path / "unused", source.url)
    with pytest.raises(BandwatchError, match="watch 'load' could not be scored: .*503"):
        run_preview(PreviewTask(config, START, END), workers=InlineWorkers(config.workers))
    source.close()
    assert list(tmp_path.iterdir()) == []
