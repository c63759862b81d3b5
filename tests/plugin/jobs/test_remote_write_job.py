"""The remote write job on a real store: what it sends when, and what it remembers.

The receiver is a list.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from plugin.config import RemoteWriteSettings, Watch
from plugin.errors import ReceiverRefuses, ReceiverUnavailable, StoreError
from plugin.jobs import remote_write_job
from plugin.jobs.remote_write_job import RemoteWriteJob
from plugin.metrics import Metrics
from plugin.prometheus.remote_write import RemoteSample, SendOutcome
from plugin.prometheus.wire import write_request
from plugin.series import Labels, Tick
from plugin.store import Store
from tests.plugin.prometheus.test_wire import decoded

STEP = 10
NOW = 1_795_000_000
CPU = Watch(name="cpu", query="up", step=STEP, labels={"team": "db"})
NAN = math.nan


class Receiver:
    """Stands where the writer is: keeps the requests, or raises what it is told to."""

    url = "http://receiver"

    def __init__(self) -> None:
        self.requests: list[tuple[int, list[RemoteSample]]] = []
        self.raises: list[Exception] = []
        self.rejects = 0

    def send(self, milliseconds: int, samples: Sequence[RemoteSample]) -> SendOutcome:
        if self.raises:
            raise self.raises.pop(0)
        self.requests.append((milliseconds, list(samples)))
        return SendOutcome(len(samples) - self.rejects, self.rejects, "no" if self.rejects else "")

    def times(self) -> list[int]:
        return [milliseconds // 1000 for milliseconds, _ in self.requests]

    def told(self) -> list[tuple[int, dict[str, str], float]]:
        return [
            (milliseconds, labels, value)
            for milliseconds, samples in self.requests
            for labels, ((_, value),) in decoded(write_request(milliseconds, samples))
        ]


class World:
    """A store, a clock, a receiver and the job between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = float(NOW)
        self.at = 0.0
        self.store = Store.open(folder)
        self.receiver = Receiver()
        self.metrics = Metrics(CollectorRegistry())
        self.job = self.start()

    def start(self, watch: Watch = CPU, **settings: object) -> RemoteWriteJob:
        """As after a restart: only the store remembers."""
        made = RemoteWriteJob(
            RemoteWriteSettings.model_validate({"url": "http://receiver/write", **settings}),
            [watch],
            self.store,
            self.metrics,
            clock=lambda: self.now,
            monotonic=lambda: self.at,
        )
        made._writer.close()
        made._writer = self.receiver  # type: ignore[assignment]
        self.job = made
        return made

    def ids(self, *names: str) -> np.ndarray:
        labels = [Labels.of({"__name__": "node_cpu", "i": name, "team": "x"}) for name in names]
        return np.array([record.id for record in self.store.series.register("cpu", labels, NOW)])

    def tick(self, times: Sequence[int], *names: str, score: float = 0.5, version: int = 1) -> None:
        shape = (len(names), len(times))
        columns = {
            name: np.full(shape, number)
            for name, number in (
                ("value", 1.0),
                ("expected", 2.0),
                ("lower", -math.inf),
                ("upper", 3.0),
                ("score", score),
            )
        }
        if not version:
            columns |= {
                name: np.full(shape, NAN) for name in ("expected", "lower", "upper", "score")
            }
        self.store.write(
            [
                Tick(
                    "cpu",
                    self.ids(*names),
                    np.array(times),
                    model_version=np.full(len(names), version),
                    **columns,
                )
            ],
            "key",
            (times[0], times[-1]),
        )

    def count(self, outcome: str) -> float:
        return float(self.metrics.remote_write_samples.labels(outcome)._value.get())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def test_nothing_is_sent_before_there_is_a_score(world: World) -> None:
    assert (
        world.job.run()
        and world.receiver.requests == []
        and world.store.send_cursors.of("cpu") is None
    )


