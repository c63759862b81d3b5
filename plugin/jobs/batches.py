"""The way from the samples of a watch to what a detector sees of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from detectors.api import SeriesBatch
from plugin.config import Calendar
from plugin.domain.intervals import Interval
from plugin.grid import Grid, series_batch
from plugin.jobs.covariates import channels
from plugin.jobs.masks import masked_samples
from plugin.jobs.regimes import accepted_marks
from plugin.jobs.source_holes import over_holes
from plugin.series import BoolArray, FloatArray, IntArray
from plugin.store import Store


@dataclass(frozen=True)
class WatchBatch:
    """A batch, and what was learnt while it was made."""

    batch: SeriesBatch
    masked: BoolArray | None  # [S, T] True = scored, but not learnt from; None = none is
    over_hole: BoolArray | None  # [T] as masked, for every series: see `Tick`
    ambiguous: Mapping[str, int]  # query of a covariate -> series for which several matched


@dataclass(frozen=True)
class BatchBuilder:
    """Makes the batches of some series of a watch, all on one grid and under the same masks.

    Each method takes the series `ids` [S] of one stack, and the spec of its models, which says what
    covariates they look at.
    """

    store: Store
    watch: str
    timezone: str
    grid: Grid
    masks: Iterable[Interval]
    calendar: Calendar | None = None

    def of(
        self, spec: str, ids: IntArray, values: FloatArray, settled: BoolArray | None
    ) -> WatchBatch:
        """The batch of values [S, T]; NaN = no sample. settled: see `SeriesBatch`."""
        covariates = channels(self.store, self.watch, spec, ids, self.grid)
        masked = masked_samples(self.masks, ids, self.grid)
        over_hole = over_holes(self.store, self.watch, self.grid)
        batch = series_batch(values, self.grid, self.timezone, self.calendar)
        usable = batch.usable if masked is None else ~masked
        batch = replace(
            batch,
            covariates=covariates.values,
            usable=usable if over_hole is None else usable & ~over_hole,
            settled=settled,
        )
        return WatchBatch(batch, masked, over_hole, covariates.ambiguous)

    def stored(self, spec: str, ids: IntArray) -> SeriesBatch:
        """The batch of the samples that the store holds, with the levels that were accepted."""
        grid = self.grid
        values = self.store.samples.values(ids, grid.start, grid.end, grid.step)
        return self.of(spec, ids, values, accepted_marks(self.store, ids, grid)).batch

    def history(self, spec: str, ids: IntArray) -> SeriesBatch:
        """As `stored`, and it says which samples were outside their band. Takes longer to read."""
        grid = self.grid
        values, alarmed = self.store.samples.history(ids, grid.start, grid.end, grid.step)
        settled = accepted_marks(self.store, ids, grid)
        return replace(self.of(spec, ids, values, settled).batch, alarmed=alarmed)
