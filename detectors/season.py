"""The calendar: features of the local time, and a robust profile of the day or the week for each series."""

import numpy as np
from numpy.typing import NDArray

from detectors.api import BoolArray, FloatArray, IntArray
from detectors.scaling import gaps_last, ranked

DAY = 86_400
WEEK = 7 * DAY
KNOT = 1_800  # seconds between the knots of a profile
KNOTS = WEEK // KNOT
FEATURES = 6
BEAT = 2 * 3_600  # seconds between the knots of a rhythm
BEATS = DAY // BEAT
BUSY = 0.75  # quantile of |residual| that a rhythm compares
TRUSTED = 0.7  # power by which a rhythm is believed: 0 = not at all, 1 = as seen
FEWEST = 30  # samples that a beat needs

Profile = NDArray[np.float32]  # [S, KNOTS] knots of the week; a daily profile repeats seven times
Rhythm = NDArray[np.float32]  # [S, BEATS] how much wider than usual a series spreads at that time of the day


def features(local_times: IntArray) -> NDArray[np.float32]:
    """[T, FEATURES]: two harmonics of the day, one of the week, as sine and cosine."""
    day = 2 * np.pi * (local_times % DAY) / DAY
    week = 2 * np.pi * (local_times % WEEK) / WEEK
    waves = (np.sin(day), np.cos(day), np.sin(2 * day), np.cos(2 * day), np.sin(week), np.cos(week))
    return np.stack(waves, axis=-1).astype(np.float32)


def known_features(period: IntArray) -> NDArray[np.float32]:
    """[S, FEATURES] of 0 and 1: a series must not learn from a cycle that its history does not support."""
    day, week = period >= DAY, period >= WEEK
    return np.stack([day] * 4 + [week] * 2, axis=-1).astype(np.float32)


def fit_profile(values: FloatArray, kept: BoolArray, local_times: IntArray) -> tuple[Profile, IntArray]:
    """From [S, T]: median of the samples nearest to each knot, and the period [S] that the history supports.

    Three weeks of history give a profile of the week, two days one of the day, less a constant (period 0). A week is
    a day and what most weeks agree on: with two, one in which there was an incident would have half of the votes.
    """
    knot = (local_times + KNOT // 2) // KNOT
    any_kept = kept.any(axis=1)
    first, last = kept.argmax(axis=1), kept.shape[1] - 1 - kept[:, ::-1].argmax(axis=1)
    span = np.where(any_kept, local_times[last] - local_times[first], 0)
    period = np.where(span >= 3 * WEEK - KNOT, WEEK, np.where(span >= 2 * DAY - KNOT, DAY, 0))
    constant = np.nan_to_num(ranked(*gaps_last(values, kept), 0.5))
    profile = np.repeat(constant[:, None], KNOTS, axis=1)
    rows = np.flatnonzero(period > 0)
    if len(rows):
        day = _bridge(_by_knot(values[rows], kept[rows], knot % (DAY // KNOT), DAY // KNOT, 0.5))
        profile[rows] = np.tile(day, WEEK // DAY)
    rows = np.flatnonzero(period == WEEK)
    if len(rows):
        profile[rows] += _agreed(_by_week(values[rows], kept[rows], knot) - profile[rows, None])
    return profile.astype(np.float32), period.astype(np.int64)


def _by_week(values: FloatArray, kept: BoolArray, knot: IntArray) -> FloatArray:
    """[S, W, KNOTS] the median of the samples at each knot of each week, NaN where there are none.

    knot: [T] of the sample, counted on from some week's begin; it steps back where a summer time ends.
    """
    first = knot.min() // KNOTS * KNOTS
    weeks = int(knot.max() - first) // KNOTS + 1
    return _by_knot(values, kept, knot - first, weeks * KNOTS, 0.5).reshape(len(values), weeks, KNOTS)


def _agreed(distance: FloatArray) -> FloatArray:
    """[S, KNOTS] the middle one of the weeks' distances [S, W, KNOTS] from the day, NaN = none.

    Where the weeks are even, or only one, no distance has a vote, too: of two on one side the smaller counts.
    """
    weeks = (~np.isnan(distance)).sum(axis=1)
    votes = [np.where(known, 0.0, np.nan)[:, None] for known in ((weeks % 2 == 0) | (weeks == 1), weeks == 1)]
    agreed: FloatArray = np.nanmedian(np.concatenate([distance, *votes], axis=1), axis=1)
    return agreed


def profile_at(profile: Profile, local_times: IntArray) -> FloatArray:
    """[S, T]: the profile, straight between its knots."""
    within = local_times % WEEK
    left = within // KNOT
    share = (within % KNOT) / KNOT  # [T]
    return profile[:, left] * (1.0 - share) + profile[:, (left + 1) % KNOTS] * share


def fit_rhythm(residual: FloatArray, kept: BoolArray, local_times: IntArray, period: IntArray) -> Rhythm:
    """From |residual| [S, T]: what it is in each part of the day, over what it is in the middle one of them.

    1 throughout where no season is known, and where a part has too few samples.
    """
    beat = local_times % DAY // BEAT
    sizes = _by_knot(residual, kept, beat, BEATS, BUSY, FEWEST)
    middle = ranked(*gaps_last(sizes, ~np.isnan(sizes)), 0.5)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(sizes / middle, 0.3, 10.0) ** TRUSTED
    known = np.isfinite(share) & (period >= DAY)[:, None] & (middle > 0)
    return np.where(known, share, 1.0).astype(np.float32)


def rhythm_at(rhythm: Rhythm, local_times: IntArray) -> FloatArray:
    """[S, T]: the rhythm, straight between the middles of its parts of the day."""
    within = (local_times - BEAT // 2) % DAY
    left = within // BEAT
    share = (within % BEAT) / BEAT  # [T]
    return rhythm[:, left] * (1.0 - share) + rhythm[:, (left + 1) % BEATS] * share


def _by_knot(values: FloatArray, kept: BoolArray, knot: IntArray, knots: int, share: float,
             fewest: int = 1) -> FloatArray:
    """[S, knots] the `share` quantile of the samples at each knot, NaN where there are fewer than `fewest`."""
    result = np.full((len(values), knots), np.nan)
    for k in np.unique(knot):
        here = knot == k
        ordered, count = gaps_last(values[:, here], kept[:, here])
        result[:, k] = np.where(count >= fewest, ranked(ordered, count, share), np.nan)
    return result


def _bridge(knots: FloatArray) -> FloatArray:
    """Fills empty knots between their neighbours, around the end of the cycle."""
    n = knots.shape[1]
    for row in knots:
        there = np.flatnonzero(~np.isnan(row))
        row[:] = np.interp(np.arange(n), there, row[there], period=n)
    return knots
