"""All stacks of one watch: built from the store, kept in step with the registry, asked to judge
each tick."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from plugin.board import LevelShift
from plugin.config import Watch
from plugin.domain.intervals import Interval
from plugin.domain.tolerances import NO_TOLERANCES
from plugin.errors import ResourcesExhausted
from plugin.grid import Grid
from plugin.jobs.batches import BatchBuilder, WatchBatch
from plugin.jobs.masks import masked_samples
from plugin.jobs.model_stack import ModelStack
from plugin.jobs.policies import judge_values
from plugin.jobs.regimes import level_shifts, requested_marks
from plugin.series import FloatArray, IntArray, Tick
from plugin.store import AcceptRequest, DetectorState, ModelRecord, Store

log = logging.getLogger(__name__)

Maintenance = Callable[[int, int], Sequence[Interval]]  # of the series, from start to end

CELLS_AT_ONCE = 700_000  # series times steps of one tick: bounds its memory
WARM_UP_CELLS = 200_000  # the same of one warm-up, whose arrays are many
# Series of one stack, at most: its arrays lie in the caches of a processor while they are scored,
# and a new champion moves those of its own stack only.
STACK_SERIES = 4_096


class WatchScorer:
    """Stacks of models of one detector spec each. `until` is the grid time that every stack has
    seen."""

    def __init__(
        self, watch: Watch, store: Store, end: int, maintenance: Maintenance = lambda start, end: ()
    ) -> None:
        self.until = end
        self._watch = watch
        self._store = store
        self._maintenance = maintenance
        self._stacks: list[ModelStack] = []
        self._replacing = threading.Lock()
        self.tolerances = NO_TOLERANCES  # of the series, as of the last tick
        self.ambiguous = Counter[str]()  # as WatchBatch.ambiguous, of the last tick

    def load(
        self, models: Iterable[ModelRecord], states: Sequence[DetectorState]
    ) -> list[ModelRecord]:
        """Loads champions: with the stored state where there is one, else as of the end of their
        fit window, from where they catch up.

        Returns those that cannot be read: made by another version of a detector, or by one that is
        not installed. Raises ResourcesExhausted.
        """
        return [
            model
            for group in _grouped(models, lambda model: model.spec)
            for first in range(0, len(group), STACK_SERIES)
            for model in self._load_group(group[first : first + STACK_SERIES], states)
        ]

    def _load_group(
        self, group: Sequence[ModelRecord], states: Sequence[DetectorState]
    ) -> Sequence[ModelRecord]:
        try:
            ends = {model.series_id: model.window_end for model in group}
            ready = [
                stack
                for part in ModelStack.load(self._store, group).divided()
                for stack in self._resumed(part, states, ends)
            ]
        except ResourcesExhausted:  # the models are sound: the next run tries again
            raise
        except Exception as error:  # other arrays than expected, or whatever a detector raises
            files = _grouped(group, lambda model: str(model.path))
            if len(files) > 1:  # one bad file must not cost the models in the others
                return [model for file in files for model in self._load_group(file, states)]
            log.error(
                "models cannot be used",
                extra={
                    "watch": self._watch.name,
                    "models": len(group),
                    "spec": group[0].spec,
                    "err": f"{type(error).__name__}: {error}",
                },
            )
            return group
        for stack in ready:
            self._add(stack)
        return []

    def _resumed(
        self, stack: ModelStack, states: Sequence[DetectorState], ends: Mapping[int, int]
    ) -> list[ModelStack]:
        warm, behind = stack.resume(states, self.until)
        return ([warm] if warm else []) + (self._caught_up(behind, ends) if behind else [])

    def replace(self, models: Sequence[ModelRecord]) -> list[ModelRecord]:
        """Puts new champions in the place of the old ones, warmed up to `until`; returns as
        `load`."""
        with self._replacing:
            self.drop([model.series_id for model in models])
            return self.load(models, [])

    def stacks(self) -> tuple[ModelStack, ...] | None:
        """Every stack as of `until`, for another thread; None while champions are being
        replaced."""
        if not self._replacing.acquire(blocking=False):
            return None
        try:
            return tuple(self._stacks)
        finally:
            self._replacing.release()

    def drop(self, ids: Sequence[int]) -> None:
        """Forgets series; their champions stay in the store."""
        if ids:
            stacks = [stack.without(np.array(ids, np.int64)) for stack in self._stacks]
            self._stacks = [stack for stack in stacks if stack is not None]

    def judge(
        self, ids: IntArray, grid: Grid, values: FloatArray, requests: Sequence[AcceptRequest] = ()
    ) -> tuple[list[Tick], "WatchScorer"]:
        """One tick per stack, one more for series without a model, and the scorer that has seen
        them.

        ids [S] and values [S, T] are what arrived, NaN = no sample. A series of a stack that did
        not arrive is judged as missing, so that its detector state goes on. requests: someone wants
        the level that these series have now to be normal. This scorer does not change: drop the
        result, and the tick never was.
        """
        next_scorer = WatchScorer(self._watch, self._store, grid.end, self._maintenance)
        next_scorer.tolerances = self._store.feedback.tolerances(self._watch.name)
        builder = self._builder(grid)
        ticks = []
        order = np.argsort(ids)
        sorted_ids = ids[order]
        for stack in self._stacks:
            rows = _gather(stack.ids, sorted_ids, values, order)
            settled = requested_marks(requests, stack.ids, grid.times)
            batch = builder.of(stack.spec, stack.ids, rows, settled)
            tick, next_stack = next_scorer._judged(stack, batch)
            next_scorer._stacks.append(next_stack)
            next_scorer.ambiguous.update(batch.ambiguous)
            ticks.append(tick)
        modelled = [stack.ids for stack in self._stacks]
        unmodelled = ~np.isin(ids, np.concatenate([np.empty(0, np.int64), *modelled]))
        tick = _unjudged(self._watch.name, ids[unmodelled], grid.times, values[unmodelled])
        muted = masked_samples(builder.masks, ids[unmodelled], grid)
        return [*ticks, replace(tick, muted=muted)], next_scorer

    def _judged(self, stack: ModelStack, arriving: WatchBatch) -> tuple[Tick, ModelStack]:
        """The tick of one stack, and the stack that has seen it."""
        batch = arriving.batch
        scores, next_stack = stack.score(batch)
        widening = self.tolerances.widening(stack.ids, batch.times)
        anomaly, band = judge_values(
            batch.values, scores.band, self._watch, widening, scores.anomaly
        )
        tick = Tick(
            watch=self._watch.name,
            ids=stack.ids,
            times=batch.times,
            value=batch.values,
            expected=band.expected,
            lower=band.lower,
            upper=band.upper,
            score=anomaly,
            model_version=stack.version,
            carry=scores.carry,
            stack=stack.spec,
            muted=arriving.masked,
            over_hole=arriving.over_hole,
        )
        return tick, next_stack

    def _builder(self, grid: Grid) -> BatchBuilder:
        masks = self._maintenance(grid.start, grid.end)
        watch = self._watch
        return BatchBuilder(self._store, watch.name, watch.timezone, grid, masks, watch.calendar)

    def shifts(self) -> dict[int, LevelShift]:
        """Which series lie at another level as of `until`, by id."""
        return {
            series: shift
            for stack in self._stacks
            if stack.carry is not None
            for series, shift in level_shifts(
                stack.ids, stack.carry, self.until, self._watch.step
            ).items()
        }

    def _add(self, stack: ModelStack) -> None:
        for place, other in enumerate(self._stacks):
            if other.fits(stack, STACK_SERIES):
                self._stacks[place] = other.join(stack)
                return
        self._stacks.append(stack)

    def _caught_up(self, stack: ModelStack, ends: Mapping[int, int]) -> list[ModelStack]:
        """The models of a stack after they have seen what is stored since their fit window.

        ends: series id -> end of that window. A model without a state for that end, or with an end
        that is later than `until`, starts cold, early enough to be warm.
        """
        step = self._watch.step
        ready = []
        end_by_row = np.array([ends[series_id] for series_id in stack.ids.tolist()], np.int64)
        for end in np.unique(end_by_row).tolist():
            rows = end_by_row == end
            part = stack if rows.all() else stack.part(rows)
            if part.carry is None or end > self.until:
                start = self.until - (part.warm_up - 1) * step
                ready.append(self._run(replace(part, carry=None), start))
            else:
                ready.append(self._run(part, end // step * step + step))
        return ready

    def _run(self, stack: ModelStack, start: int) -> ModelStack:
        """The stack after it has seen the stored values from `start` up to now, in parts."""
        grid = Grid.within(start, self.until, self._watch.step)
        if not grid.count:
            return stack
        builder = self._builder(grid)
        rows = max(1, WARM_UP_CELLS // grid.count)
        warm: ModelStack | None = None
        for first in range(0, len(stack.ids), rows):
            part = stack.part(slice(first, first + rows))
            part = part.score(builder.stored(part.spec, part.ids))[1]
            warm = part if warm is None else warm.join(part)
        assert warm is not None
        return warm


def _grouped(
    models: Iterable[ModelRecord], key: Callable[[ModelRecord], str]
) -> list[list[ModelRecord]]:
    groups: dict[str, list[ModelRecord]] = {}
    for model in models:
        groups.setdefault(key(model), []).append(model)
    return list(groups.values())


def _gather(
    wanted_ids: IntArray, sorted_ids: IntArray, values: FloatArray, order: IntArray
) -> FloatArray:
    """[S, T] the rows of `values` for some ids; NaN for series that did not arrive. order: the row
    of each of the sorted ids."""
    gathered = np.full((len(wanted_ids), values.shape[1]), np.nan)
    if len(sorted_ids):
        places = np.minimum(np.searchsorted(sorted_ids, wanted_ids), len(sorted_ids) - 1)
        arrived = sorted_ids[places] == wanted_ids
        gathered[arrived] = values[order[places[arrived]]]
    return gathered


def _unjudged(watch: str, ids: IntArray, times: IntArray, values: FloatArray) -> Tick:
    """The tick of series without a model."""
    unknown = np.full(values.shape, np.nan)
    return Tick(
        watch=watch,
        ids=ids,
        times=times,
        value=values,
        expected=unknown,
        lower=unknown,
        upper=unknown,
        score=unknown,
        model_version=np.zeros(len(ids), np.int64),
    )
