"""Samples that are there already stand in for a Prometheus."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.config import Config, PrometheusSettings, Watch
from plugin.domain.times import DAY
from plugin.errors import BandwatchError
from plugin.jobs.watch_history import query_key
from plugin.preview.recorded_samples import ArrayReader, StoredReader, stored_past
from plugin.series import Labels, Series
from plugin.store import Store

STEP = 600
START = 1_795_219_200
COUNT = 144
LABELS = [Labels.of({"job": name}) for name in ("a", "b")]
WATCH = Watch(name="web", query="up", step=STEP)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A day of two series, of which one has a gap."""
    opened = Store.open(tmp_path)
    ids = np.array([record.id for record in opened.series.register("web", LABELS, START)])
    times = START + STEP * np.arange(COUNT)
    values = np.arange(2.0 * COUNT).reshape(2, COUNT)
    values[1, 10:20] = np.nan
    opened.record_history(
        "web", query_key(WATCH), ids, times, values, (int(times[0]), int(times[-1]))
    )
    opened.source_holes.add("web", START + 5, START + 60)
    yield opened
    opened.close()


def config(watch: Watch) -> Config:
    return Config(prometheus=PrometheusSettings(url="http://localhost:9090"), watches=(watch,))


def test_a_store_answers_for_its_watches(store: Store) -> None:
    reader = StoredReader(store, [WATCH])
    answer = reader.range("up", START + 9 * STEP, START + 12 * STEP, STEP, max_series=10)
    first, second = answer.series
    assert (str(first.labels), first.values.tolist()) == ('{job="a"}', [9.0, 10.0, 11.0, 12.0])
    assert second.times.tolist() == [START + 9 * STEP]
    assert reader.range("other", START, START + STEP, STEP, max_series=10).series == []


def test_what_a_store_knows_besides(store: Store) -> None:
    extras = stored_past(store, config(WATCH), START + COUNT * STEP)
    assert extras.holes == (("web", START + 5, START + 60),)
    assert extras.windows == ()


@pytest.mark.parametrize("changes", [{"query": "other"}, {"step": 300}, {"name": "db"}])
def test_a_store_that_knows_nothing_of_a_query_is_refused(
    store: Store, changes: dict[str, object]
) -> None:
    watch = WATCH.model_copy(update=changes)
    with pytest.raises(BandwatchError, match="holds no sample of the query and the step of watch"):
        stored_past(store, config(watch), START + DAY)


def test_arrays_answer_what_lies_in_a_range() -> None:
    times = START + STEP * np.arange(5)
    reader = ArrayReader({"up": [Series(LABELS[0], times, np.arange(5.0))]})
    [series] = reader.range("up", START + STEP, START + 3 * STEP, STEP, max_series=1).series
    assert series.values.tolist() == [1.0, 2.0, 3.0]
    assert reader.range("up", START + 9 * STEP, START + 9 * STEP, STEP, max_series=1).series == []
