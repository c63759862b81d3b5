"""Leases on a clock that tests set: taken once, given up in order, taken over from the dead, lost
by those that were asleep."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.cluster.leases import Holdings, LeaseKeeper
from plugin.cluster.membership import Membership
from plugin.errors import Fenced
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import Labels
from plugin.store import Store
from plugin.store.leases import Fence, Lease
from plugin.store.processes import Process
from tests.plugin.store.build import tick

WATCHES = [f"w{i}" for i in range(12)]


class World:
    """Some workers on one store, and their monotonic clock."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.store = Store.open(folder)
        self.keepers: list[LeaseKeeper] = []
        self.changes: list[tuple[str, set[str]]] = []
        self.series = dict.fromkeys(WATCHES, 1)

    def worker(self) -> LeaseKeeper:
        metrics = Metrics(CollectorRegistry())
        keeper = LeaseKeeper(
            self.store, metrics, lambda: self.series, self._note, monotonic=lambda: self.now
        )
        keeper.metrics = metrics  # type: ignore[attr-defined]
        self.keepers.append(keeper)
        return keeper

    def _note(self, holdings: Holdings) -> None:
        names = {fence.holder for fence in holdings.values()} or {""}
        assert len(names) == 1
        self.changes.append((names.pop(), set(holdings)))

    def look(self, *keepers: LeaseKeeper, seconds: float = 10 / 3) -> None:
        """Each looks once, after a third of a lease."""
        self.now += seconds
        for keeper in keepers:
            keeper.run()

    def settle(self, *keepers: LeaseKeeper) -> None:
        for _ in range(3):
            self.look(*keepers)

    def holders(self) -> dict[str, str]:
        return {name: lease.holder for name, lease in self.store.leases.all().items()}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def value(keeper: LeaseKeeper, name: str) -> float:
    metric = getattr(keeper.metrics, name)  # type: ignore[attr-defined]
    return float(metric._value.get())


def test_one_worker_takes_all_at_its_first_look(world: World) -> None:
    keeper = world.worker()
    world.look(keeper)
    assert set(keeper.holdings) == set(WATCHES) == set(world.holders())
    assert value(keeper, "leases_held") == 12 and value(keeper, "leases_inherited") == 0
    assert keeper.holdings["w0"] == Fence("w0", keeper.name, 1)


def test_two_workers_share_and_nothing_is_held_twice(world: World) -> None:
    one, two = world.worker(), world.worker()
    world.look(one)
    for _ in range(4):
        world.look(one, two)
        assert not set(one.holdings) & set(two.holdings)
    assert {len(one.holdings), len(two.holdings)} <= {5, 6, 7}
    assert set(one.holdings) | set(two.holdings) == set(WATCHES)
    assert value(one, "leases_lost") == 0, "given up is not lost"


def test_a_worker_stops_before_others_may_begin(world: World) -> None:
    """It is told what it holds before the store says that a lease is nobody's."""
    one, two = world.worker(), world.worker()
    world.look(one)
    world.look(one, two)
    seen = {}

    def note(holdings: Holdings) -> None:
        seen["stored"] = sum(holder == one.name for holder in world.holders().values())
        seen["told"] = len(holdings)

    one._on_change = note
    world.look(one)
    assert seen["stored"] == 12 and seen["told"] in (5, 6, 7)


def test_a_worker_that_ends_leaves_everything_at_once(world: World) -> None:
    one, two = world.worker(), world.worker()
    world.settle(one, two)
    one.close()
    assert not one.holdings and one.name not in world.store.processes.all()
    world.look(two, seconds=0.1)
    assert set(two.holdings) == set(WATCHES)


def test_a_dead_worker_is_replaced_within_a_lease_and_a_look(world: World) -> None:
    one, two = world.worker(), world.worker()
    world.settle(one, two)
    died_at = world.now
    inheritance = len(one.holdings)
    while len(two.holdings) < 12:
        world.look(two)
    assert 10 <= world.now - died_at <= 10 + 10 / 3 + 1e-6 < 30
    assert value(two, "leases_inherited") == inheritance > 0
    world.look(two)
    assert set(world.store.processes.all()) == {two.name}, "the dead one is forgotten"


def test_a_worker_that_was_asleep_has_lost_its_leases(world: World) -> None:
    one, two = world.worker(), world.worker()
    world.settle(one, two)
    old = dict(one.holdings)
    for _ in range(4):
        world.look(two)
    world.look(one, seconds=0.1)
    assert not old.keys() & one.holdings.keys() and value(one, "leases_lost") == len(old)
    assert world.changes[-1] == ("", set())
    world.settle(one, two)
    assert len(one.holdings) in (5, 6, 7), "it gets its share again"
    assert not set(one.holdings) & set(two.holdings)


