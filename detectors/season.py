"""The calendar: features of the local time, and a robust profile of the day or the week for each
series."""

import numpy as np
from numpy.typing import NDArray

from detectors.api import BoolArray, FloatArray, IntArray
from detectors.scaling import quantile_of_sorted, sort_gaps_last

DAY = 86_400
WEEK = 7 * DAY
KNOT_SECONDS = 1_800  # between the knots of a profile
KNOTS = WEEK // KNOT_SECONDS
FEATURES = 6
BEAT_SECONDS = 2 * 3_600  # between the knots of a rhythm
BEATS = DAY // BEAT_SECONDS
RHYTHM_QUANTILE = 0.75  # of |residual|, which a rhythm compares
RHYTHM_POWER = 0.7  # of what was seen, because part of it is chance: 0 = no rhythm, 1 = as seen
MIN_BEAT_SAMPLES = 30  # that a beat needs

Profile = NDArray[np.float32]  # [S, KNOTS] knots of the week; a daily profile repeats seven times
# [S, BEATS] how many times as wide as usual a series spreads at that time of the day
Rhythm = NDArray[np.float32]


def features(local_times: IntArray) -> NDArray[np.float32]:
    """[T, FEATURES]: two harmonics of the day, one of the week, as sine and cosine."""
    day = 2 * np.pi * (local_times % DAY) / DAY
    week = 2 * np.pi * (local_times % WEEK) / WEEK
    waves = (np.sin(day), np.cos(day), np.sin(2 * day), np.cos(2 * day), np.sin(week), np.cos(week))
    return np.stack(waves, axis=-1).astype(np.float32)


def known_features(period: IntArray) -> NDArray[np.float32]:
    """[S, FEATURES] 1 where the history supports the cycle, 0 where a series must not learn it."""
    day = period >= DAY
    week = period >= WEEK
    return np.stack([day] * 4 + [week] * 2, axis=-1).astype(np.float32)


def fit_profile(
    values: FloatArray, mask: BoolArray, local_times: IntArray
) -> tuple[Profile, IntArray]:
    """From [S, T]: the median of the samples nearest to each knot, and the period [S] in seconds.

    Three weeks of history give a profile of the week, two days one of the day, less a constant
    (period 0). A profile of the week is that of the day and what most weeks agree on. Two weeks are
    too few: one with an incident would have half of the votes.
    """
    knot = (local_times + KNOT_SECONDS // 2) // KNOT_SECONDS
    first = mask.argmax(axis=1)
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    span = np.where(mask.any(axis=1), local_times[last] - local_times[first], 0)
    period = np.where(
        span >= 3 * WEEK - KNOT_SECONDS, WEEK, np.where(span >= 2 * DAY - KNOT_SECONDS, DAY, 0)
    )
    constant = np.nan_to_num(quantile_of_sorted(*sort_gaps_last(values, mask), 0.5))
    profile = np.repeat(constant[:, None], KNOTS, axis=1)
    rows = np.flatnonzero(period > 0)
    if len(rows):
        day = _fill_knots(
            _by_knot(
                values[rows], mask[rows], knot % (DAY // KNOT_SECONDS), DAY // KNOT_SECONDS, 0.5
            )
        )
        profile[rows] = np.tile(day, WEEK // DAY)
    rows = np.flatnonzero(period == WEEK)
    if len(rows):
        profile[rows] += _weekly_medians(
            _by_week(values[rows], mask[rows], knot) - profile[rows, None]
        )
    return profile.astype(np.float32), period.astype(np.int64)


def _by_week(values: FloatArray, mask: BoolArray, knot: IntArray) -> FloatArray:
    """[S, W, KNOTS] the median of the samples at each knot of each week, NaN where there are none.

    knot: [T] of the sample, counted from the start of any week; it steps back where summer time
    ends.
    """
    first = knot.min() // KNOTS * KNOTS
    weeks = int(knot.max() - first) // KNOTS + 1
    medians = _by_knot(values, mask, knot - first, weeks * KNOTS, 0.5)
    return medians.reshape(len(values), weeks, KNOTS)


def _weekly_medians(distance: FloatArray) -> FloatArray:
    """[S, KNOTS] the median of the weeks' distances [S, W, KNOTS] from the day, NaN = none.

    The distance 0 gets a vote where the number of weeks is even, and two votes where there is only
    one week. So of two distances on one side the smaller one counts.
    """
    weeks = (~np.isnan(distance)).sum(axis=1)
    single = weeks == 1
    votes = [
        np.where(voting, 0.0, np.nan)[:, None] for voting in ((weeks % 2 == 0) | single, single)
    ]
    medians: FloatArray = np.nanmedian(np.concatenate([distance, *votes], axis=1), axis=1)
    return medians


def profile_at(profile: Profile, local_times: IntArray) -> FloatArray:
    """[S, T]: the profile, straight between its knots."""
    seconds = local_times % WEEK
    left = seconds // KNOT_SECONDS
    share = (seconds % KNOT_SECONDS) / KNOT_SECONDS  # [T]
    return profile[:, left] * (1.0 - share) + profile[:, (left + 1) % KNOTS] * share


def fit_rhythm(
    residual: FloatArray, mask: BoolArray, local_times: IntArray, period: IntArray
) -> Rhythm:
    """From |residual| [S, T]: its size in each part of the day, over that in the median part.

    1 throughout where no season is known, or where a part has too few samples.
    """
    beat = local_times % DAY // BEAT_SECONDS
    sizes = _by_knot(residual, mask, beat, BEATS, RHYTHM_QUANTILE, MIN_BEAT_SAMPLES)
    middle = quantile_of_sorted(*sort_gaps_last(sizes, ~np.isnan(sizes)), 0.5)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(sizes / middle, 0.3, 10.0) ** RHYTHM_POWER
    known = np.isfinite(share) & (period >= DAY)[:, None] & (middle > 0)
    return np.where(known, share, 1.0).astype(np.float32)


def rhythm_at(rhythm: Rhythm, local_times: IntArray) -> FloatArray:
    """[S, T]: the rhythm, straight between the middles of its parts of the day."""
    seconds = (local_times - BEAT_SECONDS // 2) % DAY
    left = seconds // BEAT_SECONDS
    share = (seconds % BEAT_SECONDS) / BEAT_SECONDS  # [T]
    return rhythm[:, left] * (1.0 - share) + rhythm[:, (left + 1) % BEATS] * share


def _by_knot(
    values: FloatArray, mask: BoolArray, knot: IntArray, knots: int, share: float, fewest: int = 1
) -> FloatArray:
    """[S, knots] the `share` quantile of the samples at each knot, NaN where there are fewer than
    `fewest`."""
    result = np.full((len(values), knots), np.nan)
    for k in np.unique(knot):
        columns = knot == k
        ordered, count = sort_gaps_last(values[:, columns], mask[:, columns])
        result[:, k] = np.where(count >= fewest, quantile_of_sorted(ordered, count, share), np.nan)
    return result


def _fill_knots(knots: FloatArray) -> FloatArray:
    """Fills empty knots between their neighbours, around the end of the cycle."""
    count = knots.shape[1]
    for row in knots:
        filled = np.flatnonzero(~np.isnan(row))
        row[:] = np.interp(np.arange(count), filled, row[filled], period=count)
    return knots
