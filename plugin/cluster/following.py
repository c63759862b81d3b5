"""Fills the board of a web replica with what workers have published."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from plugin.board import Board, BoardMoment, Forecast, Snapshot
from plugin.cluster import board_parts
from plugin.config import Watch
from plugin.domain.budget import NoiseReport
from plugin.errors import StoreError
from plugin.metrics import Metrics
from plugin.store import Store
from plugin.store.publications import Publication

log = logging.getLogger(__name__)

VERSIONS_PER_PART = 3  # that are kept in memory, for queries with the same `to`


class BoardFollower:
    """Reads what is new, and what queries with one `to` are answered from in all replicas.

    `run` is for one thread at a time, `moment` for any.
    """

    def __init__(
        self,
        store: Store,
        board: Board,
        metrics: Metrics,
        watches: Callable[[], Mapping[str, Watch]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """watches: as configured. clock: unix seconds."""
        self.heartbeat = 0.0  # unix seconds of the latest beat of a worker, as of the last look
        self._store = store
        self._board = board
        self._metrics = metrics
        self._watches = watches
        self._clock = clock
        self._lock = threading.Lock()
        self._versions: dict[str, int] = {}  # on the board, by part
        # By part, then by version, the latest one last.
        self._contents: dict[str, OrderedDict[int, board_parts.Content]] = {}

    def run(self) -> bool:
        """One look. A failure is counted, and False; what is on the board stays."""
        try:
            versions = self._chosen(self._store.publications.versions())
            contents = self._contents_of(versions)
            beats = [process.beat_at for process in self._store.processes.all().values()]
        except StoreError as error:
            self._metrics.publication_failures.labels("follow").inc()
            log.warning("the board is not up to date", extra={"err": str(error)})
            return False
        for part, content in contents.items():
            if self._versions.get(part) != versions[part]:
                self._show(part, content)
        self._versions = versions
        self._board.retain(self._watches())
        self.heartbeat = max([self.heartbeat, *beats])
        self._metrics.followed_time.set(self._clock())
        return True

    def reread(self) -> None:
        """The configuration has changed: everything is read anew at the next look."""
        with self._lock:
            self._contents = {}
        self._versions = {}

    def moment(self, tick: int) -> BoardMoment:
        """What all replicas answer queries with this `to` (milliseconds) from. Where the store
        cannot say it: what is on our board, and the failure is counted."""
        now = self._clock()
        try:
            pin = self._store.publications.pin(tick, now, self.heartbeat)
            contents = self._contents_of(self._chosen(pin.versions))
        except StoreError as error:
            self._metrics.publication_failures.labels("pin").inc()
            log.warning("answered from this replica alone", extra={"err": str(error)})
            board = self._board
            return BoardMoment(now, self.heartbeat, board.snapshots(), board.incidents())
        return BoardMoment(
            pin.now,
            pin.heartbeat,
            {
                content.watch: content
                for content in contents.values()
                if isinstance(content, Snapshot)
            },
            {
                part.removeprefix(board_parts.INCIDENTS): content
                for part, content in contents.items()
                if isinstance(content, tuple)
            },
        )

    def _chosen(self, versions: Mapping[str, int]) -> dict[str, int]:
        """Those parts that are about watches of the configuration."""
        names = board_parts.parts_of(self._watches().values())
        return {part: version for part, version in versions.items() if part in names}

    def _contents_of(self, versions: Mapping[str, int]) -> dict[str, board_parts.Content]:
        """By part; read once. Raises StoreError."""
        with self._lock:
            known = {
                part: self._contents[part][version]
                for part, version in versions.items()
                if version in self._contents.get(part, ())
            }
        unknown = {part: version for part, version in versions.items() if part not in known}
        publications = self._store.publications.read(unknown) if unknown else {}
        contents = {part: self._decode(part, read) for part, read in publications.items()}
        with self._lock:
            for part, content in contents.items():
                of_part = self._contents.setdefault(part, OrderedDict())
                of_part[versions[part]] = content
                while len(of_part) > VERSIONS_PER_PART:
                    del of_part[min(of_part)]
        return {**known, **contents}

    def _decode(self, part: str, publication: Publication) -> board_parts.Content:
        kind, _, name = part.partition("/")
        if part == board_parts.NOISE:
            return board_parts.read_noise(publication)
        if f"{kind}/" == board_parts.INCIDENTS:
            return board_parts.read_incidents(publication)
        if f"{kind}/" == board_parts.FORECAST:
            return board_parts.read_forecast(publication, name)
        labels = self._store.series.labels_of(board_parts.series_ids(publication))
        return board_parts.read_snapshot(publication, self._watches()[name], labels)

    def _show(self, part: str, content: board_parts.Content) -> None:
        if isinstance(content, Snapshot):
            self._board.publish(content)
        elif isinstance(content, Forecast):
            self._board.publish_forecast(content)
        elif isinstance(content, NoiseReport):
            self._board.publish_noise(content)
        else:
            group = part.removeprefix(board_parts.INCIDENTS)
            self._board.publish_incidents(group, lambda _: content)
