"""What one tick of a rule is answered from, so that all of its queries agree."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from plugin.board import Snapshot
from plugin.config import Watch
from plugin.domain.incidents import Incident
from plugin.web.context import WebContext

PIN_SECONDS = 30.0
MAX_PINS = 64

Snapshots = Mapping[str, Snapshot]


@dataclass(frozen=True)
class PinnedSnapshot:
    """Everything that was known at one time."""

    now: float  # unix seconds
    board: Snapshots
    watches: Mapping[str, Watch]  # as configured
    heartbeat: float  # unix seconds
    # open ones, by the name of their group
    incidents: Mapping[str, Sequence[Incident]] = field(default_factory=dict)

    @classmethod
    def of(cls, context: WebContext) -> "PinnedSnapshot":
        return cls(
            context.clock(),
            context.board.snapshots(),
            context.watches(),
            context.heartbeat(),
            context.board.incidents(),
        )

    @classmethod
    def at(cls, context: WebContext, tick: int) -> "PinnedSnapshot":
        """For queries with this `to`, milliseconds."""
        if context.moment is None:
            return cls.of(context)
        moment = context.moment(tick)
        return cls(
            moment.now, moment.snapshots, context.watches(), moment.heartbeat, moment.incidents
        )


class SnapshotPins:
    """The queries of one alert rule have the same `to`, and are answered from the same
    snapshot."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._pinned: dict[int, tuple[float, PinnedSnapshot]] = {}

    def at(self, tick: int | None) -> PinnedSnapshot:
        """What the first request with this `to` saw, for 30 s; the present without `to`."""
        if tick is None:
            return PinnedSnapshot.of(self._context)
        with self._lock:
            now = time.monotonic()
            self._pinned = {
                key: pin for key, pin in self._pinned.items() if pin[0] > now - PIN_SECONDS
            }
            while len(self._pinned) >= MAX_PINS and tick not in self._pinned:
                self._pinned.pop(next(iter(self._pinned)))
            if tick not in self._pinned:
                self._pinned[tick] = now, PinnedSnapshot.at(self._context, tick)
            return self._pinned[tick][1]
