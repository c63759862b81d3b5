"""Previews that are ordered: in a process of its own, one at a time, cancelled, counted."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.components import Components
from plugin.config import Config, PrometheusSettings, StoreSettings, Watch
from plugin.domain.times import DAY
from plugin.errors import PreviewRefused
from plugin.preview.orders import PreviewOrders
from plugin.series import FloatArray, IntArray
from plugin.web.preview_orders import PreviewOrder, PreviewStage, PreviewState
from tests.computed_source import ComputedSeries, ComputedSource

NOW = 1_795_219_200
STEP = 1800
OUTSIDE = range(NOW - DAY, NOW - DAY + 8 * STEP)
PATIENCE_SECONDS = 300.0  # far above what it takes, for busy machines


def load(times: IntArray) -> FloatArray:
    calm = 10 + np.sin(2 * np.pi * times / DAY) + 0.1 * np.sin(times.astype(float))
    return np.where(np.isin(times, np.array(OUTSIDE)), calm + 20, calm)


@pytest.fixture
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PreviewOrders]:
    (tmp_path / "previews").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "previews"))
    source = ComputedSource({"load": (ComputedSeries({"job": "a"}, load),)}).serve()
    config = Config(
        prometheus=PrometheusSettings(url=source.url, retries=0),
        watches=(Watch(name="other", query="load"),),
        store=StoreSettings(path=str(tmp_path / "store")),
    )
    parts = Components(config, clock=lambda: float(NOW))
    desk = PreviewOrders(parts, parts.clock)
    yield desk
    desk.close()
    parts.close()
    source.close()
    assert list((tmp_path / "previews").iterdir()) == []


def order(query: str = "load") -> PreviewOrder:
    watch = Watch(name="w", query=query, step=STEP, detector="baseline", fit_window=10 * DAY)
    return PreviewOrder(watch, 2 * DAY)


def ended(desk: PreviewOrders, state: PreviewState) -> PreviewState:
    """The state once it does not run any more."""
    return until(desk, state, lambda now: now.stage is not PreviewStage.RUNNING)


def until(
    desk: PreviewOrders, state: PreviewState, condition: Callable[[PreviewState], bool]
) -> PreviewState:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        now = desk.state(state.id)
        assert now is not None
        if condition(now):
            return now
        time.sleep(0.02)
    raise AssertionError(f"still {desk.state(state.id)}")


def count(desk: PreviewOrders, outcome: str) -> float:
    return float(desk._parts.metrics.previews.labels(outcome)._value.get())


def test_an_order_is_carried_out(orders: PreviewOrders) -> None:
    state = orders.start(order())
    with pytest.raises(PreviewRefused, match="runs already"):
        orders.start(order())
    done = ended(orders, state)
    assert (done.stage, done.error, done.share) == (PreviewStage.DONE, "", 1.0)
    assert done.preview is not None
    [alarm] = done.preview.alarms
    assert (alarm.alarm.start, alarm.alarm.end) == (OUTSIDE[0], OUTSIDE[-1] // STEP * STEP)
    assert [str(series.labels) for series in done.preview.bands] == ['{job="a"}']
    assert count(orders, "done") == 1


def test_an_order_is_cancelled(orders: PreviewOrders) -> None:
    state = orders.start(order())
    cancelled = orders.cancel(state.id)
    assert cancelled is not None and cancelled.stage is PreviewStage.CANCELLED
    assert ended(orders, state).preview is None
    assert count(orders, "cancelled") == 1
    assert orders.cancel("unknown") is None


def test_why_an_order_fails_is_told_and_counted(orders: PreviewOrders) -> None:
    failed = ended(orders, orders.start(order("no_such_metric")))
    assert failed.stage is PreviewStage.FAILED
    assert failed.error.startswith("the query has no series in this time")
    assert count(orders, "failed") == 1


def test_an_order_that_takes_too_long_is_ended(
    orders: PreviewOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugin.preview.orders.MAX_SECONDS", 0.2)
    failed = ended(orders, orders.start(order()))
    assert failed.error.startswith("it took more than 0 s: try a shorter time")
    assert count(orders, "too_slow") == 1


def test_only_the_last_states_are_remembered(
    orders: PreviewOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugin.preview.orders.MAX_STATES", 1)
    first = orders.start(order())
    orders.cancel(first.id)
    second = orders.start(order())
    assert orders.state(first.id) is None
    orders.cancel(second.id)
