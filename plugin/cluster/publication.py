"""Publishes what is on the board of a worker. Each part is written under a lease, so that a worker
that was asleep replaces nothing."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from plugin.board import Board, Snapshot, WatchHealth
from plugin.cluster import board_parts
from plugin.config.groups import Group
from plugin.errors import Fenced, StoreError
from plugin.metrics import Metrics
from plugin.store import Store

log = logging.getLogger(__name__)

NOISE_LEASE = "once:noise"


class BoardPart(NamedTuple):
    """Something that is on the board, and the lease under which it is published."""

    name: str
    lease: str
    content: board_parts.Content


class BoardPublisher:
    """Writes the parts of a board that are new. `run` is for one thread at a time."""

    def __init__(
        self,
        board: Board,
        metrics: Metrics,
        watched_groups: Callable[[], Mapping[str, Group]],
        store_of: Callable[[str], Store | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """watched_groups: of the watches that this worker holds, by their names. store_of: the
        store under a lease; None = we do not hold it. clock: unix seconds."""
        self._board = board
        self._metrics = metrics
        self._groups = watched_groups
        self._store_of = store_of
        self._clock = clock
        self._published: dict[str, tuple[Store, board_parts.Content]] = {}  # by part
        # By part: the version that was published before us, and up to when it was scored.
        self._earlier: dict[str, tuple[int, int]] = {}
        self._failing = False

    def run(self) -> None:
        """A part that cannot be written is tried again at the next run."""
        names = set()
        try:
            for part in self._parts():
                names.add(part.name)
                store = self._store_of(part.lease)
                if store is not None:
                    self._update(store, part)
        except Fenced:
            return  # the rest of them next time: by then we know what we hold
        except StoreError as error:
            self._fail(error)
            return
        for name in self._published.keys() - names:
            del self._published[name]
        self._failing = False

    def _update(self, store: Store, part: BoardPart) -> None:
        """Writes a part, unless it is written already, by us and under the same lease."""
        last_store, last_content = self._published.get(part.name, (None, None))
        if last_store is store and _is_same(last_content, part.content):
            return
        if last_store is store or not self._is_older(store, part):
            publication = board_parts.encode(part.content)
            store.publications.publish(part.name, publication, int(self._clock()))
            self._published[part.name] = store, part.content

    def _is_older(self, store: Store, part: BoardPart) -> bool:
        """Whether the last worker has published more than we have read from the store when we took
        over. What it says stays until we have scored the watch, too."""
        if not isinstance(part.content, Snapshot):
            return False
        version = store.publications.version(part.name)
        if version is None:
            return False
        if self._earlier.get(part.name, (0, 0))[0] != version:
            earlier = store.publications.read({part.name: version})
            scored_until = earlier[part.name].facts["time"] if part.name in earlier else 0
            self._earlier[part.name] = version, scored_until
        seconds = part.content.time - self._earlier[part.name][1]
        return seconds < 0 or (seconds == 0 and part.content.outlook is WatchHealth.STARTING)

    def _fail(self, error: StoreError) -> None:
        self._metrics.publication_failures.labels("publish").inc()
        if not self._failing:
            log.error("the board is not published", extra={"err": str(error)})
        self._failing = True

    def _parts(self) -> Iterator[BoardPart]:
        watched_groups = self._groups()
        forecasts = self._board.forecasts()
        for watch, snapshot in self._board.snapshots().items():
            if watch in watched_groups:
                yield BoardPart(board_parts.SNAPSHOT + watch, watch, snapshot)
                if watch in forecasts:
                    yield BoardPart(board_parts.FORECAST + watch, watch, forecasts[watch])
        for watch, group in watched_groups.items():
            if watch == group.watches[0]:  # one for all: else an older reading may come later
                yield from self._incidents(group)
        noise = self._board.noise()
        if noise is not None:
            yield BoardPart(board_parts.NOISE, NOISE_LEASE, noise)

    def _incidents(self, group: Group) -> Iterator[BoardPart]:
        lease = group.watches[0]
        on_board = self._board.incidents().get(group.name)
        store = self._store_of(lease)
        if store is not None and len(group.watches) > 1:  # other workers add to them
            on_board = store.incidents.open(group.name)
        if on_board is not None:
            yield BoardPart(board_parts.INCIDENTS + group.name, lease, on_board)


def _is_same(one: board_parts.Content | None, other: board_parts.Content) -> bool:
    """Incidents are read anew at each tick; of all else a board holds another object when it is
    another one."""
    return one is other or (isinstance(one, tuple) and one == other)
