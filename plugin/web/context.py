"""What the web application is given; it reaches for nothing else."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from plugin.board import Board
from plugin.config import Watch, WebSettings
from plugin.domain.model_decisions import Order, OrderResult
from plugin.maintenance import MaintenanceCalendar
from plugin.metrics import CollectorRegistry, Metrics
from plugin.store import Store


@dataclass(frozen=True)
class WebContext:
    store: Store
    board: Board
    settings: WebSettings
    registry: CollectorRegistry
    config_text: Callable[[], str]  # YAML, secrets masked
    reload: Callable[[], None]  # raises ConfigError
    readiness: Callable[[], str | None]  # None = ready, else the reason
    metrics: Metrics
    watches: Callable[[], Mapping[str, Watch]] = (
        dict  # configured: they exist before they are scored
    )
    heartbeat: Callable[[], float] = (
        time.time
    )  # unix seconds at which the scheduler was last seen at work
    sends_scores: Callable[[], bool] = bool  # by remote write: then /metrics leaves them out
    clock: Callable[[], float] = time.time  # unix seconds
    started: float = field(default_factory=time.time)  # unix seconds
    reloaded: Callable[[], float] = float  # unix seconds of the last reload; 0 = none yet
    maintenance: MaintenanceCalendar | None = None
    order: Callable[[Order], list[OrderResult]] = (
        lambda order: []
    )  # carries out what is ordered of models, one per series
