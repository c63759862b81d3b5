"""What the last samples say together: by hand, through gaps, in pieces."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.api import Arrays, FloatArray, SeriesBatch
from detectors.recent_stats import (
    ACCEPTED_REPEATS,
    APPROACH_POWER,
    BURST_DECAY,
    BURST_SPREADS,
    LIMIT_BOUND_SHARE,
    MAX_MEAN_SHARE,
    MEAN_CLIP_SPREADS,
    PEAK_DECAY,
    RECENT_CLIP_SPREADS,
    RecentStats,
    lasting,
    mean_bound,
    recent_stats,
)
from detectors.trend import fit_trend
from detectors.trend_walk import follow

STEP = 300
MEAN = 1 - np.exp(
    -1 / 6
)  # what a sample of five minutes counts for: the mean spans six of them at least
RECENT = 1 - np.exp(-1 / 8)
FORECAST = 1 - np.exp(-1 / 12)  # an hour
LONG = 1 - np.exp(-1 / 24)  # two hours
PER_SAMPLE = (
    "mean",
    "long_mean",
    "recent",
    "forecast",
    "below",
    "above",
    "repeats",
    "last",
    "gap",
    "mean_after",
    "long_mean_after",
)


def _row(*numbers: float) -> FloatArray:
    return np.array([numbers], np.float64)


def _gather(
    deviation: FloatArray, offset: FloatArray | None = None, carry: Arrays | None = None
) -> RecentStats:
    """The evidence of deviations, NaN = a gap, that are values as well."""
    batch = SeriesBatch(deviation, ~np.isnan(deviation), 0, STEP)
    course = follow(fit_trend(batch, batch.observed), batch, None)
    course = replace(course, deviation=np.nan_to_num(deviation))
    return recent_stats(
        course, batch, np.zeros(deviation.shape) if offset is None else offset, carry
    )


def _evidence(**arrays: float) -> RecentStats:
    """Of one sample, zero but for what is given."""
    given = {name: _row(arrays.get(name, 0.0)) for name in PER_SAMPLE}
    return RecentStats(**given, accept_steps=144.0, carry={})


def test_the_mean_of_the_last_samples_by_hand() -> None:
    found = _gather(_row(1, 3, np.nan, -100))
    first = MEAN * 1
    second = first + MEAN * (3 - first)
    assert found.mean[0] == pytest.approx(
        [0, first, second, second]
    )  # before each sample; a gap takes nothing
    assert found.mean_after[0, :3] == pytest.approx([first, second, second])  # with it
    assert found.mean_after[0, 3] == pytest.approx(second + MEAN * (-MEAN_CLIP_SPREADS - second))
    assert found.carry["mean"] == pytest.approx(found.mean_after[0, 3])


def test_the_long_mean_by_hand() -> None:
    found = _gather(_row(1, np.nan, 100))
    assert found.long_mean[0] == pytest.approx([0, LONG, LONG])
    after = LONG + LONG * (MEAN_CLIP_SPREADS - LONG)
    assert found.long_mean_after[0, 2] == found.carry["long_mean"] == pytest.approx(after)


def test_a_fine_step_spans_minutes_not_samples() -> None:
    batch = SeriesBatch(np.ones((1, 2)), np.ones((1, 2), bool), 0, 60)
    course = replace(
        follow(fit_trend(batch, batch.observed), batch, None), deviation=np.ones((1, 2))
    )
    found = recent_stats(course, batch, np.ones((1, 2)), None)
    assert found.mean[0, 1] == pytest.approx(1 - np.exp(-1 / 10))
    assert found.recent[0, 1] == pytest.approx(1 - np.exp(-1 / 20))


def test_the_recent_mean_and_that_of_the_forecasts_by_hand() -> None:
    found = _gather(_row(2, np.nan, 1e6), offset=_row(4, 4, 4))
    assert found.recent[0] == pytest.approx([0, RECENT * 2, RECENT * 2])
    assert found.carry["recent"] == pytest.approx(
        RECENT * 2 + RECENT * (RECENT_CLIP_SPREADS - RECENT * 2)
    )
    remaining = (1 - FORECAST) ** np.arange(1, 4)
    assert found.forecast[0] == pytest.approx(
        4 * (1 - remaining)
    )  # with that of the sample itself; also in a gap


def test_peaks_fade_and_far_ones_faster() -> None:
    found = _gather(_row(10, 0, np.nan, -4, 1e3, 0, 20))
    assert found.above[0] == pytest.approx(
        [0, 10, 10 * PEAK_DECAY, 10 * PEAK_DECAY, 10 * PEAK_DECAY**2, 1e3, 1e3 * BURST_DECAY]
    )
    assert found.below[0] == pytest.approx([0, 0, 0, 0, 4, 4 * PEAK_DECAY, 4 * PEAK_DECAY**2])
    assert (
        found.carry["above"] == pytest.approx(1e3 * BURST_DECAY**2)
        and 1e3 * BURST_DECAY > BURST_SPREADS
    )


def test_repeats_by_hand() -> None:
    found = _gather(_row(3, 3, np.nan, 3, 4, 4))
    assert found.repeats.tolist() == [[0, 1, 2, 2, 3, 1]]
    assert found.last[0, 1:].tolist() == [3, 3, 3, 3, 4] and np.isnan(found.last[0, 0])
    assert (found.carry["repeats"].tolist(), found.carry["last"].tolist()) == ([2], [4])


def test_nothing_is_known_before_the_first_sample() -> None:
    found = _gather(_row(np.nan, np.nan))
    assert np.isnan(found.last).all() and not found.repeats.any() and not found.mean.any()


@pytest.mark.parametrize("cut", range(1, 12))
def test_pieces_equal_the_whole(cut: int) -> None:
    deviation = np.array(
        [
            [1, 1, 1, np.nan, np.nan, 1, 50, 2, 2, np.nan, -3, -3],
            [np.nan, np.nan, 4, 4, 4, 4, np.nan, 4, 0, 0, 0, 9],
        ]
    )
    offset = np.linspace(-2, 2, 24).reshape(2, 12)
    whole = _gather(deviation, offset)
    first = _gather(deviation[:, :cut], offset[:, :cut])
    second = _gather(deviation[:, cut:], offset[:, cut:], first.carry)
    for name in PER_SAMPLE:
        joined = np.concatenate([getattr(first, name), getattr(second, name)], axis=1)
        assert np.array_equal(joined, getattr(whole, name), equal_nan=True), name
    assert all(np.array_equal(whole.carry[name], second.carry[name]) for name in whole.carry)
    alone = _gather(deviation[1:], offset[1:])
    assert np.array_equal(alone.mean[0], whole.mean[1]) and np.array_equal(
        alone.above[0], whole.above[1]
    )


def test_no_evidence_sees_its_own_sample() -> None:
    ordinary = _gather(_row(1, 2, 1))
    wild = _gather(_row(1, 2, 1e3))
    for name in set(PER_SAMPLE) - {"mean_after", "long_mean_after"}:
        assert np.array_equal(getattr(ordinary, name), getattr(wild, name), equal_nan=True), name


@pytest.mark.parametrize(
    ("mean", "bound"),
    [
        (2.0, LIMIT_BOUND_SHARE * 10),  # at its limit
        (1.0, LIMIT_BOUND_SHARE * 10 * 2**APPROACH_POWER),  # half the way
        (200.0, LIMIT_BOUND_SHARE * 10 * MAX_MEAN_SHARE**-APPROACH_POWER),  # as near as it comes
        (0.0, LIMIT_BOUND_SHARE * 10 * 1000**APPROACH_POWER),
        (-2.0, LIMIT_BOUND_SHARE * 10 * 1000**APPROACH_POWER),  # nothing to say
    ],
)
def test_the_bound_comes_closer_as_the_mean_goes_out(mean: float, bound: float) -> None:
    limit = np.array([2.0])
    for side, found in (1, _evidence(above=10.0)), (-1, _evidence(below=10.0)):
        assert mean_bound(found, side, np.array([[mean]]), limit)[0, 0] == pytest.approx(bound)


@pytest.mark.parametrize(
    ("mean", "long_mean", "lasts"), [(5.0, 2.0, 2.0), (1.0, 5.0, 1.0), (-1.0, 5.0, -1.0)]
)
def test_a_long_mean_counts_as_far_as_the_last_minutes_confirm_it(
    mean: float, long_mean: float, lasts: float
) -> None:
    for side in (1, -1):
        found = lasting(np.array([[side * mean]]), np.array([[side * long_mean]]), side)
        assert found[0, 0] == lasts


def test_a_bound_is_measured_by_the_peak_or_where_there_is_none_by_the_limit() -> None:
    bound = mean_bound(_evidence(), 1, np.array([[2.0]]), np.array([2.0]))
    assert bound[0, 0] == pytest.approx(LIMIT_BOUND_SHARE * 2)


def test_what_is_not_usable_says_nothing() -> None:
    deviation = _row(1, 3, 8, 8, 8, 2)
    usable = np.array([[True, True, False, False, False, True]])
    batch = SeriesBatch(deviation, np.ones((1, 6), bool), 0, STEP, usable)
    gap = replace(batch, observed=usable)
    course = replace(follow(fit_trend(batch, usable), batch, None), deviation=deviation)
    found, expected = (recent_stats(course, each, np.zeros((1, 6)), None) for each in (batch, gap))
    for name in PER_SAMPLE:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
    assert found.gap[0].tolist()[2:] == [1, 2, 3, 4] and found.last[0, 5] == 3


def test_what_lay_away_is_no_evidence_against_the_level_that_was_accepted() -> None:
    deviation = np.concatenate([_row(5, 5, 5), _row(9, 9, 9)])
    batch = SeriesBatch(deviation, np.ones((2, 3), bool), 0, STEP)
    course = replace(
        follow(fit_trend(batch, batch.observed), batch, None),
        deviation=deviation,
        acceptances={1: np.array([True, False])},
    )
    found = recent_stats(course, batch, np.ones((2, 3)), None)
    untouched = _gather(deviation)
    for name in ("mean", "long_mean", "recent", "above", "below"):
        assert (
            getattr(found, name)[0, 1] == getattr(untouched, name)[0, 1]
            and getattr(found, name)[0, 2] == 0
        )
        assert np.array_equal(getattr(found, name)[1], getattr(untouched, name)[1]), (
            "the other one goes on"
        )
    assert found.forecast[0, 2] > found.forecast[0, 1] > 0, "what the model said is not forgotten"


def test_a_value_that_was_accepted_may_stay_and_another_one_is_counted_anew() -> None:
    deviation = _row(5, 5, 5, 5, 9, 9, 9)
    batch = SeriesBatch(deviation, np.ones((1, 7), bool), 0, STEP)
    course = replace(
        follow(fit_trend(batch, batch.observed), batch, None), acceptances={2: np.array([True])}
    )
    whole = recent_stats(course, batch, np.zeros((1, 7)), None)
    repeats = whole.repeats[0]
    assert repeats[:3].tolist() == [0, 1, 2] and repeats[5:].tolist() == [1, 2]
    assert (repeats[3:5] > ACCEPTED_REPEATS).all()
    first = recent_stats(course.steps(0, 3), batch.steps(0, 3), np.zeros((1, 3)), None)
    rest = recent_stats(course.steps(3, 7), batch.steps(3, 7), np.zeros((1, 4)), first.carry)
    assert rest.repeats[0].tolist() == repeats[3:].tolist(), "its memory is carried"
