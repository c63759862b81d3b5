"""A store, and what is known of maintenance beside it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from plugin.config import MaintenanceSettings as Settings
from plugin.maintenance import MaintenanceCalendar
from plugin.metrics import CollectorRegistry, Metrics
from plugin.store import Store

NOW = 1_795_219_200  # 2026-11-21T00:00:00Z


@dataclass
class Place:
    """One store with a clock that tests set; `made` may be called again, as after a restart."""

    store: Store
    now: int = NOW
    metrics: Metrics = field(default_factory=lambda: Metrics(CollectorRegistry()))

    def made(self, **settings: Any) -> MaintenanceCalendar:
        return MaintenanceCalendar(
            Settings.model_validate(settings),
            self.store,
            self.metrics,
            clock=lambda: float(self.now),
        )

    def failures(self, source: str, reason: str) -> float:
        return float(self.metrics.maintenance_failures.labels(source, reason)._value.get())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    store = Store.open(tmp_path / "store")
    yield Place(store)
    store.close()


@pytest.fixture
def calendar(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of events, each given by its lines."""

    def write(*events: str, name: str = "plan.ics", head: str = "") -> Path:
        body = "".join(
            f"BEGIN:VEVENT\nDTSTAMP:20260101T000000Z\n{event}\nEND:VEVENT\n" for event in events
        )
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//EN\n{head}{body}END:VCALENDAR\n"
        path.write_bytes(text.replace("\n", "\r\n").encode())
        return path

    return write
