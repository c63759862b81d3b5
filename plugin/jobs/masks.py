"""Masks: intervals of a series whose samples are scored and shown, but not learnt from."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from plugin.config import Watch
from plugin.domain.intervals import Interval, by_series
from plugin.grid import Grid
from plugin.maintenance import MaintenanceCalendar, WindowMatching
from plugin.series import BoolArray, IntArray, SeriesRecord
from plugin.store import ModelRecord

# of some series, those that overlap a stretch of time: start and end, both included
MaskSource = Callable[[Sequence[SeriesRecord], int, int], Iterable[Interval]]


class MaintenanceMasks:
    """The maintenance of one watch as masks."""

    def __init__(self, watch: Watch, maintenance: MaintenanceCalendar) -> None:
        self._watch = watch
        self._maintenance = maintenance
        self._matching = WindowMatching()

    def __call__(self, records: Sequence[SeriesRecord], start: int, end: int) -> list[Interval]:
        windows = self._maintenance.windows()
        if not windows:
            return []
        return [
            Interval(series_id, span_start, span_end - 1)  # the end of a window is not part of it
            for window, ids in self._matching.of(windows, self._watch, records)
            for span_start, span_end in window.spans(start, end)
            for series_id in ids
        ]


def masked_samples(masks: Iterable[Interval], ids: IntArray, grid: Grid) -> BoolArray | None:
    """[S, T] True where a sample of the series `ids` is masked; None where none is."""
    masks = tuple(masks)
    if not masks:
        return None
    rows = {series_id: row for row, series_id in enumerate(ids.tolist())}
    masked: BoolArray = np.zeros((len(ids), grid.count), bool)
    for mask in masks:
        row = rows.get(mask.series_id)
        if row is not None:
            masked[row, grid.columns(mask.start, mask.end)] = True
    return masked if masked.any() else None


def fingerprint(masks: Iterable[Interval], grid: Grid) -> str:
    """Names the masked samples of one series on a grid; "" where none is.

    Only samples count: overlapping masks have the same fingerprint as their union.
    """
    runs: list[tuple[int, int]] = []  # first and last column
    for mask in sorted(masks):
        columns = grid.columns(mask.start, mask.end)
        if columns.start == columns.stop:
            continue
        if runs and columns.start <= runs[-1][1] + 1:
            runs[-1] = runs[-1][0], max(runs[-1][1], columns.stop - 1)
        else:
            runs.append((columns.start, columns.stop - 1))
    text = repr((grid.start, grid.step, runs))
    return hashlib.sha256(text.encode()).hexdigest()[:16] if runs else ""


def outdated_series(
    champions: Mapping[int, ModelRecord],
    records: Sequence[SeriesRecord],
    source: MaskSource,
    step: int,
) -> frozenset[int]:
    """Ids of the series whose champion was fitted under other masks than there are now.

    It has learnt from samples that are masked now, or it has left out samples that are not.
    """
    models = [champions[record.id] for record in records if record.id in champions]
    if not models:
        return frozenset()
    start = min(model.window_start for model in models)
    end = max(model.window_end for model in models)
    masks = by_series(source(records, start, end))
    return frozenset(
        model.series_id
        for model in models
        if model.masked or model.series_id in masks
        if model.masked
        != fingerprint(
            masks.get(model.series_id, ()), Grid.within(model.window_start, model.window_end, step)
        )
    )
