"""The shape of the week: what the time of the day and the kind of day make of a series.

It is learnt from coarse to fine. Each refinement speaks only where it is sure, by the votes of the
days (see `detectors.votes`):

    the day, in half hours ── two days
      └─ working days and days off ── three days off that agree
           └─ each weekday ── three of them that agree
                └─ details of five minutes ── a job, a steep edge: three days that agree

Estimates that are kept only where they differ from the coarser one by several standard errors are
hard thresholding (Donoho & Johnstone, 1994).
"""

import numpy as np
from numpy.typing import NDArray

from detectors.api import BoolArray, FloatArray, IntArray
from detectors.scaling import quantile
from detectors.season import DAY, DAYS_OFF, WEEK, Clock
from detectors.votes import (
    KNOT_SECONDS,
    KNOTS,
    SLOT_SECONDS,
    SLOTS,
    Votes,
    cast_votes,
    day_levels,
    disagreement,
    nan_quantile,
    vote_noise,
)

WEEK_KNOTS = 7 * KNOTS
PROFILE_COLUMNS = WEEK_KNOTS + 2 * SLOTS
SURE_ERRORS = 4.0  # standard errors from the coarser estimate, from which on one is believed
MEDIAN_ERROR = 1.2533  # standard error of a median over that of a mean, of normal values
MIN_VOTES = 3  # days that must agree
MIN_DAYS = 2  # of history for a shape of the day
MIN_WEEK_DAYS = 14  # and for one of the week
MIN_NOISE = 1e-3  # of votes, in units of the scale
# A job starts a little early or late. Within this time of an edge, either side of it is normal.
JITTER_SECONDS = 120

# [S, PROFILE_COLUMNS] the half hours of the week from Thursday, then the details of working days,
# then those of days off
Profile = NDArray[np.float32]


def fit_profile(values: FloatArray, mask: BoolArray, clock: Clock) -> tuple[Profile, IntArray]:
    """From [S, T]: the profile, and its period [S] in seconds; 0 = no shape is known.

    A profile lies at the level of the last days. Values must be scaled: their spread is about 1.
    """
    votes = cast_votes(values, mask, clock)
    levels = day_levels(votes.by_knot, votes.off)
    week = _fit_week(votes, levels)  # [S, 7, KNOTS]
    details = np.zeros((len(values), 2, SLOTS))
    if clock.step < KNOT_SECONDS:
        details = _fit_details(votes, levels, week, clock.step)
    days = votes.days_seen
    is_weekly = (week != week[:, :1]).any(axis=(1, 2)) & (days >= MIN_WEEK_DAYS)
    period = np.where(is_weekly, WEEK, np.where(days >= MIN_DAYS, DAY, 0))
    knots = week.reshape(len(values), WEEK_KNOTS) + levels[:, -1:]
    profile = np.concatenate([knots, details.reshape(len(values), -1)], axis=1)
    young = np.flatnonzero(period == 0)
    profile[young] = 0.0
    profile[young, :WEEK_KNOTS] = np.nan_to_num(quantile(values, mask, 0.5))[young, None]
    return profile.astype(np.float32), period.astype(np.int64)


def _fit_week(votes: Votes, levels: FloatArray) -> FloatArray:
    """[S, 7, KNOTS] the half hours of each weekday, around the level of the day."""
    rest = votes.by_knot - levels[:, :, None]
    noise = np.maximum(vote_noise(rest, votes.off), MIN_NOISE)
    day = _fill_knots(nan_quantile(rest, 0.5, axis=1))
    week = np.repeat(day[:, None], 7, axis=1)
    if votes.off.any() and not votes.off.all():
        off = _sure_part(rest[:, votes.off] - day[:, None], noise)
        working = np.nan_to_num(nan_quantile(rest[:, ~votes.off] - day[:, None], 0.5, axis=1))
        week[:, DAYS_OFF] += off[:, None]
        # The median of all days leans a little towards the days off: where these differ, it is
        # replaced on working days, too.
        week[:, ~DAYS_OFF] += np.where(off != 0, working, 0.0)[:, None]
    for weekday in range(7):
        days = votes.weekday == weekday
        if days.sum() >= MIN_VOTES:
            week[:, weekday] += _sure_part(rest[:, days] - week[:, weekday][:, None], noise)
    return week


