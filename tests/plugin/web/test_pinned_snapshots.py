"""The pins of rules."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from plugin.board import Board
from plugin.config import WebSettings
from plugin.metrics import CollectorRegistry, Metrics
from plugin.store import Store
from plugin.web.context import WebContext
from plugin.web.pinned_snapshots import MAX_PINS, SnapshotPins
from tests.snapshots import snapshot


@pytest.fixture
def context(tmp_path: Path) -> WebContext:
    registry = CollectorRegistry()
    store = Store.open(tmp_path)
    store.close()
    return WebContext(
        store=store,
        board=Board(),
        settings=WebSettings(),
        registry=registry,
        config_text=str,
        reload=lambda: None,
        readiness=lambda: None,
        metrics=Metrics(registry),
        heartbeat=lambda: 5.0,
    )


def test_a_pin_holds_for_thirty_seconds(
    context: WebContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: passed[0])
    pins = SnapshotPins(replace(context, clock=lambda: 100.0 + passed[0]))
    first = pins.at(1)
    context.board.publish(snapshot("web", [], 60))
    passed[0] = 29.9
    assert pins.at(1) is first and "web" in pins.at(2).board and "web" in pins.at(None).board
    assert (first.now, dict(first.board), first.heartbeat) == (100.0, {}, 5.0)
    passed[0] = 30.0
    assert "web" in pins.at(1).board


def test_pins_are_bounded(context: WebContext) -> None:
    pins = SnapshotPins(context)
    first = pins.at(0)
    for tick in range(1, MAX_PINS):
        pins.at(tick)
    assert pins.at(0) is first
    pins.at(MAX_PINS)
    assert pins.at(0) is not first
