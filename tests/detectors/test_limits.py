"""Limits from a history, by hand."""

import numpy as np
import pytest

from detectors.api import BoolArray, FloatArray
from detectors.limits import (
    BURST_MEAN_SPREADS,
    LONG_MEAN_POWER,
    MEAN_TAIL_SLOPE,
    MIN_MEAN_SPREADS,
    Limits,
    fast_evidence,
    fit_limits,
    min_fast_limit,
)
from detectors.tails import BODY_SHARE, MIN_TAIL_SLOPE, TAIL_SLOPE_SHARE, tail_rarity, tail_stretch
from tests.detectors.stats import row, stats

DAY = 86_400
# So many times as rare as the end of the body are the limits, for an alarm a week at five minutes.
RARITY = tail_rarity(150 / (7 * DAY), 300)
MEAN_STRETCH = RARITY**MEAN_TAIL_SLOPE
# Of a limit of samples, where the slope of the body is the usual one.
STRETCH = tail_stretch(150 / (7 * DAY), 300)
BUDGETS = {"1/d": 1 / DAY, "1/w": 1 / (7 * DAY), "1/month": 1 / (30 * DAY)}


def _calibrate(
    deviation: FloatArray,
    budget: float = BUDGETS["1/w"],
    step: int = 300,
    kept: BoolArray | None = None,
    calm: BoolArray | None = None,
    **evidence: FloatArray,
) -> Limits:
    kept = np.ones(deviation.shape, bool) if kept is None else kept
    return fit_limits(
        deviation, stats(deviation, **evidence), kept, kept if calm is None else calm, budget, step
    )


def test_calibrate_takes_the_conformal_rank_and_stretches_it() -> None:
    residual = np.arange(1.0, 10_000.0)[None]  # n = 9,999: rank ceil(10,000 * .97) = 9,700
    weight = 9_999 / 10_049  # fifty samples' weight of what is typical
    drawn = 9_700**weight * 2.0 ** (1 - weight)
    slope = MIN_TAIL_SLOPE + TAIL_SLOPE_SHARE * (0.15 * weight + 0.5 * (1 - weight))
    limits = _calibrate(residual)
    assert limits.fast_limit[0, 1] == pytest.approx(drawn * RARITY**slope, rel=1e-3)
    assert limits.fast_limit[0, 0] == min_fast_limit(
        BUDGETS["1/w"] * 300 / 2
    )  # nothing below: what normal noise needs
    assert _calibrate(-residual).fast_limit[0].tolist() == limits.fast_limit[0, ::-1].tolist()


def test_a_heavier_body_has_a_heavier_tail() -> None:
    """Of two bodies that end at the same place."""
    drawn = np.arange(1, 2_000)[None] / 2_000
    light, heavy = (_calibrate(10 * (drawn / BODY_SHARE) ** -slope) for slope in (0.2, 0.4))
    ratio = RARITY ** (TAIL_SLOPE_SHARE * 0.2)
    assert heavy.fast_limit[0, 1] / light.fast_limit[0, 1] == pytest.approx(ratio, rel=0.03)


def test_an_incident_of_two_percent_does_not_set_the_limit_and_a_habit_does() -> None:
    """Both are 200 samples at 20 spreads; the one at once, the other in ten bursts."""
    lively = np.random.default_rng(0).normal(size=(2, 10_000))
    lively[0, 5_000:5_200] = 20.0
    for start in range(500, 10_000, 1_000):
        lively[1, start : start + 20] = 20.0
    incident, habit = _calibrate(lively).fast_limit[:, 1]
    assert incident < 12 < 20 < habit


def test_normal_noise_needs_so_much() -> None:
    assert min_fast_limit(0.5 * np.exp(-8)) == pytest.approx(4.0)  # the bound of Chernoff
    assert _calibrate(np.zeros((1, 500))).fast_limit.tolist() == [
        [min_fast_limit(BUDGETS["1/w"] * 150)] * 2
    ]


@pytest.mark.parametrize(("count", "body"), [(0, 2.0), (8, 8 ** (8 / 58) * 2.0 ** (50 / 58))])
def test_few_samples_are_drawn_from_their_largest_towards_what_is_typical(
    count: int, body: float
) -> None:
    kept = np.arange(20)[None] < count
    assert _calibrate(np.arange(1.0, 21.0)[None], kept=kept).fast_limit[0, 1] == pytest.approx(
        body * STRETCH, rel=0.1
    )  # the slope of so few samples has little to say


