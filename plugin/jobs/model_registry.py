"""Who is who in one watch: its series, their champions, and the models that wait to be taken up.

The fit job and the score job run in threads of their own and share one roster.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from plugin.series import IntArray, Series, SeriesRecord, SeriesState
from plugin.store import ModelRecord, Store


class ModelRegistry:
    """The living series of one watch, kept in memory; those that have aged out are left to the
    store."""

    def __init__(self, store: Store, watch: str) -> None:
        self.watch = watch
        self._store = store
        self._lock = threading.Lock()
        self.deciding = (
            threading.Lock()
        )  # held by whoever reads a champion, decides, and writes what follows
        self.reload()

    def reload(self) -> None:
        """Starts anew from what the store holds."""
        with self._lock:
            living = [
                record
                for record in self._store.series(self.watch)
                if record.state is not SeriesState.GONE
            ]
            self._records = {record.labels: record for record in living}
            ids = {record.id for record in living}
            models = self._store.champions(self.watch)
            self._champions = {model.series_id: model for model in models if model.series_id in ids}
            self._waiting: dict[int, ModelRecord] = {}

    def identify(self, series: Sequence[Series]) -> IntArray:
        """[S] ids in the order given; a new series is registered, one that had aged out is welcomed
        back."""
        with self._lock:
            unknown = [each for each in series if each.labels not in self._records]
            if unknown:
                newest = max(int(each.times[-1]) for each in unknown)
                self._welcome(
                    self._store.register(self.watch, [each.labels for each in unknown], newest)
                )
            for each in series:
                record = self._records[each.labels]
                if each.times[0] < record.first_seen:
                    self._records[each.labels] = replace(record, first_seen=int(each.times[0]))
            return np.array([self._records[each.labels].id for each in series], np.int64)

    def _welcome(self, records: Sequence[SeriesRecord]) -> None:
        self._records.update((record.labels, record) for record in records)
        back = {record.id for record in records if record.state is SeriesState.GONE}
        if back:
            models = {
                model.series_id: model
                for model in self._store.champions(self.watch)
                if model.series_id in back
            }
            self._champions.update(models)
            self._waiting.update(models)

    def records(self) -> list[SeriesRecord]:
        """In the order of their ids."""
        with self._lock:
            return sorted(self._records.values(), key=lambda record: record.id)

    def see(self, records: Iterable[SeriesRecord]) -> list[int]:
        """Keeps what the score job has learnt: last_seen and state.

        Returns the ids that have just aged out.
        """
        changed: dict[SeriesState, list[int]] = {}
        gone: list[int] = []
        with self._lock:
            for record in records:
                known = self._records[record.labels]
                if known.state != record.state:
                    changed.setdefault(record.state, []).append(record.id)
                if (
                    known.first_seen < record.first_seen
                ):  # the fit job has found older samples meanwhile
                    record = replace(record, first_seen=known.first_seen)
                self._records[record.labels] = record
                if record.state is SeriesState.GONE:
                    gone.append(record.id)
                    del self._records[record.labels]
                    self._champions.pop(record.id, None)
                    self._waiting.pop(record.id, None)
        for state, ids in changed.items():
            self._store.mark(ids, state)
        return gone

    def champions(self) -> dict[int, ModelRecord]:
        """The champion of each series that has one."""
        with self._lock:
            return dict(self._champions)

    def promote(self, models: Iterable[ModelRecord]) -> None:
        """New champions: the score job takes them up before its next tick."""
        with self._lock:
            for model in models:
                self._champions[model.series_id] = self._waiting[model.series_id] = model

    def retire(self, models: Iterable[ModelRecord]) -> None:
        """Forgets champions that cannot be used, so that the fit job sees to their series."""
        with self._lock:
            for model in models:
                reigning = self._champions.get(model.series_id)
                if reigning is not None and reigning.version == model.version:
                    del self._champions[model.series_id]

    def keep(self, models: Iterable[ModelRecord]) -> None:
        """The champions that reign, in another manner (checked, pinned): nothing is to be taken
        up."""
        with self._lock:
            for model in models:
                reigning = self._champions.get(model.series_id)
                if reigning is not None and reigning.version == model.version:
                    self._champions[model.series_id] = model

    def take_waiting(self) -> list[ModelRecord]:
        """The champions crowned since the last call."""
        with self._lock:
            waiting = list(self._waiting.values())
            self._waiting = {}
            return waiting
