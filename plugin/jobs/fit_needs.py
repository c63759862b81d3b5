"""Which series of a watch need which fit now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from plugin.jobs.masks import MaskSource, outdated_series
from plugin.jobs.model_lifecycle import ModelLifecycle
from plugin.jobs.watch_context import WatchContext
from plugin.series import SeriesRecord, SeriesState
from plugin.store import ModelRecord

MASKS_SECONDS = 15  # between two comparisons of all models with the masks: they take a while
GOLDEN_RATIO = 0.618033988749895  # spreads refits evenly over time, by series id


@dataclass(frozen=True)
class FitNeed:
    """Series that need the same fit."""

    spec: str
    warm: bool  # there are weights of the same spec to start from
    series: tuple[SeriesRecord, ...]


class FitNeeds:
    """Knows which series of a watch need a fit, and which have to wait before it is tried again."""

    def __init__(
        self,
        context: WatchContext,
        lifecycle: ModelLifecycle,
        spec: str,
        baseline: str,
        masks: MaskSource,
        spread: float,
    ) -> None:
        """spec: of the watch's detector. baseline: of the one that serves a new series until then.
        spread: the share of `fit_every` by which refits come earlier or later."""
        self.outdated = frozenset[
            int
        ]()  # ids of series whose champion was fitted under other masks
        self._watch = context.watch
        self._registry = context.registry
        self._clock = context.clock
        self._lifecycle = lifecycle
        self._spec = spec
        self._baseline = baseline
        self._masks = masks
        self._spread = spread
        self._masks_read_at = 0.0
        self._retry_at: dict[int, float] = {}  # series id -> unix seconds

    def read(self, *, everyone: bool) -> list[FitNeed]:
        """New series come first. everyone: whether their refit is due or not."""
        now = self._clock()
        champions = self._registry.champions()
        self._compare_masks(champions, now)
        groups: dict[tuple[bool, str, bool], list[SeriesRecord]] = {}
        for record in self._registry.records():
            champion = champions.get(record.id)
            if not everyone and not self._due(record, champion, now):
                continue
            spec = self._baseline if champion is None and not everyone else self._spec
            # A model that is outdated would pass on what it should not have learnt.
            warm = (
                champion is not None
                and champion.spec == spec
                and not self.of_another_step(champion)
                and record.id not in self.outdated
            )
            groups.setdefault((champion is not None, spec, warm), []).append(record)
        return [
            FitNeed(spec, warm, tuple(records))
            for (_, spec, warm), records in sorted(groups.items())
        ]

    def wait(self, ids: Iterable[int], retry_time: float) -> None:
        """Series that could not be fitted are not due before a time."""
        now = self._clock()
        self.end_wait([series_id for series_id, end in list(self._retry_at.items()) if end <= now])
        self._retry_at.update(dict.fromkeys(ids, retry_time))

    def end_wait(self, ids: Sequence[int]) -> None:
        for series_id in ids:
            self._retry_at.pop(series_id, None)

    def expire_masks(self) -> None:
        """Models have changed: compare them with the masks again before the next fits."""
        self._masks_read_at = 0.0

    def of_another_step(self, champion: ModelRecord) -> bool:
        return champion.fitted_at < self._lifecycle.step_since

    def _due(self, record: SeriesRecord, champion: ModelRecord | None, now: float) -> bool:
        """Whether a series needs a fit: its model is of another kind than the watch asks for, a
        refit was asked for, the last one was `fit_every` ago, or its history has doubled."""
        if record.state in (SeriesState.GONE, SeriesState.MISSING):
            return False
        if now < self._retry_at.get(record.id, 0):
            return False
        if champion is None or self._lifecycle.refit_asked(champion):
            return True
        if not champion.held and (
            champion.spec != self._spec
            or self.of_another_step(champion)
            or record.id in self.outdated
        ):
            return True
        history = champion.window_end - max(champion.window_start, record.first_seen)
        turn = 1 - self._spread + 2 * self._spread * ((record.id * GOLDEN_RATIO) % 1.0)
        interval = min(self._watch.fit_every * turn, max(history, self._watch.step))
        return bool(now - champion.checked_at >= interval)

    def _compare_masks(self, champions: Mapping[int, ModelRecord], now: float) -> None:
        if not 0 <= now - self._masks_read_at < MASKS_SECONDS:
            self.outdated = outdated_series(
                champions, self._registry.records(), self._masks, self._watch.step
            )
            self._masks_read_at = now
