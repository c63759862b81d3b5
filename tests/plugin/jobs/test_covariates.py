"""Covariates of a watch: who belongs to whom, what the store keeps of them, what goes wrong with
them."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from detectors.api import DetectorError
from detectors.baseline import Baseline
from detectors.lstm import LSTM
from detectors.registry import detector_named, detector_names, from_spec, to_spec
from plugin.config import Watch
from plugin.config.watch_constraints import DETECTORS_WITHOUT_COVARIATES
from plugin.errors import PrometheusUnavailable
from plugin.grid import Grid
from plugin.jobs.covariates import Covariates, channels, matches, queries_of, spec_with
from plugin.jobs.model_registry import ModelRegistry
from plugin.jobs.watch_context import WatchContext
from plugin.metrics import Metrics
from plugin.prometheus.reader import QueryResult
from plugin.series import Labels, Series, covariate_watch
from plugin.store import Store

STEP = 60
START = 600
GRID = Grid(START, STEP, 3)
WATCH = Watch(name="w", query="x", detector="lstm", step=STEP, covariates=("a", "b"))
SPEC = spec_with(LSTM(), WATCH.covariates)


def labels(**pairs: str) -> Labels:
    return Labels.of(pairs)


class Reader:
    """Answers each query with what it was told to, at every step; remembers what it was asked
    for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int]] = []
        self.answers: dict[str, Callable[[], Sequence[tuple[Labels, Sequence[float]]]]] = {}

    def range(
        self, query: str, start: int, end: int, step: int, *, max_series: int, probe_time: int
    ) -> QueryResult:
        self.asked.append((query, start, end))
        times = np.arange(start, end + step, step)
        found = []
        for name, values in self.answers[query]():
            there = np.isfinite(values)
            found.append(Series(name, times[there], np.array(values, float)[there]))
        return QueryResult(found, (), 1, 0.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def reader() -> Any:
    made = Reader()
    made.answers = {
        "a": lambda: [(labels(region="eu"), [1, 2, 3]), (labels(region="us"), [4, np.nan, 6])],
        "b": lambda: [(labels(), [7, 8, 9])],
    }
    return made


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry())


def ids(store: Store, *series: Labels) -> "np.ndarray[Any, np.dtype[np.int64]]":
    return np.array([record.id for record in store.series.register("w", series, START)])


def context(store: Store, reader: Any, metrics: Metrics) -> WatchContext:
    return WatchContext(WATCH, store, reader, metrics, ModelRegistry(store, WATCH.name))


def failures(metrics: Metrics, reason: str) -> float:
    return float(metrics.covariate_failures.labels("w", reason)._value.get())


@pytest.mark.parametrize(
    ("series", "covariates", "expected"),
    [
        (
            labels(__name__="x", job="a"),
            [labels(__name__="y", job="a"), labels(__name__="y", job="b")],
            (0,),
        ),
        (labels(job="a", instance="1"), [labels(job="a")], (0,)),
        (labels(job="a"), [labels(job="a", instance="1"), labels(job="a", instance="2")], (0, 1)),
        (labels(job="a"), [labels()], (0,)),
        (labels(job="a"), [labels(region="eu"), labels(job="b")], (0,)),
        (labels(job="a"), [], ()),
    ],
)
def test_a_covariate_belongs_to_a_series_when_all_labels_that_both_have_agree(
    series: Labels, covariates: list[Labels], expected: tuple[int, ...]
) -> None:
    assert matches([series], covariates) == [expected]


def test_each_series_gets_its_own_channels(store: Store, reader: Any, metrics: Metrics) -> None:
    found = ids(
        store, labels(region="us", n="1"), labels(region="eu", n="2"), labels(region="asia")
    )
    assert Covariates(context(store, reader, metrics)).load(START, START + 2 * STEP)
    given = channels(store, "w", SPEC, found, GRID)
    nan = np.nan
    np.testing.assert_array_equal(given.values[:, 0], [[4, nan, 6], [1, 2, 3], [nan, nan, nan]])
    np.testing.assert_array_equal(given.values[:, 1], [[7, 8, 9]] * 3)
    assert set(given.ambiguous.values()) == {0}
    assert channels(store, "w", to_spec(LSTM()), found, Grid(START, STEP, 1)).values.shape == (
        3,
        0,
        1,
    )