def test_five_metrics_with_the_labels_of_the_metrics_page(world: World) -> None:
    world.tick([NOW - 5], "a")
    assert world.job.run()
    labels = {
        "watch": "cpu",
        "severity": "ticket",
        "team": "db",
        "label_team": "x",
        "metric_name": "node_cpu",
        "i": "a",
    }
    assert world.receiver.told() == [
        ((NOW - 5) * 1000, {"__name__": f"bandwatch_{name}", **labels}, value)
        for name, value in (
            ("anomaly_score", 0.5),
            ("value", 1.0),
            ("expected", 2.0),
            ("lower", -math.inf),
            ("upper", 3.0),
        )
    ]
    assert world.count("sent") == 5
    assert world.metrics.remote_write_sent_time.labels("cpu")._value.get() == NOW - 5


def test_a_number_that_is_not_known_is_not_sent(world: World) -> None:
    world.tick([NOW - 5], "a", score=NAN)
    world.job.run()
    assert [labels["__name__"] for _, labels, _ in world.receiver.told()] == [
        f"bandwatch_{name}" for name in ("value", "expected", "lower", "upper")
    ]


def test_what_has_not_been_judged_is_not_sent(world: World) -> None:
    world.tick([NOW - 5], "a", version=0)
    assert world.job.run() and world.receiver.requests == []


def test_each_tick_is_sent_once_also_over_a_restart(world: World) -> None:
    world.tick([NOW - 30, NOW - 20], "a", "b")
    world.job.run()
    world.job.run()
    world.start().run()
    assert world.receiver.times() == [NOW - 30, NOW - 20]
    world.tick([NOW - 10], "a", "b")
    world.start().run()
    assert world.receiver.times() == [NOW - 30, NOW - 20, NOW - 10]
    assert world.store.send_cursors.of("cpu") == NOW - 10


def test_never_a_sample_of_the_future(world: World) -> None:
    world.tick(list(range(NOW - 20, NOW + 200, STEP)), "a")
    world.job.run()
    assert world.receiver.times() == [NOW - 20, NOW - 10, NOW]
    world.now += 25
    world.job.run()
    assert world.receiver.times()[3:] == [NOW + 10, NOW + 20]


def test_a_clock_that_is_set_back_sends_nothing_twice(world: World) -> None:
    world.tick([NOW - 10], "a")
    world.job.run()
    world.now -= 3600
    assert world.job.run() and world.store.send_cursors.of("cpu") == NOW - 10
    assert len(world.receiver.requests) == 1


def test_the_first_time_begins_max_age_ago(world: World) -> None:
    world.tick(list(range(NOW - 7200, NOW, STEP)), "a")
    world.job.run()
    assert world.receiver.times()[0] == NOW - 3600 + STEP and world.count("spilled") == 0


def test_what_is_too_old_is_spilled_and_counted(world: World) -> None:
    world.tick([NOW], "a")
    world.job.run()
    world.tick(list(range(NOW + 10, NOW + 7210, 10)), "a")
    world.now = NOW + 7200
    world.job.run()
    assert world.receiver.times()[1] == NOW + 3600 and world.receiver.times()[-1] == NOW + 7200
    assert world.count("spilled") == 5 * 359 and world.count("sent") == 5 * 362


def test_an_outage_of_a_month_is_not_read_in_full(world: World) -> None:
    world.tick([NOW], "a")
    world.job.run()
    world.now = NOW + 30 * 86_400
    world.tick([NOW + 20 * 86_400, NOW + 30 * 86_400 - 7200], "a")
    world.job.run()
    assert world.count("spilled") == 5, "that of two hours ago; nothing of ten days ago"


def test_a_series_that_stops_gets_its_end_and_may_come_back(world: World) -> None:
    world.tick([NOW - 60], "a", "b")
    world.tick([NOW - 50], "b")
    world.job.run()
    world.tick([NOW - 40, NOW - 30, NOW - 20], "b")
    world.start().run()
    ends = [(time, labels["i"]) for time, labels, value in world.receiver.told() if value != value]
    assert ends == [((NOW - 30) * 1000, "a")] * 5
    world.tick([NOW - 10], "a", "b")
    world.start().run()
    assert [
        (labels["i"], value) for time, labels, value in world.receiver.told()[-10:] if value == 1.0
    ] == [("a", 1.0), ("b", 1.0)]
    assert len([1 for *_, value in world.receiver.told() if value != value]) == 5


