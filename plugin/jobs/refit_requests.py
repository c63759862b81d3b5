"""Refits that people have asked for and that have not come yet."""

from collections.abc import Iterable

from plugin.domain.model_decisions import DecisionKind
from plugin.series import MAX_TIME
from plugin.store import ModelRecord, Store


class RefitRequests:
    """The requests for the series of one watch; they outlive a restart."""

    def __init__(self, store: Store, ids: Iterable[int]) -> None:
        decisions = store.decisions.between(
            0, MAX_TIME, list(ids), decision_kind=DecisionKind.REFIT_ASKED
        )
        self._times = {decision.series_id: decision.time for decision in decisions}  # the latest

    def open(self, series_id: int, champion: ModelRecord | None) -> bool:
        """Whether a refit was asked for since the champion was last checked."""
        if champion is None:
            return series_id in self._times
        return self._times.get(series_id, -1) >= champion.checked_at

    def add(self, ids: Iterable[int], time: int) -> None:
        self._times.update(dict.fromkeys(ids, time))

    def close(self, ids: Iterable[int]) -> None:
        """These series have been fitted."""
        for series_id in ids:
            self._times.pop(series_id, None)
