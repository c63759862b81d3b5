"""Masks: intervals of a series whose samples are scored and shown, but not learnt from."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from plugin.config import Watch
from plugin.maintenance import MaintenanceCalendar, WindowMatching
from plugin.series import BoolArray, IntArray, SeriesRecord
from plugin.store import ModelRecord


@dataclass(frozen=True, order=True)
class Mask:
    """One interval of one series; unix seconds, both included."""

    series_id: int
    start: int
    end: int


MaskSource = Callable[
    [Sequence[SeriesRecord], int, int], Iterable[Mask]
]  # those that touch start..end of some series


class MaintenanceMasks:
    """The maintenance of one watch as masks."""

    def __init__(self, watch: Watch, maintenance: MaintenanceCalendar) -> None:
        self._watch = watch
        self._maintenance = maintenance
        self._matching = WindowMatching()

    def __call__(self, records: Sequence[SeriesRecord], start: int, end: int) -> list[Mask]:
        windows = self._maintenance.windows()
        if not windows:
            return []
        return [
            Mask(series, begin, last - 1)
            for window, ids in self._matching.of(windows, self._watch, records)
            for begin, last in window.spans(start, end)
            for series in ids
        ]


def flags(
    masked: Iterable[Mask], ids: IntArray, start: int, steps: int, step: int
) -> BoolArray | None:
    """[S, T] True where a sample of the grid is masked; None where none is."""
    row = {series: at for at, series in enumerate(ids.tolist())}
    found: BoolArray = np.zeros((len(ids), steps), bool)
    for each in masked:
        at = row.get(each.series_id)
        if at is not None:
            found[
                at, max(0, -((start - each.start) // step)) : max(0, (each.end - start) // step + 1)
            ] = True
    return found if found.any() else None


def train_mask(masked: BoolArray | None) -> BoolArray | None:
    """What a batch is told of masked samples; None = all of them are usable."""
    return None if masked is None else ~masked


def name(masked: Iterable[Mask], start: int, end: int, step: int) -> str:
    """What names the masked samples of one series on the grid start..end; "" where none is.

    Overlapping masks have one name with their union, as only samples count.
    """
    runs: list[tuple[int, int]] = []
    for each in sorted(masked):
        first = max(0, -((start - each.start) // step))
        last = (min(each.end, end) - start) // step
        if last < first:
            continue
        if runs and first <= runs[-1][1] + 1:
            runs[-1] = runs[-1][0], max(runs[-1][1], last)
        else:
            runs.append((first, last))
    return hashlib.sha256(repr((start, step, runs)).encode()).hexdigest()[:16] if runs else ""


def by_series(masked: Iterable[Mask]) -> dict[int, list[Mask]]:
    found: dict[int, list[Mask]] = {}
    for each in masked:
        found.setdefault(each.series_id, []).append(each)
    return found


def outdated(
    champions: Mapping[int, ModelRecord],
    records: Sequence[SeriesRecord],
    masked: MaskSource,
    step: int,
) -> frozenset[int]:
    """Ids of series whose champion has learnt from what is masked by now, or not from what is not
    masked any more."""
    models = [champions[record.id] for record in records if record.id in champions]
    if not models:
        return frozenset()
    start = min(model.window_start for model in models)
    end = max(model.window_end for model in models)
    now = by_series(masked(records, start, end))
    return frozenset(
        model.series_id
        for model in models
        if model.masked or model.series_id in now
        if model.masked
        != name(now.get(model.series_id, ()), model.window_start, model.window_end, step)
    )
