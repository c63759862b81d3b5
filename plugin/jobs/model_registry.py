"""The series of one watch, their champions, and the champions that wait to be loaded.

The fit job and the score job run in threads of their own and share one registry.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from operator import attrgetter

import numpy as np

from plugin.series import IntArray, Series, SeriesRecord, SeriesState
from plugin.store import ModelRecord, Store


class ModelRegistry:
    """The series of one watch, kept in memory; only the store knows those that have aged out."""

    def __init__(self, store: Store, watch: str) -> None:
        self.watch = watch
        self._store = store
        self._lock = threading.Lock()
        # Held from reading a champion over the decision about it until both are written.
        self.deciding = threading.Lock()
        self.reload()

    def reload(self) -> None:
        """Starts anew from what the store holds."""
        with self._lock:
            records = [
                record
                for record in self._store.series.of(self.watch)
                if record.state is not SeriesState.GONE
            ]
            self._records = {record.labels: record for record in records}
            self._ordered: list[SeriesRecord] | None = None  # `_records` by id, until they change
            ids = {record.id for record in records}
            self._champions = {
                model.series_id: model
                for model in self._store.models.champions(self.watch)
                if model.series_id in ids
            }
            self._waiting: dict[int, ModelRecord] = {}

    def identify(self, series: Sequence[Series]) -> IntArray:
        """[S] ids in the order given. A new series is registered; one that had aged out is known
        again, with its champion."""
        with self._lock:
            records = self._records
            unknown = [member for member in series if member.labels not in records]
            if unknown:
                newest_time = max(int(member.times[-1]) for member in unknown)
                self._add(
                    self._store.series.register(
                        self.watch, [member.labels for member in unknown], newest_time
                    )
                )
            ids = np.empty(len(series), np.int64)
            for place, member in enumerate(series):
                record = records[member.labels]
                ids[place] = record.id
                if member.times[0] < record.first_seen:
                    records[member.labels] = replace(record, first_seen=int(member.times[0]))
                    self._ordered = None
            return ids

    def _add(self, records: Sequence[SeriesRecord]) -> None:
        self._records.update((record.labels, record) for record in records)
        self._ordered = None
        returning = {record.id for record in records if record.state is SeriesState.GONE}
        if returning:
            models = {
                model.series_id: model
                for model in self._store.models.champions(self.watch)
                if model.series_id in returning
            }
            self._champions.update(models)
            self._waiting.update(models)

    def records(self) -> list[SeriesRecord]:
        """In the order of their ids."""
        with self._lock:
            if self._ordered is None:
                self._ordered = sorted(self._records.values(), key=attrgetter("id"))
            return list(self._ordered)

    def first_seen(self) -> dict[int, int]:
        """Unix seconds of the first sample of each series, by id."""
        with self._lock:
            return {record.id: record.first_seen for record in self._records.values()}

    def update_states(self, records: Iterable[SeriesRecord]) -> list[int]:
        """Keeps what the score job has found: last_seen and state.

        Returns the ids that have just aged out.
        """
        ids_by_state: dict[SeriesState, list[int]] = {}
        gone_ids: list[int] = []
        with self._lock:
            self._ordered = None
            for record in records:
                old_record = self._records[record.labels]
                if old_record.state != record.state:
                    ids_by_state.setdefault(record.state, []).append(record.id)
                if (
                    old_record.first_seen < record.first_seen
                ):  # the fit job has found older samples meanwhile
                    record = replace(record, first_seen=old_record.first_seen)
                self._records[record.labels] = record
                if record.state is SeriesState.GONE:
                    gone_ids.append(record.id)
                    del self._records[record.labels]
                    self._champions.pop(record.id, None)
                    self._waiting.pop(record.id, None)
        for state, ids in ids_by_state.items():
            self._store.series.mark(ids, state)
        return gone_ids

    def champions(self) -> dict[int, ModelRecord]:
        """The champion of each series that has one."""
        with self._lock:
            return dict(self._champions)

    def promote(self, models: Iterable[ModelRecord]) -> None:
        """New champions: the score job loads them before its next tick."""
        with self._lock:
            for model in models:
                self._champions[model.series_id] = self._waiting[model.series_id] = model

    def retire(self, models: Iterable[ModelRecord]) -> None:
        """Forgets champions that cannot be used, so that their series are fitted anew."""
        with self._lock:
            for model in models:
                champion = self._champions.get(model.series_id)
                if champion is not None and champion.version == model.version:
                    del self._champions[model.series_id]

    def update_champions(self, models: Iterable[ModelRecord]) -> None:
        """Champions that stay, with other properties (checked, pinned): nothing has to be
        loaded."""
        with self._lock:
            for model in models:
                champion = self._champions.get(model.series_id)
                if champion is not None and champion.version == model.version:
                    self._champions[model.series_id] = model

    def take_waiting(self) -> list[ModelRecord]:
        """The champions that were promoted since the last call."""
        with self._lock:
            waiting = list(self._waiting.values())
            self._waiting = {}
            return waiting