def _fit_details(votes: Votes, levels: FloatArray, week: FloatArray, step: int) -> FloatArray:
    """[S, 2, SLOTS] what the half hours leave of working days and of days off."""
    rows, days, _ = votes.count.shape
    seconds = np.tile(np.arange(SLOTS) * SLOT_SECONDS + max(step, SLOT_SECONDS) // 2, days)
    weekdays = np.repeat(votes.weekday, SLOTS)
    straight = _between_knots(week.reshape(rows, WEEK_KNOTS), seconds, weekdays)
    rest = votes.by_slot - levels[:, :, None] - straight.reshape(rows, days, SLOTS)
    noise = np.maximum(vote_noise(rest, votes.off), MIN_NOISE)
    all_days = _sure_part(rest, noise)
    details = np.repeat(all_days[:, None], 2, axis=1)
    for kind in (0, 1):
        chosen = votes.off == bool(kind)
        if chosen.any():
            details[:, kind] += _sure_part(rest[:, chosen] - all_days[:, None], noise)
    return details


def _sure_part(votes: FloatArray, noise: FloatArray) -> FloatArray:
    """[S, K] the median of votes [S, D, K] where it is sure, and beside such; 0 elsewhere.

    Where the number of votes is even, 0 has one, too. So of two distances on one side the smaller
    one counts. noise: [S, K] standard deviation of a vote.
    """
    count = (~np.isnan(votes)).sum(axis=1)
    zero = np.where(count % 2 == 0, 0.0, np.nan)[:, None]
    middle = np.nan_to_num(nan_quantile(np.concatenate([votes, zero], axis=1), 0.5, axis=1))
    noise = np.maximum(noise, disagreement(votes, middle))
    error = MEDIAN_ERROR * noise / np.sqrt(np.maximum(count, 1))
    sure = np.abs(middle) > SURE_ERRORS * error
    sure |= np.roll(sure, 1, axis=1) | np.roll(sure, -1, axis=1)
    return np.where(sure & (count >= MIN_VOTES), middle, 0.0)


def _fill_knots(knots: FloatArray) -> FloatArray:
    """Empty knots between their neighbours, around the end of the day; 0 where all are empty."""
    columns = np.arange(knots.shape[1])
    filled = np.zeros_like(knots)
    for row, line in enumerate(knots):
        present = np.flatnonzero(~np.isnan(line))
        if len(present):
            filled[row] = np.interp(columns, present, line[present], period=len(columns))
    return filled


def profile_at(profile: Profile, clock: Clock) -> FloatArray:
    """[S, T]: straight between the half hours of one day; a detail holds for its slot.

    A sample stands for the time until the next one, so it lies in the middle of it.
    """
    middle = clock.second + min(clock.step, KNOT_SECONDS) // 2
    coarse = _between_knots(profile[:, :WEEK_KNOTS], middle, clock.weekday)
    return coarse + profile[:, _detail_columns(clock, 0)]


def jitter_at(profile: Profile, clock: Clock) -> tuple[FloatArray, FloatArray]:
    """[S, T] how far below and above the profile its details reach within the jitter; both >= 0.

    An edge is wide in height only around itself.
    """
    jitter = max(JITTER_SECONDS, clock.step)
    middle, early, late = (
        profile[:, _detail_columns(clock, shift)].astype(np.float64)
        for shift in (0, -jitter, jitter)
    )
    below = middle - np.minimum(np.minimum(early, late), middle)
    above = np.maximum(np.maximum(early, late), middle) - middle
    return below, above


def beyond_jitter(residual: FloatArray, below: FloatArray, above: FloatArray) -> FloatArray:
    """What of a residual no jitter in time explains; below, above: [S, T] of `jitter_at`."""
    return residual - np.minimum(np.maximum(residual, -below), above)


def _between_knots(week: FloatArray | Profile, second: IntArray, weekday: IntArray) -> FloatArray:
    """[S, T] straight between the middles of the half hours of one day.

    A day of another kind begins at midnight, not half an hour before it.
    """
    since_middle = second - KNOT_SECONDS // 2
    left = since_middle // KNOT_SECONDS
    share = (since_middle % KNOT_SECONDS) / KNOT_SECONDS  # [T]
    first = weekday * KNOTS
    return np.asarray(
        week[:, first + left % KNOTS] * (1.0 - share) + week[:, first + (left + 1) % KNOTS] * share
    )


def _detail_columns(clock: Clock, shift: int) -> IntArray:
    """[T] the column of a profile with the detail of each time, `shift` seconds later."""
    slot = (clock.second + shift) % DAY // SLOT_SECONDS
    return np.asarray(WEEK_KNOTS + DAYS_OFF[clock.weekday] * SLOTS + slot)
