"""What is to be fitted, before its arrays are read."""

from dataclasses import dataclass

from plugin.domain.intervals import Interval
from plugin.grid import Grid
from plugin.jobs.contest import Contest
from plugin.jobs.masks import fingerprint
from plugin.jobs.weights_file import WeightsRow


@dataclass(frozen=True, kw_only=True)
class FitPlan:
    """One stack that is to be fitted. It is small, so that any number of them can wait."""

    version: int  # under which the weights will be kept
    spec: str  # of the detector
    ids: tuple[int, ...]  # [S] series ids
    window: Grid  # of the samples to learn from
    prior: tuple[WeightsRow, ...] | None = None  # [S] to start from
    peers: tuple[WeightsRow, ...] = ()  # without a prior: fitted series to start from the mean of
    masks: tuple[Interval, ...] = ()  # not learnt from
    contest: Contest | None = None  # what the new models have to beat; None = nothing
    urgent: bool = False  # no series of it has a model yet


def masks_fingerprint(plan: FitPlan, series_id: int) -> str:
    """Names the samples of a series that its fit has left out, see `masks.fingerprint`."""
    masks = (mask for mask in plan.masks if mask.series_id == series_id)
    return fingerprint(masks, plan.window)
