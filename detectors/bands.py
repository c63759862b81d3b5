"""The only place where a band and a score are made.

Split conformal: on samples held out from the fit, scored exactly as in service, each side of the band takes the .98
quantile (the body) of (value - expected) / spread. A tail shape carries it from there to the alert budget: never the
far tail of one history, because histories hold incidents. Then everything is rounded to a power of two, so that it
compresses well, and the score is computed from the rounded band: score > 1 exactly outside, bit for bit.
"""

from dataclasses import dataclass

import numpy as np

from detectors.api import Band, BoolArray, FloatArray
from detectors.scaling import gaps_last, quantile, ranked

BODY = 0.02  # share of the held-out samples beyond the body, on either side
FINENESS = 256.0  # a half-width is at least so many quanta
HIGHEST = 1000.0  # scores are clipped here
BURSTS = 5  # separate excursions that make bursts a habit of the series, not an incident
ABOVE_ONE = float(np.nextafter(1.0, 2.0))


@dataclass(frozen=True)
class Tail:
    """P(residual > x) = exp(-(x / b) ** shape) / 2 on each side: 1 = Laplace (cautious), 2 = nearly normal."""

    shape: float = 1.0

    def stretch(self, body: FloatArray, target: float) -> FloatArray:
        """[S] factor from the quantile with `body` beyond it to the one with `target` beyond it; at least 1."""
        ratio = np.log(0.5 / min(target, 0.4)) / np.log(0.5 / np.minimum(body, 0.4))
        stretched: FloatArray = np.maximum(ratio, 1.0) ** (1.0 / self.shape)
        return stretched


LAPLACE = Tail()


def sample_probability(alert_budget: float, step: int) -> float:
    """Share of samples that may leave the band on one side.

    alert_budget: alarms per series and second. Each sample outside counts as an alarm of its own; as neighbours join
    into one alarm, the promise errs on the quiet side.
    """
    return alert_budget * step / 2


def calibrate(residual: FloatArray, kept: BoolArray, probability: float, tail: Tail = LAPLACE) -> FloatArray:
    """[S, 2] half-widths below and above, in spreads.

    residual: [S, T] held-out (value - expected) / spread; only the `kept` ones count.
    probability: share of samples that may lie beyond on one side.
    """
    sides = [_side(sign * residual, kept, probability, tail) for sign in (-1.0, 1.0)]
    return np.stack(sides, axis=-1)


def _side(residual: FloatArray, kept: BoolArray, probability: float, tail: Tail) -> FloatArray:
    ordered, count = gaps_last(residual, kept)
    body = np.maximum(max(BODY, min(probability, 0.4)), 1.0 / (count + 1))  # few samples: from their largest
    rank = np.clip(np.ceil((count + 1) * (1 - body)), 1, np.maximum(count, 1)).astype(np.int64) - 1
    at_body = np.take_along_axis(ordered, rank[:, None], -1)[:, 0]
    reach = at_body * tail.stretch(body, probability)
    reach = np.where(at_body < 0.5, _bursts(residual, kept, probability), reach)
    return np.maximum(np.where(count > 0, reach, 0.0), least_reach(probability))


def least_reach(probability: float) -> float:
    """Spreads that normal noise would need: no side is narrower, however calm the held-out samples were."""
    return float(np.sqrt(2 * np.log(0.5 / min(probability, 0.4))))


def _bursts(residual: FloatArray, kept: BoolArray, probability: float) -> FloatArray:
    """[S] reach of a series that is quiet for more than .98 of the time: exponential over what its bursts show."""
    outside = kept & (residual > 1.0)
    starts = outside & ~np.pad(outside, ((0, 0), (1, 0)))[:, :-1]
    rate = outside.sum(axis=1) / np.maximum(kept.sum(axis=1), 1)
    middle = quantile(residual, outside, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = middle / np.log(2) * np.log(rate / probability)
    return np.where((starts.sum(axis=1) >= BURSTS) & np.isfinite(reach), reach, 0.0)


def band(expected: FloatArray, spread: FloatArray, reach: FloatArray, resolution: FloatArray) -> Band:
    """The band in units of the series, rounded to a power of two.

    expected, spread: [S, T], NaN where nothing can be said. reach: [S, 2]. resolution: [S], the least half-width.
    """
    least = np.maximum(resolution[:, None], np.finfo(np.float64).tiny)
    below, above = (np.maximum(spread * reach[:, side, None], least) for side in (0, 1))
    quantum = np.maximum(_power_of_two(np.minimum(below, above)) / FINENESS, np.spacing(np.abs(expected)))
    centre = np.round(expected / quantum) * quantum
    lower = centre - np.ceil(below / quantum) * quantum
    upper = centre + np.ceil(above / quantum) * quantum
    return Band(lower, centre, upper)


def widened(band: Band, least: FloatArray) -> Band:
    """The band with bounds at least `least` [S, T] away from expected, rounded outwards as the band itself is."""
    half = np.minimum(band.expected - band.lower, band.upper - band.expected)
    quantum = np.maximum(_power_of_two(half) / FINENESS, np.spacing(np.abs(band.expected)))
    least = np.ceil(least / quantum) * quantum
    return Band(np.minimum(band.lower, band.expected - least), band.expected,
                np.maximum(band.upper, band.expected + least))


def rescore(values: FloatArray, observed: BoolArray, band: Band) -> FloatArray:
    """[S, T] anomaly scores of values against any band, also one that a policy has moved.

    NaN where not observed or without a band. A bound of ±inf is no bound: 0 on that side. More than 1 exactly where
    value < lower or value > upper.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        above = (values - band.expected) / (band.upper - band.expected)
        below = (band.expected - values) / (band.expected - band.lower)
        score = np.where(values >= band.expected, above, below)
        score = np.nan_to_num(np.clip(score, 0.0, HIGHEST), nan=0.0)  # 0/0: on the edge of a band without width
        outside = (values < band.lower) | (values > band.upper)
        score = np.where(outside, np.maximum(score, ABOVE_ONE), np.minimum(score, 1.0))  # what rounding may have joined
        known = observed & ~np.isnan(band.expected) & ~np.isnan(band.lower) & ~np.isnan(band.upper)
    return np.where(known, score, np.nan)


def pinball(residual: FloatArray, kept: BoolArray) -> FloatArray:
    """[S] mean pinball loss of (value - expected) over the held-out samples, at the .02, .5 and .98 quantiles.

    The outer two are the best constant offsets, so that a forecaster is judged by the residuals that it leaves.
    """
    ordered, count = gaps_last(residual, kept)
    total = np.zeros(len(residual))
    for share in (BODY, 0.5, 1 - BODY):
        offset = np.zeros(len(residual)) if share == 0.5 else ranked(ordered, count, share)
        error = np.where(kept, residual - offset[:, None], 0.0)
        total += np.maximum(share * error, (share - 1) * error).sum(axis=1)
    return np.where(count > 0, total / np.maximum(3 * count, 1), np.nan)


def _power_of_two(values: FloatArray) -> FloatArray:
    """The largest power of two that is not above."""
    powers: FloatArray = np.ldexp(1.0, np.frexp(values)[1] - 1)
    return powers
