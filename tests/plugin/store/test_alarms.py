"""Alarms in the store: written with their ticks, read by range, counted, expired."""

from pathlib import Path

import numpy as np
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from plugin.domain.alarms import Alarm
from plugin.domain.times import DAY
from plugin.errors import StoreError
from plugin.series import IntArray, SeriesState
from plugin.store import Store
from plugin.store.migration import FOLDER
from plugin.store.sqlite import SqliteDatabase
from tests.plugin.store.build import tick


def alarm(series_id: int, start: int, end: int, *, open: bool = False) -> Alarm:
    return Alarm(
        series_id,
        start,
        end,
        open,
        (end - start) // 60 + 1,
        start,
        2.5,
        12.25,
        5.0,
        -np.inf,
        8.0,
        1,
    )


def write(store: Store, ids: IntArray, time: int, *changed: Alarm) -> None:
    store.write([tick(ids, [time])], "q", (time, time), changed)


def test_an_alarm_grows_and_ends_in_its_row(store: Store, ids: IntArray) -> None:
    grown = [alarm(2, 60, 60, open=True), alarm(2, 60, 180, open=True), alarm(2, 60, 180)]
    for time, each in zip((60, 180, 600), grown, strict=True):
        write(store, ids, time, each)
        assert store.alarms.between(0, 10**6) == [each]
        assert store.alarms.open("cpu") == [each] * each.open
    assert store.alarms.open("disk") == []


def test_the_same_ticks_again_add_nothing(store: Store, ids: IntArray) -> None:
    for _ in range(2):
        write(store, ids, 60, alarm(1, 60, 60, open=True), alarm(3, 60, 60, open=True))
    assert store.alarms.between(0, 10**6) == [
        alarm(1, 60, 60, open=True),
        alarm(3, 60, 60, open=True),
    ]


def test_what_overlaps_a_range_is_sorted_by_start(store: Store, ids: IntArray) -> None:
    first = alarm(3, 60, 120)
    second = alarm(1, 300, 360)
    third = alarm(2, 300, 600)
    write(store, ids, 600, third, second, first)
    assert store.alarms.between(0, 600) == [first, second, third]
    assert store.alarms.between(120, 299) == [first] and store.alarms.between(121, 299) == []
    assert store.alarms.between(361, 400) == [third] and store.alarms.between(601, 10**6) == []
    assert (
        store.alarms.between(0, 600, ids=[2, 3]) == [first, third]
        and store.alarms.between(0, 600, ids=np.empty(0, int)) == []
    )
    assert store.alarms.between(0, 600, limit=2) == [second, third], "the latest, still sorted"


def test_an_open_one_reaches_beyond_its_last_sample(store: Store, ids: IntArray) -> None:
    going_on = alarm(1, 60, 120, open=True)
    write(store, ids, 120, going_on, alarm(2, 60, 120))
    assert store.alarms.between(5000, 6000) == [going_on] and store.alarms.between(0, 59) == []


def test_a_tick_that_fails_leaves_no_alarm_and_an_unknown_series_is_refused(
    store: Store, ids: IntArray
) -> None:
    with pytest.raises(StoreError, match="not registered"):
        store.write([tick(np.array([77]), [60])], "q", (60, 60), [alarm(1, 60, 60)])
    with pytest.raises(StoreError, match="no such series"):
        write(store, ids, 60, alarm(1, 60, 60), alarm(77, 60, 60))
    assert store.alarms.between(0, 600) == [] and store.samples.scored_until("cpu") is None


def test_old_alarms_and_those_of_gone_series_expire(store: Store, ids: IntArray) -> None:
    recent = alarm(1, 9 * DAY, 9 * DAY)
    across = alarm(3, DAY, 5 * DAY)
    write(store, ids, 9 * DAY, recent, across, alarm(1, DAY, 2 * DAY), alarm(2, 9 * DAY, 9 * DAY))
    store.series.mark([2], SeriesState.GONE)
    store.expire(14 * DAY, retention=10 * DAY, versions=1)
    assert [(each.series_id, each.start) for each in store.alarms.between(0, 20 * DAY)] == [
        (3, DAY),
        (1, 9 * DAY),
        (2, 9 * DAY),
    ]
    write(store, ids[[0, 2]], 21 * DAY)
    store.expire(20 * DAY, retention=10 * DAY, versions=1)
    assert [each.id for each in store.series.all()] == [1, 3] and store.alarms.between(
        0, 20 * DAY
    ) == []


def test_a_store_of_the_first_schema_gets_alarms(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "bandwatch.db")
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text("INSERT INTO series VALUES (1, 'cpu', 'f', '{}')"))
        connection.execute(text("INSERT INTO series_status VALUES (1, 'ok', 0, 0)"))
    database.close()
    store = Store.open(tmp_path)
    assert store.alarms.between(0, 120) == []
    write(store, np.array([1]), 120, alarm(1, 120, 120))
    assert store.alarms.between(0, 120) == [alarm(1, 120, 120)]
    store.close()
