"""What the web application is given; it reaches for nothing else."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from plugin.board import Board
from plugin.config import Web
from plugin.metrics import CollectorRegistry, Metrics
from plugin.store import Store


@dataclass(frozen=True)
class WebContext:
    store: Store
    board: Board
    settings: Web
    registry: CollectorRegistry
    config_text: Callable[[], str]  # YAML, secrets masked
    reload: Callable[[], None]  # raises ConfigError
    readiness: Callable[[], str | None]  # None = ready, else the reason
    metrics: Metrics
    watches: Callable[[], Collection[str]] = tuple  # configured: they exist before they are scored