def test_a_sample_is_asked_for_once(store: Store, reader: Any, metrics: Metrics) -> None:
    covariates = Covariates(context(store, reader, metrics))
    covariates.load(START, START + 2 * STEP)
    covariates.load(START, START + 2 * STEP)
    reader.answers = {"a": lambda: [(labels(region="eu"), [5])], "b": list}
    covariates.load(START, START + 3 * STEP)
    first = (START, START + 2 * STEP)
    new = (START + 3 * STEP, START + 3 * STEP)
    assert reader.asked == [("a", *first), ("b", *first), ("a", *new), ("b", *new)]


def test_where_several_have_a_value_there_is_none(
    store: Store, reader: Any, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    """One that takes the place of another, as a new pod does, is no conflict."""
    found = ids(store, labels(job="a"), labels(job="b"))
    pods = {
        ("a", "1"): [1, 2, np.nan],
        ("a", "2"): [np.nan, 5, 6],
        ("b", "3"): [7, np.nan, np.nan],
        ("b", "4"): [np.nan, 8, 9],
    }
    reader.answers["a"] = lambda: [
        (labels(job=job, pod=pod), values) for (job, pod), values in pods.items()
    ]
    covariates = Covariates(context(store, reader, metrics))
    covariates.load(START, START + 2 * STEP)
    given = channels(store, "w", SPEC, found, GRID)
    np.testing.assert_array_equal(given.values[:, 0], [[1, np.nan, 6], [7, 8, 9]])
    for _ in range(2):
        covariates.count_ambiguous(given.ambiguous)
    assert failures(metrics, "ambiguous") == 2
    assert [record.message for record in caplog.records] == ["covariate missing"]


def test_one_that_fails_is_missing_and_the_others_are_not(
    store: Store, reader: Any, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    def down() -> list[Any]:
        raise PrometheusUnavailable("no answer")

    caplog.set_level("INFO")
    found = ids(store, labels(region="eu"))
    good = reader.answers["a"]
    covariates = Covariates(context(store, reader, metrics))
    reader.answers["a"] = down
    for _ in range(2):
        assert not covariates.load(START, START + 2 * STEP)
    given = channels(store, "w", SPEC, found, GRID).values
    assert np.isnan(given[:, 0]).all() and np.isfinite(given[:, 1]).all()
    assert failures(metrics, "unavailable") == 2
    reader.answers["a"] = good
    assert covariates.load(START, START + 2 * STEP)
    assert np.isfinite(channels(store, "w", SPEC, found, GRID).values).all()
    assert [record.message for record in caplog.records] == [
        "covariate missing",
        "covariate is back",
    ]


def test_none_waits_for_one_that_takes_too_long(
    store: Store, reader: Any, metrics: Metrics
) -> None:
    covariates = Covariates(context(store, reader, metrics))
    assert not covariates.load(START, START + 2 * STEP, limit_seconds=0)
    assert reader.asked == [] and failures(metrics, "late") == 2
    assert covariates.load(START, START + 2 * STEP)


def test_the_spec_of_a_model_names_its_covariates() -> None:
    assert queries_of(SPEC) == ("a", "b") and queries_of(to_spec(LSTM())) == ()
    assert from_spec(SPEC) == LSTM() and json.loads(SPEC)["name"] == "lstm"
    assert SPEC != spec_with(LSTM(), ("b", "a")) and spec_with(LSTM(), ()) == to_spec(LSTM())
    with pytest.raises(DetectorError, match="`baseline` takes no covariates: choose"):
        spec_with(Baseline(), ("a",))


def test_they_expire_with_their_samples(store: Store, reader: Any, metrics: Metrics) -> None:
    Covariates(context(store, reader, metrics)).load(START, START + 2 * STEP)
    own = ids(store, labels(n="1"))
    assert len(store.series.of(covariate_watch("w", "a"))) == 2
    store.expire(START + 10**6, retention=10**6 - 3 * STEP, versions=1)
    assert (
        store.series.of(covariate_watch("w", "a")) == []
        and [record.id for record in store.series.of("w")] == own.tolist()
    )


def test_the_configuration_knows_which_of_our_detectors_take_none() -> None:
    names = {name for name in detector_names() if not detector_named(name, {}).takes_covariates}
    assert names == set(DETECTORS_WITHOUT_COVARIATES)
