"""The only place where a band and a score are made.

A sample is judged by two kinds of evidence. *Fast*: its distances from what the model forecasts and from the mean of
the last minutes, multiplied, so that only a sample far from both is far out. *Slow*: the mean of the last samples and
a value that does not change (`detectors.evidence`). Each has a limit per series and side, and the band is where none
is crossed. Limits start from the body of the series' own history (the .99 quantile), never from its far tail, because
histories hold incidents; a tail that is the same for all series carries them on to the alert budget. Then everything
is rounded to a power of two, so that it compresses well, and the score is computed from the rounded band: score > 1
exactly outside, bit for bit.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detectors.api import Band, BoolArray, FloatArray
from detectors.evidence import CLIP, Evidence, closer
from detectors.scaling import gaps_last, quantile, ranked

BODY = 0.01  # share of the samples beyond the body, on either side
TYPICAL = 2.5  # spreads at which the body of a series usually ends
FEW = 50  # samples that weigh as much as what is typical
TAIL_INDEX = 3.0  # P(distance > x) falls with its third power
MEAN_POWER = 0.85  # of a stretch: the tail of a mean is lighter
LEAST_MEAN = 1.0  # spreads; no mean below is an alarm
BURST_MEAN = 0.9 * CLIP  # nor one below this, where bursts are a habit: only one that goes on and on gets there
CLUSTER_SECONDS = 90 * 60  # in which neighbouring samples outside are one alarm
LONGEST = 6.0  # a value is stuck when it has come so many times as often in a row as it usually does at most,
LEAST_REPEATS = 20.0  # and at least so often
FINENESS = 256.0  # a half-width is at least so many quanta
HIGHEST = 1000.0  # scores are clipped here
BURSTS = 5  # separate excursions that make bursts a habit of the series, not an incident
PINBALL = 0.02  # the outer quantiles by which forecasts are compared
ABOVE_ONE = float(np.nextafter(1.0, 2.0))


@dataclass(frozen=True)
class Limits:
    """What the history of each series allows, in spreads."""

    reach: FloatArray  # [S, 2] below and above: fast evidence of one sample
    lasting: FloatArray  # [S, 2] the mean of the last samples
    patience: FloatArray  # [S] samples that one value may come in a row


def calibrate(deviation: FloatArray, evidence: Evidence, kept: BoolArray, calm: BoolArray, alert_budget: float,
              step: int) -> Limits:
    """Limits that keep the budget, from the `kept` samples [S, T] of a history scored as in service.

    deviation: [S, T] the samples in spreads from the trend. calm: [S, T] the kept samples that were no alarm; only
    whether bursts are a habit is asked of all. alert_budget: alarms per series and second.
    """
    fast = fast_evidence(deviation, evidence)
    probability = sample_probability(alert_budget, step)
    stretch = tail_stretch(probability, step)
    reach, lasting = np.empty((len(fast), 2)), np.empty((len(fast), 2))
    for column, side in enumerate((-1.0, 1.0)):
        bursts = _bursts(side * fast, kept, calm, probability)
        reach[:, column] = np.where(bursts > 0, bursts, _body(side * fast, calm) * stretch)
        body = _body(side * evidence.after, calm) * stretch**MEAN_POWER
        lasting[:, column] = np.maximum(body, np.where(bursts > 0, BURST_MEAN, LEAST_MEAN))
    usual = np.nan_to_num(quantile(evidence.repeats, calm, 1 - BODY))
    return Limits(np.maximum(reach, least_reach(probability)), lasting, np.maximum(LONGEST * usual, LEAST_REPEATS))


def sample_probability(alert_budget: float, step: int) -> float:
    """Alarms per sample and side; alert_budget: alarms per series and second."""
    return min(alert_budget * step / 2, 0.4)


def tail_stretch(probability: float, step: int) -> float:
    """Factor from the end of the body to the limit that so many alarms cross; at least 1.

    A regularly varying tail, thinned by the extremal index (Leadbetter, 1983), the share of samples outside that
    begin an alarm of their own.
    """
    extremal_index = min(1.0, step / CLUSTER_SECONDS) ** (1 / 3)
    return float(max(1.0, extremal_index * BODY / probability) ** (1 / TAIL_INDEX))


def fast_evidence(deviation: FloatArray, evidence: Evidence) -> FloatArray:
    """[S, T] geometric mean of the distances from the forecast and from the recent mean, signed; 0 between them.

    deviation: [S, T] the sample. All in spreads from the trend.
    """
    product = (deviation - evidence.forecast) * (deviation - evidence.recent)
    side = np.sign(deviation - 0.5 * (evidence.forecast + evidence.recent))
    return np.asarray(side * np.sqrt(np.maximum(product, 0.0)))


def _body(residual: FloatArray, kept: BoolArray) -> FloatArray:
    """[S] the conformal .99 quantile; of few samples their largest, drawn towards what is typical."""
    ordered, count = gaps_last(residual, kept)
    body = np.maximum(BODY, 1.0 / (count + 1))
    rank = np.clip(np.ceil((count + 1) * (1 - body)), 1, np.maximum(count, 1)).astype(np.int64) - 1
    at_body = np.maximum(np.take_along_axis(ordered, rank[:, None], -1)[:, 0], 0.0)
    at_body = np.where(count > 0, at_body, 0.0)
    weight = count / (count + FEW)
    drawn: FloatArray = at_body**weight * TYPICAL ** (1 - weight)
    return np.where((at_body > 0) | (count == 0), drawn, 0.0)


def least_reach(probability: float) -> float:
    """Spreads that normal noise would need: no side is narrower, however calm the history was."""
    return float(np.sqrt(2 * np.log(0.5 / min(probability, 0.4))))


def _bursts(residual: FloatArray, kept: BoolArray, calm: BoolArray, probability: float) -> FloatArray:
    """[S] reach of a series that is quiet for .99 of its calm time: exponential over what its bursts show.

    0 where it is not so quiet, or where bursts are not a habit.
    """
    outside = kept & (residual > 1.0)
    starts = outside & ~np.pad(outside, ((0, 0), (1, 0)))[:, :-1]
    rate = outside.sum(axis=1) / np.maximum(kept.sum(axis=1), 1)
    middle = quantile(residual, outside, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = middle / np.log(2) * np.log(rate / probability)
    habit = (_body(residual, calm) < 0.5) & (starts.sum(axis=1) >= BURSTS)
    return np.where(habit & np.isfinite(reach), reach, 0.0)


def bounds(offset: FloatArray, doubt: FloatArray, evidence: Evidence, last: FloatArray, limits: Limits) -> Band:
    """The band in spreads from the trend, [S, T]: where neither fast nor slow evidence is crossed.

    offset: the forecast. doubt: >= 1, by how much the band is wider than usual (gaps, an unsure model).
    last: where the last value would lie now.
    """
    middle = 0.5 * (evidence.forecast + evidence.recent)
    apart = 0.5 * (evidence.forecast - evidence.recent)
    half = [np.sqrt(apart**2 + (doubt * limits.reach[:, side, None]) ** 2) for side in (0, 1)]
    lower = np.maximum(np.minimum(middle - half[0], 0.0), -doubt * closer(evidence, -1, limits.lasting[:, 0]))
    upper = np.minimum(np.maximum(middle + half[1], 0.0), doubt * closer(evidence, 1, limits.lasting[:, 1]))
    expected = np.clip(offset, 0.5 * lower, 0.5 * upper)
    stuck = np.maximum(evidence.repeats / limits.patience[:, None], 1.0)
    nearer = expected + (last - expected) / stuck  # between what is expected and the value that does not change
    lower = np.where((stuck > 1) & (last < expected), np.maximum(lower, nearer), lower)
    upper = np.where((stuck > 1) & (last > expected), np.minimum(upper, nearer), upper)
    return Band(lower, expected, upper)


def rounded(band: Band, resolution: FloatArray) -> Band:
    """The band, in units of the series, rounded to a power of two.

    resolution: [S], the least half-width. NaN where nothing can be said.
    """
    least = np.maximum(resolution[:, None], np.finfo(np.float64).tiny)
    below, above = np.maximum(band.expected - band.lower, least), np.maximum(band.upper - band.expected, least)
    quantum = np.maximum(_power_of_two(np.minimum(below, above)) / FINENESS, np.spacing(np.abs(band.expected)))
    centre = np.round(band.expected / quantum) * quantum
    return Band(centre - np.ceil(below / quantum) * quantum, centre, centre + np.ceil(above / quantum) * quantum)


def widened(band: Band, least: FloatArray) -> Band:
    """The band with bounds at least `least` [S, T] away from expected, rounded outwards as the band itself is."""
    quantum = np.maximum(_power_of_two(least) / FINENESS, np.spacing(np.abs(band.expected)))
    least = np.ceil(least / quantum) * quantum
    return Band(np.minimum(band.lower, band.expected - least), band.expected,
                np.maximum(band.upper, band.expected + least))


def stretched(band: Band, below: FloatArray, above: FloatArray) -> Band:
    """The band with each bound so many times as far from expected, rounded outwards as the band itself is.

    below, above: [S, T] factors, at least 1; a bound whose factor is 1, or that is infinite, stays as it is.
    """
    return Band(np.where(_moves(band.lower, below), band.expected - _far(band.expected - band.lower, below, band),
                         band.lower), band.expected,
                np.where(_moves(band.upper, above), band.expected + _far(band.upper - band.expected, above, band),
                         band.upper))


def _moves(bound: FloatArray, factor: FloatArray) -> BoolArray:
    return np.isfinite(bound) & (factor > 1)


def _far(half: FloatArray, factor: FloatArray, band: Band) -> FloatArray:
    with np.errstate(invalid="ignore"):
        wide = half * factor
        quantum = np.maximum(_power_of_two(wide) / FINENESS, np.spacing(np.abs(band.expected)))
        return np.asarray(np.ceil(wide / quantum) * quantum)


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
    count, total = kept.sum(axis=1), np.zeros(len(residual))
    for losses in pinball_losses(residual, kept):
        total += losses.sum(axis=1)
    return np.where(count > 0, total / np.maximum(3 * count, 1), np.nan)


def pinball_losses(residual: FloatArray, kept: BoolArray) -> Iterator[FloatArray]:
    """[S, T] what `pinball` is the mean of, quantile by quantile: the loss of each kept sample, 0 elsewhere."""
    ordered, count = gaps_last(residual, kept)
    for share in (PINBALL, 0.5, 1 - PINBALL):
        offset = np.zeros(len(residual)) if share == 0.5 else ranked(ordered, count, share)
        error = np.where(kept, residual - offset[:, None], 0.0)
        yield np.maximum(share * error, (share - 1) * error)


def _power_of_two(values: FloatArray) -> FloatArray:
    """The largest power of two that is not above."""
    powers: FloatArray = np.ldexp(1.0, np.frexp(values)[1] - 1)
    return powers
