"""What the web asks of previews: it orders one, follows it, and cancels it. The work is done
elsewhere, in a process of its own."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from plugin.config import Watch
from plugin.domain.preview import Preview


class PreviewStage(StrEnum):
    """How far a preview is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class PreviewOrder:
    """One watch, and over how long it is tried."""

    watch: Watch
    seconds: int  # until now


@dataclass(frozen=True)
class PreviewState:
    """What is known of an order."""

    id: str
    order: PreviewOrder
    stage: PreviewStage = PreviewStage.RUNNING
    share: float = 0.0  # that is done, 0 to 1
    preview: Preview | None = None  # once it is done
    error: str = ""  # why it has failed


class PreviewDesk(Protocol):
    """Takes orders, one at a time."""

    def start(self, order: PreviewOrder) -> PreviewState:
        """Begins. Raises PreviewRefused while another one runs."""

    def state(self, preview_id: str) -> PreviewState | None:
        """None = it is not known, or not any more."""

    def cancel(self, preview_id: str) -> PreviewState | None:
        """Ends one that runs; one that is over stays as it is. None = it is not known."""
