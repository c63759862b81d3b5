"""What each day of a history says of each slot of the day: a day has one vote.

An incident, a deployment or a holiday is one vote among many, however long it lasts and however
large it is. So a shape that is learnt from votes is what most days agree on.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from detectors.api import BoolArray, FloatArray, IntArray
from detectors.scaling import NORMAL_MAD, quantile_of_sorted
from detectors.season import DAY, DAYS_OFF, Clock

SLOT_SECONDS = 300
SLOTS = DAY // SLOT_SECONDS
KNOT_SECONDS = 1_800  # between the knots of a shape
KNOTS = DAY // KNOT_SECONDS  # of one day
SLOTS_PER_KNOT = KNOT_SECONDS // SLOT_SECONDS
LEVEL_DAYS = 5  # of which a level is the median: three of them are working days
LEVEL_ROUNDS = 3  # in which levels and shape are told apart
NORMAL_MEAN = 1.2533  # mean |x| of a normal distribution is sigma / 1.2533
MIN_GROUP_DAYS = 3  # whose votes tell how much votes differ


@dataclass(frozen=True)
class Votes:
    """The samples of D local days of S series, slot by slot."""

    total: FloatArray  # [S, D, SLOTS] sum of the samples
    count: FloatArray  # [S, D, SLOTS] number of samples
    weekday: IntArray  # [D] days since Thursday; a holiday is a Sunday

    @cached_property
    def by_slot(self) -> FloatArray:
        """[S, D, SLOTS] mean of the samples of a slot; NaN where there are none."""
        return _mean(self.total, self.count)

    @cached_property
    def by_knot(self) -> FloatArray:
        """[S, D, KNOTS] median of the slots of half an hour; NaN where there are none."""
        shape = (*self.count.shape[:2], KNOTS, SLOTS_PER_KNOT)
        return nan_quantile(self.by_slot.reshape(shape), 0.5, axis=-1)

    @property
    def off(self) -> BoolArray:
        """[D] whether the day is one of a weekend, or a holiday."""
        return np.asarray(DAYS_OFF[self.weekday])

    @property
    def days_seen(self) -> IntArray:
        """[S] days with samples in a twelfth of their half hours at least: what counts is days
        seen, not the distance between the first and the last sample."""
        knots = (~np.isnan(self.by_knot)).sum(axis=2)
        return np.asarray((knots >= KNOTS // 12).sum(axis=1))


def _mean(total: FloatArray, count: FloatArray) -> FloatArray:
    return np.asarray(np.where(count > 0, total, np.nan) / np.maximum(count, 1))


def cast_votes(values: FloatArray, mask: BoolArray, clock: Clock) -> Votes:
    """The votes of the marked samples of [S, T]."""
    places, starts, weekday = _places(clock)
    shape = (len(values), len(weekday), SLOTS)
    total = np.zeros((shape[1] * SLOTS, shape[0]))
    count = np.zeros_like(total)
    # Where the clocks go back, two runs of columns share a slot.
    np.add.at(total, places, np.add.reduceat(np.where(mask, values, 0.0), starts, axis=1).T)
    np.add.at(count, places, np.add.reduceat(mask.astype(np.float64), starts, axis=1).T)
    return Votes(total.T.reshape(shape), count.T.reshape(shape), weekday)


def largest_votes(sizes: FloatArray, mask: BoolArray, clock: Clock) -> FloatArray:
    """[S, D, SLOTS] the largest of the marked sizes (>= 0) of each slot; NaN where there are
    none."""
    places, starts, weekday = _places(clock)
    largest = np.full((len(weekday) * SLOTS, len(sizes)), -1.0)
    np.maximum.at(largest, places, np.maximum.reduceat(np.where(mask, sizes, -1.0), starts, 1).T)
    return np.where(largest < 0, np.nan, largest).T.reshape(len(sizes), len(weekday), SLOTS)


def daily_lowest(values: FloatArray, mask: BoolArray, clock: Clock) -> FloatArray:
    """[S, D] the smallest of the marked samples of each day; NaN where there are none."""
    starts = np.flatnonzero(np.diff(clock.day, prepend=clock.day[0] - 1))
    lowest = np.minimum.reduceat(np.where(mask, values, np.inf), starts, axis=1)
    return np.where(np.isfinite(lowest), lowest, np.nan)


def _places(clock: Clock) -> tuple[IntArray, IntArray, IntArray]:
    """(slot since the first day of each run of columns, first column of each run, [D] weekday)."""
    first = int(clock.day.min())
    slot = (clock.day - first) * SLOTS + clock.second // SLOT_SECONDS
    starts = np.flatnonzero(np.diff(slot, prepend=slot[0] - 1))
    days = int(clock.day.max()) - first + 1
    weekday = (first + np.arange(days)) % 7
    weekday[clock.day - first] = clock.weekday
    return slot[starts], starts, weekday


def day_levels(by_knot: FloatArray, off: BoolArray) -> FloatArray:
    """[S, D] where each day lies, less what the shape of its kind of day makes of it.

    A deployment that lifts a series is a level, and no part of the shape: it must not come back at
    the same hour of the next days. by_knot: [S, D, KNOTS]. off: [D].
    """
    levels = np.zeros(by_knot.shape[:2])
    shape = np.zeros(by_knot.shape)
    for _ in range(LEVEL_ROUNDS):
        levels = _running_median(nan_quantile(by_knot - shape, 0.5, axis=2))
        rest = by_knot - levels[:, :, None]
        for kind in np.unique(off):
            days = off == kind
            shape[:, days] = np.nan_to_num(nan_quantile(rest[:, days], 0.5, axis=1))[:, None]
    return levels


def _running_median(values: FloatArray) -> FloatArray:
    """[S, D] the median of each day and its neighbours. A day without samples lies where the day
    before it lay."""
    half = LEVEL_DAYS // 2
    padded = np.pad(values, ((0, 0), (half, half)), constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, LEVEL_DAYS, axis=1)
    medians = nan_quantile(windows, 0.5, axis=2)
    column = np.where(np.isnan(medians), -1, np.arange(values.shape[1]))
    last = np.maximum.accumulate(column, axis=1)
    return np.nan_to_num(np.take_along_axis(medians, np.maximum(last, 0), axis=1))


def vote_noise(votes: FloatArray, off: BoolArray) -> FloatArray:
    """[S, K] how far votes [S, D, K] lie from those of days of their kind, as a standard
    deviation."""
    rest = np.full(votes.shape, np.nan)
    for kind in np.unique(off):
        days = off == kind
        if days.sum() >= MIN_GROUP_DAYS:
            middle = nan_quantile(votes[:, days], 0.5, axis=1)
            rest[:, days] = votes[:, days] - middle[:, None]
    rest = np.where(np.isnan(rest).all(axis=1, keepdims=True), votes, rest)
    return np.nan_to_num(NORMAL_MAD * nan_quantile(np.abs(rest), 0.5, axis=1))


def disagreement(votes: FloatArray, middle: FloatArray) -> FloatArray:
    """[S, K] how far votes [S, D, K] lie from their own middle [S, K], as a standard deviation; the
    farthest one has no say.

    Unlike a median, it tells of a part of the votes that lies elsewhere, though most are the same.
    """
    size = np.sort(np.abs(votes - middle[:, None]), axis=1)  # NaN last
    count = (~np.isnan(size)).sum(axis=1)
    counted = np.arange(size.shape[1])[:, None] < count[:, None] - 1
    total = np.where(counted, size, 0.0).sum(axis=1)
    return np.asarray(NORMAL_MEAN * total / np.maximum(count - 1, 1))


def nan_quantile(values: FloatArray, share: float, axis: int) -> FloatArray:
    """The `share` quantile along an axis of the entries that are not NaN, between the two nearest
    ranks; NaN where there are none."""
    return quantile_of_sorted(*_sort_nan_last(values, axis), share)


def agreed_size(sizes: FloatArray, share: float) -> FloatArray:
    """[S, K] that quantile of [S, D, K] over the days; the lower one of the two nearest ranks, so
    that one day of few has no say."""
    ordered, count = _sort_nan_last(sizes, 1)
    rank = (np.maximum(count - 1, 0) * share).astype(np.int64)
    return np.take_along_axis(ordered, rank[..., None], -1)[..., 0]


def _sort_nan_last(values: FloatArray, axis: int) -> tuple[FloatArray, FloatArray]:
    """(the entries along an axis in order, as the last axis; the number of those that are not
    NaN)."""
    ordered = np.sort(np.moveaxis(values, axis, -1), axis=-1)
    return ordered, (~np.isnan(ordered)).sum(axis=-1).astype(np.float64)