def test_after_an_outage_of_the_store_nobody_is_taken_for_dead(world: World) -> None:
    one, two = world.worker(), world.worker()
    world.settle(one, two)
    before = world.holders()
    world.now += 60  # nobody could beat, nobody could look
    world.settle(one, two)
    assert world.holders() == before


def test_a_watch_that_is_not_configured_any_more_is_given_up(world: World) -> None:
    keeper = world.worker()
    world.look(keeper)
    world.series = {name: 1 for name in WATCHES[1:]}
    world.look(keeper)
    assert "w0" not in keeper.holdings and world.holders()["w0"] == ""


def test_series_count_once_they_are_known(world: World) -> None:
    """Two workers; one watch has more series than all others together."""
    world.series = {**dict.fromkeys(WATCHES, 8), "w0": 1000}
    one, two = world.worker(), world.worker()
    world.settle(one, two)
    world.settle(one, two)
    [large] = [each for each in (one, two) if "w0" in each.holdings]
    assert set(large.holdings) == {"w0"}
    moves = len(world.changes)
    world.series = {**world.series, "w0": 1010, "w1": 9}  # of the same size
    world.settle(one, two)
    assert len(world.changes) == moves


def test_of_two_that_take_a_lease_one_gets_it(world: World) -> None:
    seen = Lease("cpu", "", 0, 0)
    assert world.store.leases.take(seen, "one") == 1
    assert world.store.leases.take(seen, "two") is None
    assert world.store.leases.take(Lease("cpu", "one", 1, 0), "two") == 2


def test_membership_counts_only_what_it_has_watched() -> None:
    membership = Membership(10)

    def living(now: float, **beats: int) -> set[str]:
        stored = {name: Process(name, count, 1.0, 0.0) for name, count in beats.items()}
        return set(membership.living(stored, now))

    assert living(0, a=1, b=1) == {"a", "b"}
    assert living(5, a=2, b=1) == {"a", "b"}
    assert living(10, a=3, b=1) == {"a"}
    assert living(15, a=4, b=2) == {"a", "b"}, "it was asleep"
    assert living(40, a=4, b=2) == {"a", "b"}, "we were asleep, or blind"


def test_every_write_of_a_fenced_store_is_refused_after_a_takeover(world: World) -> None:
    store = world.store
    [record] = store.series.register("cpu", [Labels.of({"a": "b"})], 0)
    store.leases.take(Lease("cpu", "", 0, 0), "one")
    fenced = store.fenced(Fence("cpu", "one", 1))
    fenced.write([tick(np.array([record.id]), [60])], "key", (60, 60))
    store.leases.take(Lease("cpu", "one", 1, 0), "two")
    writes = (
        lambda: fenced.write([tick(np.array([record.id]), [120])], "key", (120, 120)),
        lambda: fenced.record_history(
            "cpu", "key", np.array([record.id]), np.array([0]), np.ones((1, 1)), (0, 0)
        ),
        lambda: fenced.save_models("cpu", []),
        lambda: fenced.active_models.update([], []),
        lambda: fenced.series.register("cpu", [Labels.of({"a": "c"})], 0),
        lambda: fenced.models.new_version("cpu"),
    )
    for write in writes:
        with pytest.raises(Fenced, match="cpu: another process has taken over"):
            write()
    assert store.samples.of(record.id, 0, 1000).times.tolist() == [60]
    assert len(store.series.of("cpu")) == 1
    taken_back = store.leases.take(Lease("cpu", "two", 2, 0), "one")
    assert taken_back == 3
    with pytest.raises(Fenced):
        writes[0]()
    store.fenced(Fence("cpu", "one", 3)).write(
        [tick(np.array([record.id]), [120])], "key", (120, 120)
    )
    assert store.samples.of(record.id, 0, 1000).times.tolist() == [60, 120]


def test_what_nobody_holds_is_counted_until_someone_takes_it(world: World) -> None:
    one, two = world.worker(), world.worker()
    world.settle(one, two)
    assert value(one, "leases_unheld") == value(two, "leases_unheld") == 0
    inheritance = len(two.holdings)
    two.close()
    one._take = lambda *_: None  # type: ignore[method-assign]
    world.look(one)
    assert value(one, "leases_unheld") == inheritance > 0
    del one._take  # type: ignore[method-assign]
    world.look(one)
    assert value(one, "leases_unheld") == 0
