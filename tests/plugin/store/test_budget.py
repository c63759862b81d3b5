"""What the noise budget reads: alarms by series, and the samples that were scored."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from sqlalchemy import text

from plugin.domain.alarms import Alarm
from plugin.domain.budget import AlarmTotals
from plugin.domain.times import DAY
from plugin.domain.tolerances import FeedbackSpan, Verdict
from plugin.series import IntArray, Labels
from plugin.store import FeedbackNote, Store
from plugin.store.server import DatabaseServer
from tests.plugin.store.build import tick


def alarm(series_id: int, start: int, samples: int = 1, score: float = 2.0) -> Alarm:
    return Alarm(
        series_id,
        start,
        start + 60 * (samples - 1),
        False,
        samples,
        start,
        score,
        12.0,
        5.0,
        2.0,
        8.0,
        1,
    )


def write(store: Store, ids: IntArray, *alarms: Alarm) -> None:
    store.write([tick(ids, [60])], "q", (60, 60), alarms)


def scored(
    store: Store, since: int, learn_for: Mapping[str, int] = MappingProxyType({})
) -> dict[int, float]:
    ids, samples = store.samples.scored_since(since, learn_for)
    assert ids.tolist() == sorted(ids.tolist())
    return dict(zip(ids.tolist(), samples.tolist(), strict=True))


def test_totals_are_of_alarms_that_have_begun_since(store: Store, ids: IntArray) -> None:
    write(store, ids, alarm(1, 60, 3), alarm(1, 900, 2, 7.5), alarm(2, 1200), alarm(3, 0, 30))
    assert store.alarms.totals(0) == {
        1: AlarmTotals(2, 5, 7.5, 900),
        2: AlarmTotals(1, 1, 2.0, 1200),
        3: AlarmTotals(1, 30, 2.0, 0),
    }
    assert store.alarms.totals(61) == {
        1: AlarmTotals(1, 2, 7.5, 900),
        2: AlarmTotals(1, 1, 2.0, 1200),
    }
    assert store.alarms.totals(1201) == {}


def test_what_was_answered_as_real_is_no_noise(store: Store, ids: IntArray) -> None:
    write(store, ids, alarm(1, 600, 5), alarm(1, 3000), alarm(2, 600), alarm(3, 900))
    parts = [FeedbackSpan(1, 660, 700), FeedbackSpan(2, 0, 599)]
    given = store.feedback.give(Verdict.REAL, parts, FeedbackNote("me", 9))
    store.feedback.give(Verdict.FALSE_ALARM, [FeedbackSpan(3, 900, 900)], FeedbackNote("me", 9))
    assert store.alarms.totals(0) == {
        1: AlarmTotals(1, 1, 2.0, 3000),
        2: AlarmTotals(1, 1, 2.0, 600),
        3: AlarmTotals(1, 1, 2.0, 900),
    }
    assert len(store.alarms.starts(0)) == 3
    assert store.alarms.real("cpu", 0) == [alarm(1, 600, 5)]
    assert store.alarms.real("cpu", 601) == store.alarms.real("disk", 0) == []
    store.feedback.withdraw(given.answer.id, author="me", time=10)
    assert store.alarms.totals(0)[1].alarms == 2 and store.alarms.real("cpu", 0) == []


def test_one_by_one(store: Store, ids: IntArray) -> None:
    write(store, ids, alarm(1, DAY - 60, 10), alarm(1, DAY, 3), alarm(2, DAY + 5, 1, 4.0))
    assert sorted(store.alarms.starts(DAY)) == [(1, DAY, 3, 2.0), (2, DAY + 5, 1, 4.0)]


def test_only_scored_samples_count_wherever_they_are(store: Store, ids: IntArray) -> None:
    times = np.arange(DAY, 3 * DAY, 600)
    store.record_history(
        "cpu", "q", ids, np.arange(0, DAY, 600), np.ones((3, 144)), (0, DAY - 600)
    )  # in blocks
    values = np.ones((3, len(times)))
    values[1, 10:] = np.nan  # has vanished
    whole = tick(ids, times, values)
    without = replace(
        whole, score=np.where(np.arange(3)[:, None] == 2, np.nan, whole.score)
    )  # never scored
    store.write([without], "q", (DAY, 3 * DAY))
    for _ in range(2):  # from the head, then mostly from the table
        assert scored(store, 0) == {1: 288, 2: 10, 3: 0}
        store.fold(9 * DAY)
    assert store.sizes().block_rows > 0
    store.expire(30 * DAY, retention=28 * DAY, versions=1)
    assert scored(store, 0)[1] == 144, "the first day with scores is past retention"


def test_a_store_of_before_gets_the_counts_of_its_blocks(
    store: Store, ids: IntArray, server: DatabaseServer | None
) -> None:
    store.record_history("cpu", "q", ids, np.arange(0, DAY, 600), np.ones((3, 144)), (0, DAY - 600))
    store.write([tick(ids[:2], np.arange(DAY, 3 * DAY, 600))], "q", (DAY, 3 * DAY))
    store.fold(9 * DAY)
    before = scored(store, 0)
    with store._database.writing() as connection:
        connection.execute(text("DROP TABLE scored"))
        connection.execute(text("DROP TABLE source_holes"))  # of 0011
        connection.execute(text("DROP TABLE changes"))  # of 0012
        of_0013 = ("leases", "processes", "publications", "pins", "orders", "signing_keys")
        for table in of_0013:
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("ALTER TABLE maintenance DROP COLUMN ended_by"))  # of 0010
        connection.execute(text("UPDATE alembic_version SET version_num = '0008'"))
    again = Store.open(store.folder, server=server)
    assert scored(again, 0) == before == {1: 288, 2: 288}
    again.close()


def test_of_a_day_that_lies_in_part_before_its_share_counts(store: Store, ids: IntArray) -> None:
    store.write([tick(ids[:1], np.arange(0, 4 * DAY, 600))], "q", (0, 4 * DAY))
    store.fold(9 * DAY)
    assert scored(store, DAY // 4)[1] == 0.75 * 144 + 3 * 144
    assert scored(store, 4 * DAY) == {}


def test_what_a_series_learns_from_first_does_not_count(store: Store, ids: IntArray) -> None:
    disk = store.series.register("disk", [Labels.of({"job": "d"})], 0)[0].id
    times = np.arange(0, 4 * DAY, 600)
    store.write([tick(ids[:2], times)], "q", (0, 4 * DAY))
    young = replace(tick(np.array([disk]), times[300:]), watch="disk")
    store.write([young], "q", (0, 4 * DAY))
    lengths = {"cpu": DAY + DAY // 4, "disk": 600}
    for _ in range(2):  # from the head, then from the blocks
        found = scored(store, 0, lengths)
        assert found[1] == found[2] == 2.75 * 144
        assert found[disk] == pytest.approx(275, abs=1)
        later = scored(store, 0, {"cpu": 5 * DAY, "disk": 0})
        assert [series_id for series_id, count in later.items() if count] == [disk]
        since = scored(store, 3 * DAY, lengths)
        assert since == {1: 144, 2: 144, disk: 144}, "the later of the two begins"
        store.fold(9 * DAY)
