"""The width of time: how far a series strays from its level at each time of the day.

Smooth over the day, from the usual size of the residual in each two hours. Besides, a slot of five
minutes is wide where most days agree that it is: a regular job widens its own time only, and an
incident of one day widens nothing. What happens alone, again and again, in one part of the day (a
ratio of few requests at night) is normal there, too.
"""

import numpy as np
from numpy.typing import NDArray

from detectors.api import BoolArray, FloatArray
from detectors.scaling import quantile_of_sorted, sort_gaps_last
from detectors.season import DAY, Clock
from detectors.votes import (
    MIN_GROUP_DAYS,
    SLOT_SECONDS,
    SLOTS,
    agreed_size,
    largest_votes,
    nan_quantile,
)

BEAT_SECONDS = 2 * 3_600  # between the knots of the smooth part
BEATS = DAY // BEAT_SECONDS
SLOTS_PER_BEAT = SLOTS // BEATS
BEAT_QUANTILE = 0.75  # of |residual|, which beats compare
BEAT_POWER = 0.7  # of what was seen, because part of it is chance: 0 = no rhythm, 1 = as seen
MIN_BEAT_SAMPLES = 30  # that a beat needs
SLOT_QUANTILE = 0.7  # over the days, of the largest |residual| of a slot
WIDE_RATIO = 3.0  # times as wide as usual is wide
ALONE_RATIO = 3.0  # times as far out as the slots before and after it is alone
ALONE_SHARE = 0.5  # of the days on which something like it happens alone
ALONE_MARGIN = 2.0  # times as far out it may be then
CALM_SHARE = 0.25  # of the day is calm at least where something happens alone in a part of it
MIN_ALONE_DAYS = 4  # and so many at least

# [S, SLOTS] how many times as wide as usual a series spreads at that time of the day
Rhythm = NDArray[np.float32]


def fit_rhythm(
    residual: FloatArray,
    surprise: FloatArray,
    mask: BoolArray,
    clock: Clock,
    known: BoolArray,
    least: FloatArray,
) -> Rhythm:
    """From |residual| [S, T]; 1 throughout where no shape of the day is `known` [S].

    surprise: [S, T] the same as seen from the level of the hours before, which slots compare.
    least: [S] > 0, below which no size is told from another.
    """
    smooth = np.where(known[:, None], _smooth_part(residual, mask, clock), 1.0)
    votes = largest_votes(surprise, mask, clock) / smooth[:, None]
    size = agreed_size(votes, SLOT_QUANTILE)
    size = np.where((~np.isnan(votes)).sum(axis=1) >= MIN_GROUP_DAYS, size, np.nan)
    usual = np.fmax(nan_quantile(size, 0.5, axis=1), least)[:, None]
    alone = np.repeat(_alone(votes, np.fmax(size, usual)), SLOTS_PER_BEAT, axis=1)
    ratio = np.nan_to_num(np.fmax(size, ALONE_MARGIN * alone) / usual)
    is_wide = known[:, None] & (ratio > WIDE_RATIO)
    return (smooth * np.where(is_wide, ratio, 1.0)).astype(np.float32)


def rhythm_at(rhythm: Rhythm, clock: Clock) -> FloatArray:
    """[S, T]: that of the slot."""
    return np.asarray(rhythm[:, clock.second // SLOT_SECONDS], np.float64)


def _smooth_part(residual: FloatArray, mask: BoolArray, clock: Clock) -> FloatArray:
    """[S, SLOTS] the size of |residual| in each part of the day, over that in the median part."""
    beat = clock.second // BEAT_SECONDS
    sizes = np.full((len(residual), BEATS), np.nan)
    for number in np.unique(beat):
        columns = beat == number
        ordered, count = sort_gaps_last(residual[:, columns], mask[:, columns])
        size = quantile_of_sorted(ordered, count, BEAT_QUANTILE)
        sizes[:, number] = np.where(count >= MIN_BEAT_SAMPLES, size, np.nan)
    middle = nan_quantile(sizes, 0.5, axis=1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(sizes / middle, 0.3, 10.0) ** BEAT_POWER
    beats = np.where(np.isfinite(share) & (middle > 0), share, 1.0)
    return _between_beats(beats)


def _between_beats(beats: FloatArray) -> FloatArray:
    """[S, SLOTS] straight between the middles of the beats [S, BEATS]."""
    seconds = (np.arange(SLOTS) * SLOT_SECONDS + SLOT_SECONDS // 2 - BEAT_SECONDS // 2) % DAY
    left = seconds // BEAT_SECONDS
    share = (seconds % BEAT_SECONDS) / BEAT_SECONDS
    return np.asarray(beats[:, left] * (1.0 - share) + beats[:, (left + 1) % BEATS] * share)


def _alone(votes: FloatArray, size: FloatArray) -> FloatArray:
    """[S, BEATS] how far out a single slot is again and again within six hours around a beat; 0
    where none is on enough days.

    votes: [S, D, SLOTS] the largest |residual| of each slot of each day. size: [S, SLOTS] the usual
    one of that slot.
    """
    rows, days, _ = votes.shape
    rank = max(MIN_ALONE_DAYS, int(np.ceil(ALONE_SHARE * days)))
    if days < rank:
        return np.zeros((rows, BEATS))
    height = np.nan_to_num(votes).reshape(rows, -1)
    beside = np.maximum(np.roll(height, 1, axis=1), np.roll(height, -1, axis=1))
    alone = np.where(height > ALONE_RATIO * beside, height, 0.0).reshape(votes.shape)
    alone = np.where(alone > ALONE_RATIO * size[:, None], alone, 0.0)
    found = _reached(alone, rank)
    # What is as far out all day is the tail of the series, and a matter of its limits.
    calm = np.quantile(_reached(height.reshape(votes.shape), rank), CALM_SHARE, axis=1)
    return np.where(found > ALONE_RATIO * calm[:, None], found, 0.0)


def _reached(height: FloatArray, rank: int) -> FloatArray:
    """[S, BEATS] what [S, D, SLOTS] reach on `rank` days within six hours around each beat."""
    by_beat = height.reshape(*height.shape[:2], BEATS, SLOTS_PER_BEAT).max(axis=-1)
    around = np.maximum(by_beat, np.maximum(np.roll(by_beat, 1, 2), np.roll(by_beat, -1, 2)))
    return np.asarray(np.sort(around, axis=1)[:, -rank])
