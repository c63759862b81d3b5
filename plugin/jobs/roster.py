"""Who is who in one watch: its series, their champions, and the models that wait to be taken up.

The fit job and the score job run in threads of their own and share one roster.
"""

import threading
from collections.abc import Iterable, Sequence

import numpy as np

from plugin.series import IntArray, Labels, SeriesRecord, SeriesState
from plugin.store import ModelRecord, Store


class Roster:
    """The series of one watch as the store knows them, kept in memory."""

    def __init__(self, store: Store, watch: str) -> None:
        self.watch, self._store = watch, store
        self._lock = threading.Lock()
        self._records = {record.labels: record for record in store.series(watch)}
        self._champions = {model.series_id: model for model in store.champions(watch)}
        self._waiting: dict[int, ModelRecord] = {}

    def identify(self, labels: Sequence[Labels], now: int) -> IntArray:
        """[S] ids in the order given; a new series is registered, one that was gone has its champion taken up again."""
        with self._lock:
            for record in (self._records[each] for each in labels if each in self._records):
                if record.state is SeriesState.GONE and record.id in self._champions:
                    self._waiting[record.id] = self._champions[record.id]
            unknown = [each for each in labels if each not in self._records]
            if unknown:
                for record in self._store.register(self.watch, unknown, now):
                    self._records[record.labels] = record
            return np.array([self._records[each].id for each in labels], np.int64)

    def records(self) -> list[SeriesRecord]:
        """All series in the order of their ids, the gone ones too."""
        with self._lock:
            return sorted(self._records.values(), key=lambda record: record.id)

    def see(self, records: Iterable[SeriesRecord]) -> list[int]:
        """Keeps what the score job has learnt: last_seen and state. Returns the ids that have just aged out."""
        with self._lock:
            changed: dict[SeriesState, list[int]] = {}
            for record in records:
                if self._records[record.labels].state != record.state:
                    changed.setdefault(record.state, []).append(record.id)
                self._records[record.labels] = record
        for state, ids in changed.items():
            self._store.mark(ids, state)
        return changed.get(SeriesState.GONE, [])

    def champions(self) -> dict[int, ModelRecord]:
        """The champion of each series that has one."""
        with self._lock:
            return dict(self._champions)

    def crown(self, models: Iterable[ModelRecord]) -> None:
        """New champions: the score job takes them up before its next tick."""
        with self._lock:
            for model in models:
                self._champions[model.series_id] = self._waiting[model.series_id] = model

    def take_waiting(self) -> list[ModelRecord]:
        with self._lock:
            waiting, self._waiting = list(self._waiting.values()), {}
            return waiting
