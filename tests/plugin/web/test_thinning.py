"""Thinning at its edges, on small exact columns."""

import numpy as np
import pytest

from plugin.series import Samples
from plugin.web.thinning import thin


def samples(
    times: list[int] | np.ndarray,
    value: list[float] | np.ndarray | None = None,
    score: list[float] | np.ndarray | None = None,
) -> Samples:
    n = len(times)
    value = np.zeros(n) if value is None else np.array(value, float)
    score = np.zeros(n) if score is None else np.array(score, float)
    return Samples(
        np.array(times, np.int64), value, value, value - 1, value + 1, score, np.ones(n, np.int64)
    )


@pytest.mark.parametrize("times", [[], [60], [60, 120]])
def test_few_samples_stay(times: list[int]) -> None:
    assert thin(samples(times), 60, 10).times.tolist() == times


def test_a_gap_gets_one_row_without_numbers_one_step_after_its_begin() -> None:
    drawn = thin(samples([0, 60, 300, 360], [1, 2, 3, 4]), 60, 10)
    assert drawn.times.tolist() == [0, 60, 120, 300, 360]
    np.testing.assert_array_equal(drawn.value, [1, 2, np.nan, 3, 4])
    np.testing.assert_array_equal(drawn.upper, [2, 3, np.nan, 4, 5])
    assert drawn.model_version.tolist() == [1, 1, 0, 1, 1]


def test_an_unknown_step_is_the_smallest_distance() -> None:
    assert thin(samples([0, 30, 60, 120]), 0, 10).times.tolist() == [0, 30, 60, 90, 120]


def test_first_last_and_extremes_are_kept() -> None:
    value = np.sin(np.arange(1000) / 7)
    value[[333, 666]] = [50, -50]
    drawn = thin(samples(60 * np.arange(1000), value), 60, 100)
    assert len(drawn) <= 100
    assert {0, 60 * 333, 60 * 666, 60 * 999} <= set(drawn.times.tolist())
    assert drawn.value.max() == 50 and drawn.value.min() == -50
    assert (np.diff(drawn.times) > 0).all()


@pytest.mark.parametrize("max_points", [10, 11, 50, 999])
def test_no_anomalous_sample_is_ever_hidden(max_points: int) -> None:
    rng = np.random.default_rng(1)
    score = np.where(rng.random(1000) < 0.3, 1 + rng.random(1000) + 1e-12, rng.random(1000))
    whole = samples(60 * np.arange(1000), rng.normal(size=1000), score)
    drawn = thin(whole, 60, max_points)
    assert set(whole.times[score > 1].tolist()) <= set(drawn.times.tolist())
    assert len(drawn) <= max_points + int((score > 1).sum())


def test_a_score_of_exactly_one_is_inside() -> None:
    assert len(thin(samples(60 * np.arange(100), None, np.ones(100)), 60, 10)) <= 10


@pytest.mark.parametrize("seed", range(5))
def test_the_budget_holds_with_gaps_which_stay_gaps(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = 60 * np.flatnonzero(rng.random(3000) < 0.6)
    times = times[(times < 60_000) | (times > 90_000)]
    drawn = thin(samples(times, rng.normal(size=len(times))), 60, 100)
    marks = np.isnan(drawn.value)
    assert (~marks).sum() <= 100
    edge = times[times < 60_000][-1]
    assert {edge, edge + 60, times[times > 90_000][0]} <= set(drawn.times.tolist())
    assert np.isnan(drawn.value[drawn.times == edge + 60]).all()


def test_a_missing_sample_is_marked_only_where_it_could_be_seen() -> None:
    times = np.delete(60 * np.arange(1000), 500)
    assert np.isnan(thin(samples(times), 60, 1000).value).sum() == 1
    assert np.isnan(thin(samples(times), 60, 100).value).sum() == 0


def test_missing_values_do_not_spoil_the_extremes() -> None:
    value = np.arange(100.0)
    value[10:20] = np.nan
    drawn = thin(samples(60 * np.arange(100), value), 60, 20)
    assert len(drawn) <= 20 and {0.0, 99.0} <= set(drawn.value.tolist())
