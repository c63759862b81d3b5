"""A store and a board with three series of one watch and one of another, and the application over
them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from plugin import config
from plugin.board import Board
from plugin.config import Watch, WebSettings
from plugin.domain.model_decisions import Order, OrderResult
from plugin.errors import ConfigError
from plugin.maintenance import MaintenanceCalendar
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import Labels, SeriesState, Tick
from plugin.store import Store
from plugin.web.application import create_app
from plugin.web.context import WebContext
from plugin.web.preview_orders import PreviewDesk
from tests.snapshots import snapshot

# 2026-11-21T00:00:00Z
START = 1_795_219_200
STEP = 60
LENGTH = 10
END = START + (LENGTH - 1) * STEP
API = {"__name__": "requests", "job": "api", "instance": "a:9100", "code": "500"}
OTHER = {"__name__": "requests", "job": "api", "instance": "b:9100"}
CLASH = {"job": "db", "value": "v", "label_value": "w", "alertname": "x", "severity": "low"}


@dataclass
class Service:
    """What stands around the application, with the switches that tests turn."""

    store: Store
    board: Board
    settings: WebSettings = WebSettings()
    unready: str | None = None
    bad_config: str | None = None
    reloads: int = 0
    started: float = field(default_factory=time.time)
    clock: Callable[[], float] = time.time
    planned: config.MaintenanceSettings = config.MaintenanceSettings()
    reloaded: float = 0.0  # unix seconds
    order: Callable[[Order], list[OrderResult]] = lambda order: []
    previews: PreviewDesk | None = None
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def reload(self) -> None:
        if self.bad_config is not None:
            raise ConfigError(self.bad_config)
        self.reloads += 1

    def app(self, **settings: Any) -> Flask:
        registry = CollectorRegistry()
        metrics = Metrics(registry)
        return create_app(
            WebContext(
                store=self.store,
                board=self.board,
                settings=self.settings.model_copy(update=settings),
                registry=registry,
                config_text=lambda: "prometheus: {url: http://p}\n",
                reload=self.reload,
                readiness=lambda: self.unready,
                metrics=metrics,
                watches=self.watches,
                clock=self.clock,
                maintenance=MaintenanceCalendar(
                    self.planned, self.store, metrics, clock=self.clock
                ),
                started=self.started,
                reloaded=lambda: self.reloaded,
                order=self.order,
                previews=self.previews,
            )
        )

    def watches(self) -> dict[str, Watch]:
        """Those on the board, and one that has not been scored yet."""
        scored = {name: shown.settings for name, shown in self.board.snapshots().items()}
        return {**scored, "young": Watch(name="young", query="up")}

    def change(self, **columns: Any) -> None:
        """Publishes the snapshot of `web` with other columns."""
        self.board.publish(replace(self.board.snapshots()["web"], **columns))


def fill(
    store: Store, board: Board, watch: str, labels: list[dict[str, str]], own: dict[str, str]
) -> None:
    """Ten samples per series: values 0..9 in a band of 4 ± 5, the last one of the first series far
    above it."""
    records = store.series.register(watch, [Labels.of(each) for each in labels], START)
    ids = np.array([record.id for record in records])
    value = np.tile(np.arange(LENGTH, dtype=float), (len(ids), 1))
    value[0, -1] = 24.0
    flat = np.ones_like(value)
    tick = Tick(
        watch=watch,
        ids=ids,
        times=START + STEP * np.arange(LENGTH),
        value=value,
        expected=4 * flat,
        lower=-1 * flat,
        upper=9 * flat,
        score=np.abs(value - 4) / 5,
        model_version=np.ones(len(ids), int),
    )
    store.write([tick], "query", (START, END))
    states = [SeriesState.OK] * len(ids)
    board.publish(
        snapshot(
            Watch(name=watch, query="up", labels=own, learn_for=0),
            [replace(record, state=state) for record, state in zip(records, states, strict=True)],
            END,
            value=value[:, -1],
            expected=4 * flat[:, -1],
            lower=-1 * flat[:, -1],
            upper=9 * flat[:, -1],
            score=tick.score[:, -1],
            alert_score=tick.score[:, -1],
        )
    )


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    store = Store.open(tmp_path)
    board = Board()
    fill(store, board, "web", [API, OTHER, CLASH], {"severity": "page"})
    fill(store, board, "node", [{"__name__": "load", "instance": "a:9100"}], {})
    yield Service(store, board)
    store.close()


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return service.app().test_client()
