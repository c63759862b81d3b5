"""What is published is what was on the board, in versions, under a lease."""

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from plugin.board import Board, Forecast, LevelShift, Snapshot, WatchHealth
from plugin.cluster import board_parts
from plugin.cluster.following import VERSIONS_PER_PART, BoardFollower
from plugin.cluster.publication import BoardPublisher
from plugin.config import Watch
from plugin.config.groups import groups
from plugin.domain.budget import NoiseReport, Suggestion
from plugin.domain.incidents import Incident
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import Labels, SeriesRecord, SeriesState
from plugin.store import Store
from plugin.store.publications import KEEP_SECONDS, Publication
from tests.snapshots import snapshot

NOW = 1_760_000_040
CPU = Watch(name="cpu", query="up")
FORECAST = Forecast(
    "cpu",
    NOW,
    60,
    np.array([1, 2]),
    np.array([0.5, 1e15]),
    *(np.array([[1, np.nan], [-np.inf, np.inf]], np.float32) for _ in range(3)),
)
NOISE = NoiseReport(
    NOW,
    np.array([1, 2]),
    {7: np.array([1.0, 2.5]), 30: np.array([10.0, 20.0])},
    {2: Suggestion("min_deviation: 5", 3, 4, 0, True)},
)
INCIDENT = Incident(
    "cpu-1", "cpu", Labels.of({"a": "ü"}), NOW, NOW, True, 1, 2, 1, 3.5, 1, NOW, 3.5, 1.0, 0.5,
    -np.inf, 2.0, 1,
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.open(tmp_path)
    yield made
    made.close()


@pytest.fixture
def records(store: Store) -> list[SeriesRecord]:
    labels = [Labels.of({"instance": name}) for name in "ab"]
    return store.series.register("cpu", labels, NOW)


def shown(records: list[SeriesRecord], time: int = NOW, **columns: object) -> Snapshot:
    return snapshot(CPU, records, time, **columns)


def assert_same(found: object, wanted: object) -> None:
    assert type(found) is type(wanted)
    for each in fields(wanted):  # type: ignore[arg-type]
        one, other = getattr(found, each.name), getattr(wanted, each.name)
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype, each.name
            np.testing.assert_array_equal(one, other, err_msg=each.name)
        else:
            assert one == other, each.name


def through_the_store(content: board_parts.Content) -> Publication:
    return Publication.decoded(board_parts.encode(content).encoded())


def test_a_snapshot_is_read_as_it_was(records: list[SeriesRecord]) -> None:
    states = [
        replace(record, state=state)
        for record, state in zip(records, (SeriesState.MISSING, SeriesState.OK), strict=True)
    ]
    wanted = shown(
        states,
        value=np.array([np.nan, 1e300]),
        upper=np.array([np.inf, 1.5]),
        missing=np.array([True, False]),
        detector=("lstm", ""),
        outlook=WatchHealth.FAILING,
        reason="Prometheus: refused “x”",
        shifts={records[0].id: LevelShift(NOW, NOW + 60)},
    )
    labels = {record.id: record.labels for record in records}
    assert_same(board_parts.read_snapshot(through_the_store(wanted), CPU, labels), wanted)


def test_a_snapshot_without_series_is_read_as_it_was() -> None:
    wanted = shown([])
    assert_same(board_parts.read_snapshot(through_the_store(wanted), CPU, {}), wanted)


def test_the_other_parts_are_read_as_they_were() -> None:
    assert_same(board_parts.read_forecast(through_the_store(FORECAST), "cpu"), FORECAST)
    read = board_parts.read_noise(through_the_store(NOISE))
    assert read.suggestions == NOISE.suggestions and read.made_at == NOW
    assert read.samples(7) == NOISE.samples(7) and read.samples(30) == NOISE.samples(30)
    assert board_parts.read_incidents(through_the_store((INCIDENT,))) == (INCIDENT,)
    assert board_parts.read_incidents(through_the_store(())) == ()


class Pair:
    """A worker's publisher and a replica's follower."""

    def __init__(self, store: Store) -> None:
        self.now = float(NOW)
        self.store = store
        self.held: dict[str, Store] = {"cpu": store, "once:noise": store}
        self.board = Board()
        self.metrics = Metrics(CollectorRegistry())
        self.publisher = BoardPublisher(
            self.board,
            self.metrics,
            lambda: groups([CPU]),
            lambda lease: self.held.get(lease),
            lambda: self.now,
        )
        self.seen = Board()
        self.follower = BoardFollower(
            store, self.seen, self.metrics, lambda: {"cpu": CPU}, lambda: self.now
        )

    def exchange(self) -> None:
        self.publisher.run()
        self.follower.run()


@pytest.fixture
def pair(store: Store) -> Pair:
    return Pair(store)


def test_a_replica_follows_all_parts(pair: Pair, records: list[SeriesRecord]) -> None:
    pair.board.publish(shown(records))
    pair.board.publish_forecast(FORECAST)
    pair.board.publish_incidents("cpu", lambda _: (INCIDENT,))
    pair.board.publish_noise(NOISE)
    pair.exchange()
    assert_same(pair.seen.snapshots()["cpu"], shown(records))
    assert_same(pair.seen.forecasts()["cpu"], FORECAST)
    assert pair.seen.incidents() == {"cpu": (INCIDENT,)}
    assert pair.seen.noise() is not None
    versions = pair.store.publications.versions()
    assert versions == dict.fromkeys(("watch/cpu", "forecast/cpu", "incidents/cpu", "noise"), 1)
    pair.board.publish_incidents("cpu", lambda _: (INCIDENT,))  # read again, and the same
    pair.exchange()
    assert pair.store.publications.versions() == versions, "nothing is written twice"
    before = pair.seen.snapshots()["cpu"]
    pair.follower.run()
    assert pair.seen.snapshots()["cpu"] is before


def test_what_is_not_held_is_not_published(pair: Pair, records: list[SeriesRecord]) -> None:
    pair.held = {}
    pair.board.publish(shown(records))
    pair.exchange()
    assert not pair.store.publications.versions() and not pair.seen.snapshots()


def test_a_new_holder_replaces_only_what_it_knows_better(
    pair: Pair, records: list[SeriesRecord]
) -> None:
    pair.board.publish(shown(records))
    pair.exchange()
    other = Pair(pair.store)
    for time, outlook in (
        (NOW, WatchHealth.STARTING),  # what the store held
        (NOW - 60, WatchHealth.FAILING),
        (0, WatchHealth.FAILING),  # of nothing that was known
    ):
        other.board.publish(shown(records, time, outlook=outlook))
        other.publisher.run()
        assert pair.store.publications.versions() == {"watch/cpu": 1}
    other.board.publish(shown(records, NOW, outlook=WatchHealth.FAILING))
    other.publisher.run()
    pair.follower.run()
    assert pair.seen.snapshots()["cpu"].outlook is WatchHealth.FAILING
    other.board.publish(shown(records, NOW - 60))  # the clock was set: it is ours to say by now
    other.publisher.run()
    assert pair.store.publications.versions() == {"watch/cpu": 3}


def test_a_moment_stays_while_time_goes_on(pair: Pair, records: list[SeriesRecord]) -> None:
    pair.board.publish(shown(records))
    pair.exchange()
    tick = NOW * 1000
    first = pair.follower.moment(tick)
    assert first.now == NOW and first.snapshots["cpu"].time == NOW
    for step in range(1, VERSIONS_PER_PART + 3):
        pair.now += 1
        pair.board.publish(shown(records, NOW + step))
        pair.exchange()
    again = pair.follower.moment(tick)
    assert again.now == first.now and again.snapshots["cpu"].time == NOW
    replica = Pair(pair.store).follower  # that has just started
    replica.run()
    assert_same(replica.moment(tick).snapshots["cpu"], first.snapshots["cpu"])
    later = pair.follower.moment(tick + 1)
    assert later.snapshots["cpu"].time == NOW + VERSIONS_PER_PART + 2


def test_old_versions_and_parts_are_removed(pair: Pair, records: list[SeriesRecord]) -> None:
    publications = pair.store.publications
    part = board_parts.encode(shown(records))
    for step in range(5):
        publications.publish("watch/cpu", part, NOW + step * KEEP_SECONDS)
    wanted = {version: bool(publications.read({"watch/cpu": version})) for version in range(1, 6)}
    assert wanted == {1: False, 2: False, 3: True, 4: True, 5: True}
    publications.retain(["noise"])
    assert publications.versions() == {}


def test_the_version_of_one_part(pair: Pair, records: list[SeriesRecord]) -> None:
    publications = pair.store.publications
    assert publications.version("watch/cpu") is None
    publications.publish("watch/cpu", board_parts.encode(shown(records)), NOW)
    publications.publish("noise", board_parts.encode(NOISE), NOW)
    publications.publish("noise", board_parts.encode(NOISE), NOW)
    assert [publications.version(part) for part in ("watch/cpu", "noise", "none")] == [1, 2, None]


def test_a_watch_that_is_not_configured_is_not_shown(
    pair: Pair, records: list[SeriesRecord]
) -> None:
    pair.board.publish(shown(records))
    pair.exchange()
    pair.follower._watches = lambda: {}
    pair.follower.run()
    assert not pair.seen.snapshots()
