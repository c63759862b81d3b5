"""Incidents follow from alarms: whatever the order of ticks, watches and restarts, they are the
same."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import inspect

from plugin.config.groups import Group
from plugin.domain.alarms import Alarm
from plugin.domain.incidents import Incident
from plugin.domain.times import DAY
from plugin.series import Labels, SeriesState
from plugin.store import Store
from plugin.store.server import DatabaseServer
from tests.plugin.store.build import tick

GAP = 900
SHOP = Group("shop", (), ("api", "db"), GAP)
BY_ZONE = Group("api", ("zone",), ("api",), GAP)
EVER = 0, 10**9


@pytest.fixture
def store(store: Store) -> Store:
    """api: 1 and 2 in zone a, 3 in zone b, 4 in none; db: 5 and 6."""
    store.series.register(
        "api",
        [Labels.of({"zone": zone, "i": str(i)}) for i, zone in enumerate(("a", "a", "b", ""))],
        0,
    )
    store.series.register("db", [Labels.of({"i": str(i)}) for i in range(2)], 0)
    return store


def alarm(series: int, start: int, end: int, score: float = 2.0, *, open: bool = False) -> Alarm:
    return Alarm(series, start, end, open, 1, start, score, 12.0, 10.0, 9.0, 11.0, 1)


def write(
    store: Store, until: int, *changed: Alarm, watch: str = "api", group: Group = SHOP
) -> int:
    """A tick of a watch up to a time. Returns how many incidents have begun."""
    nobody = np.empty(0, np.int64)
    return store.write(
        [tick(nobody, [until], watch=watch)], "q", (until, until), changed, group
    ).incidents


def members(store: Store) -> dict[str, list[int]]:
    """The series of each incident."""
    found: dict[str, list[int]] = {}
    for name, each in store.incidents.alarms([each.id for each in store.incidents.between(*EVER)]):
        found.setdefault(name, []).append(each.series_id)
    return {name: sorted(series) for name, series in found.items()}


def test_an_incident_opens_grows_and_closes_after_the_gap(store: Store) -> None:
    assert write(store, 600, alarm(1, 600, 600, open=True)) == 1
    (opened,) = store.incidents.open("shop")
    assert (opened.id, opened.start, opened.size, opened.among) == ("shop-600", 600, 1, 6)
    assert write(store, 900, alarm(1, 600, 900, 5.0, open=True), alarm(5, 900, 900, open=True)) == 0
    (grown,) = store.incidents.open("shop")
    assert (grown.id, grown.end, grown.size, grown.first, grown.worst) == ("shop-600", 900, 2, 1, 1)
    assert grown.peak_score == 5
    write(store, 1300, alarm(1, 600, 900, 5.0), alarm(5, 900, 900))
    assert store.incidents.open("shop") == (grown,), "no alarm is open any more, but it is not over"
    write(store, 900 + GAP)
    assert store.incidents.open("shop") == (grown,)
    write(store, 901 + GAP)
    assert store.incidents.open("shop") == ()
    assert store.incidents.between(*EVER) == [grown._replace(open=False)]
    assert write(store, 2000, alarm(2, 2000, 2000, open=True)) == 1, "the next one"


def test_an_open_alarm_holds_its_incident_unless_its_watch_is_removed(store: Store) -> None:
    """The watch db is not scored any more, as when its query fails."""
    write(store, 600, alarm(5, 600, 600, open=True), watch="db")
    write(store, 9000)
    assert [each.id for each in store.incidents.open("shop")] == ["shop-600"]
    write(store, 9060, group=replace(SHOP, watches=("api",)))
    assert store.incidents.open("shop") == ()


def test_maintenance_ends_an_incident_at_once_and_it_goes_on_afterwards(store: Store) -> None:
    write(store, 600, alarm(1, 600, 600, open=True), alarm(2, 600, 600, open=True))
    write(
        store,
        660,
        replace(alarm(1, 600, 660), ended_by="maintenance"),
        alarm(2, 600, 660, open=True),
    )
    assert len(store.incidents.open("shop")) == 1, "one alarm is outside the window"
    write(store, 720, replace(alarm(2, 600, 660), ended_by="maintenance"))
    write(store, 780)
    assert store.incidents.open("shop") == ()
    assert write(store, 1200, alarm(2, 1200, 1200, open=True)) == 0
    assert [each.id for each in store.incidents.open("shop")] == ["shop-600"]


def test_labels_tell_incidents_apart(store: Store) -> None:
    alarms = [alarm(each, 600, 600, open=True) for each in (1, 2, 3, 4)]
    assert write(store, 600, *alarms, group=BY_ZONE) == 3
    assert sorted(members(store).values()) == [[1, 2], [3], [4]]
    found = {each.labels.get("zone", ""): each for each in store.incidents.open("api")}
    assert {zone: (each.size, each.among) for zone, each in found.items()} == {
        "a": (2, 2),
        "b": (1, 1),
        "": (1, 1),
    }
    assert found[""].id == "api-600"


def test_a_gone_series_is_not_counted(store: Store) -> None:
    store.series.mark([2], SeriesState.GONE)
    write(store, 600, alarm(1, 600, 600, open=True), group=BY_ZONE)
    assert store.incidents.open("api")[0].among == 1


def test_a_late_alarm_shows_that_two_were_one(store: Store) -> None:
    """db has been away, and catches up: what it knows lies between two incidents of api."""
    write(store, 4000, alarm(1, 600, 700), alarm(2, 2000, 4000, 9.0, open=True))
    older, younger = store.incidents.between(*EVER)
    assert (older.open, younger.open) == (False, True)
    assert write(store, 3000, alarm(5, 1000, 1500, 3.0), watch="db") == 0
    (whole,) = store.incidents.open("shop")
    assert (whole.id, whole.start, whole.end, whole.size, whole.worst) == (
        older.id,
        600,
        4000,
        3,
        2,
    )
    assert store.incidents.between(*EVER) == [whole] and members(store) == {older.id: [1, 2, 5]}
    assert store.incidents.get(younger.id) == whole, "the younger name leads to the older"
    write(store, 4060, alarm(2, 2000, 4060, 9.5, open=True))
    assert store.incidents.open("shop")[0] == whole._replace(end=4060, peak_score=9.5)


def test_an_alarm_that_grows_up_to_the_next_incident_shows_that_they_are_one(store: Store) -> None:
    """db lags behind: what goes on there was known up to 700 when the other began."""
    write(store, 700, alarm(5, 600, 700, open=True), watch="db")
    write(store, 2000, alarm(1, 2000, 2000, open=True))
    assert [each.size for each in store.incidents.open("shop")] == [1, 1]
    write(store, 1300, alarm(5, 600, 1300, open=True), watch="db")
    (whole,) = store.incidents.open("shop")
    assert (whole.id, whole.end, whole.size) == ("shop-600", 2000, 2) and members(store) == {
        "shop-600": [1, 5]
    }


def test_what_a_catch_up_finds_in_the_past_is_closed_at_once(store: Store) -> None:
    write(store, 9000)
    assert write(store, 5000, alarm(5, 600, 700), alarm(6, 700, 5000, open=True), watch="db") == 1
    assert [each.id for each in store.incidents.open("shop")] == ["shop-600"], (
        "one alarm goes on as far as known"
    )
    write(store, 9060, alarm(6, 700, 5000), watch="db")
    assert store.incidents.open("shop") == ()


def test_incidents_are_found_by_group_series_and_time(store: Store) -> None:
    write(store, 9000, alarm(1, 600, 700), alarm(2, 4000, 4100), alarm(1, 8000, 9000, open=True))
    first, second, third = store.incidents.between(*EVER)
    between = store.incidents.between
    assert (
        between(700, 3999) == [first]
        and between(701, 3999) == []
        and between(10**6, 10**7) == [third]
    )
    assert between(*EVER, ["shop"], [1]) == [first, third] and between(*EVER, ["api"]) == []
    assert between(*EVER, ids=[]) == [] and between(*EVER, limit=2) == [second, third]
    assert store.incidents.get(second.id) == second and store.incidents.get("shop-1") is None


def test_members_are_ranked_by_who_moved_first_and_farthest(store: Store) -> None:
    write(
        store,
        1000,
        alarm(1, 600, 700, 2.0),
        alarm(2, 600, 600, 3.0),
        alarm(5, 540, 600),
        alarm(1, 900, 1000, 8.0),
    )
    (found,) = store.incidents.between(*EVER)
    assert store.incidents.ranks([found.id]) == {found.id: {5: 1, 2: 2, 1: 3}}
    alarms = [each for _, each in store.incidents.alarms([found.id], 0, 800, [1, 2])]
    assert [(each.series_id, each.start) for each in alarms] == [
        (1, 600),
        (2, 600),
    ] and found.size == 3


def test_old_incidents_expire_with_their_alarms(store: Store) -> None:
    write(store, 9 * DAY, alarm(1, DAY, 2 * DAY), alarm(2, 9 * DAY, 9 * DAY, open=True))
    store.expire(14 * DAY, retention=10 * DAY, versions=1)
    assert [each.start for each in store.incidents.between(*EVER)] == [9 * DAY]
    assert list(members(store).values()) == [[2]]


def test_alarms_of_an_older_program_are_adopted_once(store: Store) -> None:
    nobody = np.empty(0, np.int64)
    store.write(
        [tick(nobody, [2000], watch="api")],
        "q",
        (2000, 2000),
        [alarm(1, 600, 700), alarm(2, 1500, 2000)],
    )
    assert store.incidents.between(*EVER) == []
    assert (store.incidents.adopt(SHOP), store.incidents.adopt(SHOP)) == (1, 0)
    (found,) = store.incidents.between(*EVER)
    assert (found.id, found.end, found.size, found.open) == ("shop-600", 2000, 2, True)


def test_a_name_that_changes_leaves_an_alarm_where_it_was(store: Store) -> None:
    write(store, 600, alarm(1, 600, 600, open=True))
    write(store, 660, alarm(1, 600, 660, open=True), group=BY_ZONE)
    (found,) = store.incidents.between(*EVER)
    assert (found.id, found.end) == ("shop-600", 660)


def drawn(rng: np.random.Generator) -> list[Alarm]:
    """Alarms of six series over an hour and a half; those of one series do not overlap."""
    found = []
    for series in range(1, 7):
        edges = (
            np.sort(rng.choice(np.arange(10, 300), 2 * int(rng.integers(0, 4)), replace=False)) * 60
        )
        found += [
            alarm(series, int(start), int(end), float(rng.integers(2, 9)))
            for start, end in edges.reshape(-1, 2)
            if end - start < 3000
        ]
    return found


def seen(each: Alarm, until: int) -> Alarm:
    """As it looked at a time; its score grows until it ends."""
    end = min(each.end, until)
    grown = each.peak_score * (end - each.start + 60) / (each.end - each.start + 60)
    return replace(each, end=end, open=until < each.end + 360, peak_score=grown)


def expected(alarms: list[Alarm]) -> list[list[int]]:
    """The series of each incident, by the definition."""
    found: list[list[Alarm]] = []
    for each in sorted(alarms, key=lambda each: each.start):
        if found and each.start - max(other.end for other in found[-1]) <= GAP:
            found[-1].append(each)
        else:
            found.append([each])
    return sorted(sorted(each.series_id for each in those) for those in found)


def cuts(rng: np.random.Generator) -> Iterator[tuple[str, int]]:
    """The ends of the ticks of both watches, each in its own order, one sometimes far behind the
    other."""
    ends = {
        name: [*sorted(set((rng.integers(5, 350, int(rng.integers(1, 40))) * 60).tolist())), 30_000]
        for name in SHOP.watches
    }
    while any(ends.values()):
        name = str(rng.choice([name for name, left in ends.items() if left]))
        yield name, ends[name].pop(0)


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_ticks_and_restarts_comes_to_the_same(
    store: Store, server: DatabaseServer | None, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    alarms = drawn(rng)
    before = dict.fromkeys(SHOP.watches, 0)
    given = dict[tuple[int, int], str]()
    folder = store.folder
    for name, until in cuts(rng):
        mine = [each for each in alarms if (each.series_id > 4) == (name == "db")]
        changed = [
            seen(each, until)
            for each in mine
            if each.start <= until and before[name] <= each.end + 360
        ]
        for _ in range(2):  # the second time as after a kill: it changes nothing
            write(store, until, *changed, watch=name)
        before[name] = until
        for incident, each in store.incidents.alarms(
            [each.id for each in store.incidents.between(*EVER)]
        ):
            first = store.incidents.get(given.setdefault((each.series_id, each.start), incident))
            assert first is not None and first.id == incident, "once in an incident, it stays in it"
        if rng.random() < 0.2:
            store.close()
            store = Store.open(folder, server=server)
    assert sorted(members(store).values()) == expected(alarms)
    for found in store.incidents.between(*EVER):
        assert_derived(found, [each for _, each in store.incidents.alarms([found.id])])
    store.close()


def assert_derived(found: Incident, its: list[Alarm]) -> None:
    """What an incident says follows from its alarms."""
    first = min(its, key=lambda each: (each.start, -each.peak_score, each.series_id))
    worst = min(its, key=lambda each: (-each.peak_score, each.peak_time, each.series_id))
    assert (found.start, found.first, found.first_score) == (
        first.start,
        first.series_id,
        first.peak_score,
    )
    assert (found.worst, found.peak_score, found.peak_time) == (
        worst.series_id,
        worst.peak_score,
        worst.peak_time,
    )
    assert (found.end, found.open) == (max(each.end for each in its), False)
    assert found.size == len({each.series_id for each in its}) <= found.among


def test_a_store_without_incidents_gets_them(store: Store) -> None:
    with store._database.reading() as connection:
        tables = set(inspect(connection).get_table_names())
    assert {"incidents", "members"} <= tables
