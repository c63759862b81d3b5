"""All stacks of one watch: built from the store, kept in step with the roster, asked to judge each
tick."""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from plugin import grid
from plugin.board import LevelShift
from plugin.config import Watch
from plugin.domain.tolerances import NO_TOLERANCES
from plugin.jobs import masks
from plugin.jobs.covariates import channels
from plugin.jobs.masks import Mask
from plugin.jobs.model_stack import ModelStack
from plugin.jobs.policies import judged
from plugin.jobs.regimes import accepted_before, asked_for, shifts
from plugin.series import FloatArray, IntArray, Tick
from plugin.store import AcceptRequest, DetectorState, ModelRecord, Store

log = logging.getLogger(__name__)

Planned = Callable[[int, int], Sequence[Mask]]

CELLS_AT_ONCE = 700_000  # series times steps of one warm-up: bounds its memory


class WatchScorer:
    """One stack per detector spec. `until` is the grid time that every stack has seen."""

    def __init__(
        self, watch: Watch, store: Store, until: int, planned: Planned = lambda start, end: ()
    ) -> None:
        """planned: the maintenance of the series in a time, both ends included."""
        self.until = until
        self._watch = watch
        self._store = store
        self._planned = planned
        self._by_spec: dict[str, ModelStack] = {}
        self._replacing = threading.Lock()
        self.tolerances = NO_TOLERANCES  # of the series, as of the last tick
        self.ambiguous = Counter[
            str
        ]()  # covariate -> series for which several matched in the last tick

    def load(
        self, models: Iterable[ModelRecord], carries: Sequence[DetectorState]
    ) -> list[ModelRecord]:
        """Takes up champions: with the stored carry where it fits, else from the end of what they
        learnt.

        Returns those that cannot be read: made by another version of a detector, or by one that is
        not installed.
        """
        return [
            model
            for group in _grouped(models, lambda model: model.spec)
            for model in self._load_group(group, carries)
        ]

    def _load_group(
        self, group: Sequence[ModelRecord], carries: Sequence[DetectorState]
    ) -> Sequence[ModelRecord]:
        try:
            ends = {model.series_id: model.window_end for model in group}
            warm, late = ModelStack.load(self._store, group).resume(carries, self.until)
            ready = ([warm] if warm else []) + (self._caught_up(late, ends) if late else [])
        except (
            Exception
        ) as error:  # arrays of other names and shapes, or whatever a detector raises
            files = _grouped(group, lambda model: str(model.path))
            if len(files) > 1:  # one bad file must not cost the models in the others
                return [model for file in files for model in self._load_group(file, carries)]
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

    def replace(self, models: Sequence[ModelRecord]) -> list[ModelRecord]:
        """Puts freshly crowned champions in the place of the old ones, warmed up to `until`;
        returns as `load`."""
        with self._replacing:
            self.drop([model.series_id for model in models])
            return self.load(models, [])

    def standing(self) -> tuple[ModelStack, ...] | None:
        """Every stack as of `until`, for another thread; None while champions are being
        replaced."""
        if not self._replacing.acquire(blocking=False):
            return None
        try:
            return tuple(self._by_spec.values())
        finally:
            self._replacing.release()

    def drop(self, ids: Sequence[int]) -> None:
        """Forgets series; their champions stay in the store."""
        if ids:
            gone = np.array(ids, np.int64)
            kept = (stack.without(gone) for stack in self._by_spec.values())
            self._by_spec = {stack.spec: stack for stack in kept if stack is not None}

    def judge(
        self,
        ids: IntArray,
        times: IntArray,
        values: FloatArray,
        asked: Sequence[AcceptRequest] = (),
    ) -> tuple[list[Tick], "WatchScorer"]:
        """One tick per stack, one more for series without a model, and the stacks that have seen
        them.

        asked: of whom the level that they have now is to be normal. ids [S] and values [S, T] are
        what arrived (NaN = no sample); a series of a stack that did not arrive is judged as
        missing, so that its carry goes on. Nothing changes here: drop the result and the tick never
        was.
        """
        start = int(times[0])
        until = int(times[-1])
        step = self._watch.step
        after = WatchScorer(self._watch, self._store, until, self._planned)
        planned = self._planned(start, until)
        after.tolerances = self._store.feedback.tolerances(self._watch.name)
        ticks = []
        for spec, stack in self._by_spec.items():
            rows = _gather(stack.ids, ids, values)
            given = channels(
                self._store, self._watch.name, spec, stack.ids, start, after.until, step
            )
            muted = masks.flags(planned, stack.ids, start, len(times), step)
            batch = grid.batch(
                rows,
                start,
                step,
                self._watch.timezone,
                covariates=given.values,
                settled=asked_for(asked, stack.ids, times),
                usable=masks.train_mask(muted),
            )
            after.ambiguous.update(given.ambiguous)
            scores, after._by_spec[spec] = stack.score(batch)
            anomaly, band = judged(
                rows, scores.band, self._watch, after.tolerances.widening(stack.ids, times)
            )
            ticks.append(
                Tick(
                    self._watch.name,
                    stack.ids,
                    times,
                    rows,
                    band.expected,
                    band.lower,
                    band.upper,
                    anomaly,
                    stack.version,
                    scores.carry,
                    spec,
                    muted,
                )
            )
        modelled = np.concatenate(
            [np.empty(0, np.int64), *(stack.ids for stack in self._by_spec.values())]
        )
        alone = ~np.isin(ids, modelled)
        muted = masks.flags(planned, ids[alone], start, len(times), step)
        ticks.append(
            replace(_unjudged(self._watch.name, ids[alone], times, values[alone]), muted=muted)
        )
        return ticks, after

    def shifts(self) -> dict[int, LevelShift]:
        """Which series lie at another level as of `until`, by id."""
        return {
            series: shift
            for stack in self._by_spec.values()
            if stack.carry is not None
            for series, shift in shifts(
                stack.ids, stack.carry, self.until, self._watch.step
            ).items()
        }

    def _add(self, stack: ModelStack) -> None:
        other = self._by_spec.get(stack.spec)
        self._by_spec[stack.spec] = stack if other is None else other.join(stack)

    def _caught_up(self, stack: ModelStack, ends: Mapping[int, int]) -> list[ModelStack]:
        """Runs what is stored since the window of each model through it; ends: series id -> end of
        that window.

        A model that cannot say what it carries, or has learnt from what is not yet judged, starts
        cold a while before.
        """
        step = self._watch.step
        ready = []
        end = np.array([ends[series] for series in stack.ids.tolist()], np.int64)
        for time in np.unique(end).tolist():
            part = stack if (end == time).all() else stack.part(end == time)
            if part.carry is None or time > self.until:
                ready.append(
                    self._run(replace(part, carry=None), self.until - (part.warm_up - 1) * step)
                )
            else:
                ready.append(self._run(part, time // step * step + step))
        return ready

    def _run(self, stack: ModelStack, start: int) -> ModelStack:
        """The stack after it has seen the stored values from `start` up to now, in parts."""
        step = self._watch.step
        if start > self.until:
            return stack
        rows = max(1, CELLS_AT_ONCE // ((self.until - start) // step + 1))
        warm: ModelStack | None = None
        for first in range(0, len(stack.ids), rows):
            part = stack.part(slice(first, first + rows))
            values = self._store.values(part.ids, start, self.until, step)
            given = channels(
                self._store, self._watch.name, part.spec, part.ids, start, self.until, step
            )
            settled = accepted_before(self._store, part.ids, start, self.until, step)
            muted = masks.flags(
                self._planned(start, self.until), part.ids, start, values.shape[1], step
            )
            part = part.score(
                grid.batch(
                    values,
                    start,
                    step,
                    self._watch.timezone,
                    covariates=given.values,
                    settled=settled,
                    usable=masks.train_mask(muted),
                )
            )[1]
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


def _gather(wanted: IntArray, ids: IntArray, values: FloatArray) -> FloatArray:
    """[S, T]: the rows of `values` (one per id) in the order of `wanted`; NaN for series that did
    not arrive."""
    gathered = np.full((len(wanted), values.shape[1]), np.nan)
    if len(ids):
        order = np.argsort(ids)
        at = np.minimum(np.searchsorted(ids[order], wanted), len(ids) - 1)
        found = ids[order][at] == wanted
        gathered[found] = values[order[at[found]]]
    return gathered


def _unjudged(watch: str, ids: IntArray, times: IntArray, values: FloatArray) -> Tick:
    nothing = np.full(values.shape, np.nan)
    return Tick(
        watch, ids, times, values, nothing, nothing, nothing, nothing, np.zeros(len(ids), np.int64)
    )