def test_kept_alone_counts_and_past_alarms_do_not() -> None:
    quiet = np.arange(1.0, 100.0)[None]
    shaken = np.concatenate([quiet, np.full((1, 50), 1e6)], axis=1)
    kept = shaken < 1e6
    every = np.ones(shaken.shape, bool)
    alone = _calibrate(quiet, mean_after=quiet)
    for limits in (
        _calibrate(shaken, kept=kept, mean_after=shaken),
        _calibrate(shaken, kept=every, calm=kept, mean_after=shaken),
    ):
        assert np.array_equal(limits.fast_limit, alone.fast_limit) and np.array_equal(
            limits.mean_limit, alone.mean_limit
        )


def test_the_limit_of_the_mean_is_that_of_its_body_and_its_tail() -> None:
    after = np.arange(1.0, 10_000.0)[None] / 3_300
    limits = _calibrate(np.ones((1, 9_999)), mean_after=after)
    drawn = (9_700 / 3_300) ** (9_999 / 10_049) * 2.0 ** (50 / 10_049)  # three percent are beyond
    assert limits.mean_limit[0, 1] == pytest.approx(drawn * MEAN_STRETCH, rel=1e-3)
    assert (limits.long_mean_limit == BURST_MEAN_SPREADS).all(), "it never moved: as far as a mean"


def test_no_mean_of_less_than_a_spread_is_an_alarm() -> None:
    after = np.full((1, 9_999), 0.01)
    assert _calibrate(np.ones((1, 9_999)), mean_after=after).mean_limit[0, 1] == MIN_MEAN_SPREADS


def test_a_long_mean_counts_as_far_as_the_last_minutes_confirm_it() -> None:
    after = np.full((1, 9_999), 2.0)
    alone, confirmed = (
        _calibrate(np.ones((1, 9_999)), mean_after=mean, long_mean_after=after).long_mean_limit
        for mean in (after / 2, after)
    )
    assert 1.9 < confirmed[0, 1] / alone[0, 1] <= 2.0
    assert alone[0, 1] == pytest.approx(MEAN_STRETCH**LONG_MEAN_POWER, rel=0.01)


def test_a_series_that_repeats_its_values_may_go_on_to_do_so() -> None:
    seldom = _calibrate(np.ones((1, 100)), repeats=np.full((1, 100), 2.0))
    often = _calibrate(np.ones((1, 100)), repeats=np.full((1, 100), 500.0))
    assert (seldom.stuck_limit.tolist(), often.stuck_limit.tolist()) == ([20.0], [3_000.0])


def test_bursts_that_are_a_habit_are_inside_and_one_incident_is_not() -> None:
    quiet = np.zeros((2, 2_000))
    quiet[0, ::200] = 10.0  # ten separate bursts
    quiet[1, 500:510] = 10.0  # one incident of the same size
    small = np.full(quiet.shape, 0.01)  # the means hardly move
    limits = _calibrate(quiet, mean_after=small)
    probability = BUDGETS["1/w"] * 150
    assert limits.fast_limit[0, 1] == pytest.approx(
        10 / np.log(2) * np.log(0.005 / probability)
    )  # exponential
    assert limits.fast_limit[1, 1] == min_fast_limit(probability)
    assert limits.mean_limit[:, 1].tolist() == [BURST_MEAN_SPREADS, MIN_MEAN_SPREADS]
    below = _calibrate(quiet, mean_after=-small).mean_limit[:, 0]
    assert below.tolist() == [MIN_MEAN_SPREADS] * 2  # they are above


def test_bursts_that_once_alarmed_are_a_habit_all_the_same() -> None:
    quiet = np.zeros((1, 2_000))
    quiet[0, ::50] = 10.0
    assert _calibrate(quiet, calm=quiet == 0).fast_limit[0, 1] > 10


def test_noise_with_the_tail_that_is_assumed_keeps_the_budget() -> None:
    """Samples a day apart, so that each alarm is one of its own. Far out it falls as it does in the
    body, which is the tail that is assumed for one slope."""
    slope = MIN_TAIL_SLOPE / (1 - TAIL_SLOPE_SHARE)
    rng = np.random.default_rng(0)
    noise = rng.uniform(size=(40, 16_000)) ** -slope * rng.choice([-1, 1], (40, 16_000))
    promised = 1e-3
    fit = noise[:, :8_000]
    later = noise[:, 8_000:]
    reach = _calibrate(fit, budget=2 * promised / DAY, step=DAY).fast_limit
    for side, column in ((-1, 0), (1, 1)):
        assert promised / 1.5 < (side * later > reach[:, column, None]).mean() < promised * 1.5


def test_fast_evidence_is_the_geometric_mean_of_two_distances() -> None:
    apart = stats(row(0), forecast=row(1), recent=row(-3))
    for deviation, expected in (
        (6.0, np.sqrt(5 * 9)),
        (-8.0, -np.sqrt(9 * 5)),
        (0.0, 0.0),
        (1.0, 0.0),
    ):
        assert fast_evidence(row(deviation), apart)[0, 0] == pytest.approx(expected)