def test_the_end_is_told_though_no_series_is_left(world: World) -> None:
    world.tick([NOW - 60], "a")
    world.job.run()
    world.store.write(
        [
            Tick(
                "cpu",
                world.ids("a"),
                np.array([NOW - 30]),
                *(np.full((1, 1), NAN),) * 5,
                np.zeros(1, np.int64),
            )
        ],
        "key",
        (NOW - 30, NOW - 30),
    )
    world.job.run()
    assert world.receiver.times() == [NOW - 60, NOW - 30]


def test_batches_and_what_is_done_of_a_tick_after_a_failure(world: World) -> None:
    world.start(batch=4)
    world.tick([NOW - 10], "a", "b")
    world.job.run()
    assert [len(samples) for _, samples in world.receiver.requests] == [4, 4, 2]
    world.receiver.requests.clear()
    world.tick([NOW], "a", "b")
    sent = world.receiver.send

    def fails_at_the_second(milliseconds: int, samples: Sequence[RemoteSample]) -> SendOutcome:
        if len(world.receiver.requests) == 1 and world.at == 0:
            raise ReceiverUnavailable("down")
        return sent(milliseconds, samples)

    world.receiver.send = fails_at_the_second  # type: ignore[method-assign]
    assert not world.job.run() and world.store.send_cursors.of("cpu") == NOW - 10
    world.at = 10
    assert world.job.run() and [len(samples) for _, samples in world.receiver.requests] == [4, 4, 2]
    assert world.count("sent") == 20


def test_many_ticks_are_read_in_pieces(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_write_job, "ROWS_AT_ONCE", 14)
    world.tick(list(range(NOW - 1000, NOW, STEP)), "a", "b")
    world.job.run()
    assert (
        world.receiver.times() == list(range(NOW - 1000, NOW, STEP)) and world.count("sent") == 1000
    )


def test_pauses_grow_after_failures_and_end_with_the_first_success(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    world.tick([NOW], "a")
    pauses = []
    for _ in range(8):
        world.receiver.raises.append(ReceiverUnavailable("down"))
        assert not world.job.run()
        assert not world.job.run() and world.receiver.raises == [], "too early: not asked"
        pauses.append(world.job._resume_at - world.at)
        world.at = world.job._resume_at
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 60]
    assert world.job.run() and world.receiver.times() == [NOW]
    assert [record.message for record in caplog.records] == [
        "remote write failed; what is not sent is kept",
        "remote write works again",
    ]


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (ReceiverUnavailable("busy", 30), 30),
        (ReceiverUnavailable("busy", 3600), 60),
        (ReceiverRefuses("401"), 60),
    ],
)
def test_how_long_a_receiver_is_left_alone(world: World, error: Exception, pause: float) -> None:
    world.tick([NOW], "a")
    world.receiver.raises.append(error)
    assert not world.job.run() and world.job._resume_at == pause


def test_rejected_samples_are_counted_told_and_passed_over(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.tick([NOW], "a")
    world.receiver.rejects = 2
    assert world.job.run() and (world.count("sent"), world.count("rejected")) == (3, 2)
    assert (
        world.store.send_cursors.of("cpu") == NOW
        and "samples rejected by remote write" in caplog.text
    )


def test_a_store_that_fails_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(watch: str) -> None:
        raise StoreError("the disk")

    monkeypatch.setattr(world.store.samples, "scored_until", fails)
    assert (
        not world.job.run()
        and world.metrics.remote_write_failures.labels("store")._value.get() == 1
    )


def test_a_job_that_has_been_closed_ends_quietly(world: World) -> None:
    world.tick([NOW], "a")
    job = RemoteWriteJob(
        RemoteWriteSettings(url="http://127.0.0.1:1/write"),
        [CPU],
        world.store,
        world.metrics,
        clock=lambda: NOW,
    )
    job.close()
    assert not job.run() and world.store.send_cursors.of("cpu") == NOW - 3600
