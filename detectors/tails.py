"""From the body of a distribution to its tail: how far out something is that happens so seldom.

The far tail of a history is never looked at, because histories contain incidents: one that lasts is
a percent of a fortnight within three hours. The tail is continued from the body, which ends where
`BODY_SHARE` of the values are beyond.
"""

from dataclasses import dataclass

import numpy as np

from detectors.api import BoolArray, FloatArray
from detectors.scaling import quantile_of_sorted, sort_gaps_last

BODY_SHARE = 0.03  # of the values lie beyond the body
MIDDLE_SHARE = 0.2  # the same of the middle, between which and the body's end the slope is taken
BODY_SPREADS = 2.0  # at which the body of a series usually ends
BODY_PRIOR_SAMPLES = 50  # of a series weigh as much as what is usual
# Slopes are of log(distance) by -log(P(distance > x)): the inverse of a tail's index.
USUAL_BODY_SLOPE = 0.5  # between the middle and the end of the body; .42 is normal
BODY_SLOPE_RANGE = (0.15, 0.7)
# The tail has so much of the slope of the body, and this besides.
TAIL_SLOPE_SHARE = 0.3
MIN_TAIL_SLOPE = 0.16
USUAL_TAIL_SLOPE = MIN_TAIL_SLOPE + TAIL_SLOPE_SHARE * USUAL_BODY_SLOPE
CLUSTER_SECONDS = 90 * 60  # neighbouring samples outside are one alarm for so long


@dataclass(frozen=True)
class Body:
    """The marked values of S series, on their positive side. What few samples say is drawn towards
    what is usual."""

    ordered: FloatArray  # [S, T] see `sort_gaps_last`
    count: FloatArray  # [S]

    @classmethod
    def of(cls, values: FloatArray, mask: BoolArray) -> "Body":
        """Of values [S, T], spreads."""
        return cls(*sort_gaps_last(values, mask))

    @property
    def weight(self) -> FloatArray:
        """[S] of what the samples say, 0 to 1."""
        return self.count / (self.count + BODY_PRIOR_SAMPLES)

    def end(self, share: float = BODY_SHARE) -> FloatArray:
        """[S] the conformal quantile beyond which `share` lies; of few samples the largest."""
        share_of = np.maximum(share, 1.0 / (self.count + 1))
        rank = np.ceil((self.count + 1) * (1 - share_of))
        index = np.clip(rank, 1, np.maximum(self.count, 1)).astype(np.int64) - 1
        end = np.maximum(np.take_along_axis(self.ordered, index[:, None], -1)[:, 0], 0.0)
        end = np.where(self.count > 0, end, 0.0)
        drawn: FloatArray = end**self.weight * BODY_SPREADS ** (1 - self.weight)
        return np.where((end > 0) | (self.count == 0), drawn, 0.0)

    def tail_slope(self) -> FloatArray:
        """[S] of the tail: heavier where the upper part of the body already is."""
        middle, end = (
            quantile_of_sorted(self.ordered, self.count, 1 - share)
            for share in (MIDDLE_SHARE, BODY_SHARE)
        )
        known = middle > 0
        ratio = np.where(known, end, 1.0) / np.where(known, middle, 1.0)
        slope = np.log(ratio) / np.log(MIDDLE_SHARE / BODY_SHARE)
        slope = np.clip(np.where(known, slope, np.inf), *BODY_SLOPE_RANGE)
        drawn = USUAL_BODY_SLOPE + self.weight * (slope - USUAL_BODY_SLOPE)
        return np.asarray(MIN_TAIL_SLOPE + TAIL_SLOPE_SHARE * drawn)


def sample_probability(alert_budget: float, step: int) -> float:
    """Alarms per sample and side; alert_budget: alarms per series and second."""
    return min(alert_budget * step / 2, 0.4)


def tail_rarity(probability: float, step: int) -> float:
    """How many times as rare as what is beyond the body an alarm is; at least 1.

    A regularly varying tail, thinned by the extremal index (Leadbetter, 1983): the share of samples
    outside that begin a new alarm.
    """
    extremal_index: float = min(1.0, step / CLUSTER_SECONDS) ** (1 / 3)
    return max(1.0, extremal_index * BODY_SHARE / probability)


def tail_stretch(probability: float, step: int) -> float:
    """Factor from the end of the body of samples to their limit, of a usual series."""
    return float(tail_rarity(probability, step) ** USUAL_TAIL_SLOPE)
