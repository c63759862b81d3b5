"""From the series that need a fit to the stacks in which they get it."""

from collections.abc import Iterable, Iterator, Mapping

from plugin.domain.intervals import by_series
from plugin.grid import Grid
from plugin.jobs.fit_needs import FitNeed, FitNeeds
from plugin.jobs.fit_plan import FitPlan
from plugin.jobs.masks import MaskSource
from plugin.jobs.model_lifecycle import ModelLifecycle
from plugin.jobs.watch_context import WatchContext
from plugin.jobs.weights_file import WeightsRow
from plugin.store import ModelRecord

# Fitted series that make a fleet prior.
MIN_PEERS = 8
MAX_PEERS = 32


class FitPlanner:
    """Plans the fits of one watch."""

    def __init__(
        self, context: WatchContext, lifecycle: ModelLifecycle, needs: FitNeeds, masks: MaskSource
    ) -> None:
        self._name = context.watch.name
        self._store = context.store
        self._registry = context.registry
        self._lifecycle = lifecycle
        self._needs = needs
        self._masks = masks

    def plans(self, need: FitNeed, window: Grid, size: int) -> Iterator[FitPlan]:
        """Stacks of up to `size` series."""
        champions = self._registry.champions()
        masks = by_series(self._masks(self._registry.records(), window.start, window.end))
        peers = () if need.warm else self._peers(champions, need.spec)
        for first in range(0, len(need.series), size):
            ids = tuple(record.id for record in need.series[first : first + size])
            yield FitPlan(
                version=self._store.models.new_version(self._name),
                spec=need.spec,
                ids=ids,
                window=window,
                prior=_weights(champions, ids) if need.warm else None,
                peers=peers,
                masks=tuple(mask for each in ids for mask in masks.get(each, ())),
                contest=self._lifecycle.contest(ids, self._needs.outdated),
                urgent=not any(series_id in champions for series_id in ids),
            )

    def _peers(self, champions: Mapping[int, ModelRecord], spec: str) -> tuple[WeightsRow, ...]:
        """Some fitted series of the same kind: a new series starts from their mean."""
        peers = [
            series_id
            for series_id, model in sorted(champions.items())
            if model.spec == spec and not self._needs.of_another_step(model)
        ]
        if len(peers) < MIN_PEERS:
            return ()
        return _weights(champions, peers[:: max(1, len(peers) // MAX_PEERS)][:MAX_PEERS])


def _weights(champions: Mapping[int, ModelRecord], ids: Iterable[int]) -> tuple[WeightsRow, ...]:
    return tuple((champions[series_id].path, champions[series_id].row) for series_id in ids)
