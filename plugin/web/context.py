"""What the web application works with. It uses nothing else of the service."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from plugin.board import Board, BoardMoment
from plugin.config import Watch, WebSettings
from plugin.domain.model_decisions import Order, OrderResult
from plugin.maintenance import MaintenanceCalendar
from plugin.metrics import CollectorRegistry, Metrics
from plugin.store import Store
from plugin.web.preview_orders import PreviewDesk


@dataclass(frozen=True)
class WebContext:
    """The parts of the service that the views use; the defaults are those of an empty service."""

    store: Store
    board: Board
    settings: WebSettings
    registry: CollectorRegistry
    config_text: Callable[[], str]  # YAML, secrets masked
    reload: Callable[[], None]  # raises ConfigError
    readiness: Callable[[], str | None]  # None = ready, else the reason
    metrics: Metrics
    # as configured: a watch exists before it is scored
    watches: Callable[[], Mapping[str, Watch]] = lambda: {}
    # unix seconds at which the scheduler was last at work
    heartbeat: Callable[[], float] = time.time
    # by remote write: then /metrics leaves the scores out
    sends_scores: Callable[[], bool] = lambda: False
    shows_board: bool = True  # in /metrics, for which one process has it
    clock: Callable[[], float] = time.time  # unix seconds
    started: float = field(default_factory=time.time)  # unix seconds
    reloaded: Callable[[], float] = lambda: 0.0  # unix seconds of the last reload; 0 = none yet
    reload_refused: Callable[[], bool] = lambda: False  # the last one: what runs is not the file
    maintenance: MaintenanceCalendar | None = None
    # carries out an order about models; one result per series
    order: Callable[[Order], list[OrderResult]] = lambda _: []
    previews: PreviewDesk | None = None  # None = this service makes none
    # What queries with a `to` (milliseconds) see in all replicas; None = what this one sees.
    moment: Callable[[int], BoardMoment] | None = None
