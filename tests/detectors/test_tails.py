"""How a body is continued to its tail, by hand."""

import numpy as np
import pytest

from detectors.tails import USUAL_TAIL_SLOPE, Body, sample_probability, tail_stretch

DAY = 86_400
BUDGETS = {"1/d": 1 / DAY, "1/w": 1 / (7 * DAY), "1/month": 1 / (30 * DAY)}


@pytest.mark.parametrize(
    ("step", "budget", "stretch"),
    [
        (60, "1/d", 2.503),
        (60, "1/w", 4.575),
        (60, "1/month", 7.183),
        (300, "1/d", 1.794),
        (300, "1/w", 3.280),
        (300, "1/month", 5.150),
        (3_600, "1/d", 1.074),
    ],
)
def test_a_tail_of_about_the_third_power_carries_the_body_to_the_budget(
    step: int, budget: str, stretch: float
) -> None:
    probability = sample_probability(BUDGETS[budget], step)
    assert probability == pytest.approx(BUDGETS[budget] * step / 2)  # half above, half below
    assert tail_stretch(probability, step) == pytest.approx(stretch, abs=1e-3)


def test_a_ninth_or_so_of_the_alarms_is_twice_as_far() -> None:
    share = 2 ** (1 / USUAL_TAIL_SLOPE)
    often, seldom = (tail_stretch(rate, 60) for rate in (share * 1e-5, 1e-5))
    assert seldom == pytest.approx(2 * often)


def test_a_body_without_spread_or_without_samples_has_a_slope_all_the_same() -> None:
    values = np.stack([np.full(5_000, 2.0), np.zeros(5_000), np.full(5_000, -1.0), np.ones(5_000)])
    mask = np.ones(values.shape, bool)
    mask[3] = False
    same, zero, below, missing = Body.of(values, mask).tail_slope()
    assert missing == USUAL_TAIL_SLOPE
    assert same < USUAL_TAIL_SLOPE < zero == below, "of what is still, bursts may go far"
