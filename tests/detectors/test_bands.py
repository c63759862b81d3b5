"""Band and score: the invariant bit for bit, the calibration by hand, the odd series."""

import numpy as np
import pytest

from detectors import bands
from detectors.api import Band


def _row(*numbers: float) -> np.ndarray:
    return np.array([numbers], np.float64)


def test_score_is_the_distance_in_half_widths() -> None:
    band = Band(_row(8, 8, 8, 8), _row(10, 10, 10, 10), _row(14, 14, 14, 14))
    score = bands.rescore(_row(12, 7, 14, 1e9), np.ones((1, 4), bool), band)
    assert score.tolist() == [[0.5, 1.5, 1.0, 1000.0]]


def test_gap_and_missing_band_have_no_score() -> None:
    band = Band(_row(0, np.nan), _row(1, np.nan), _row(2, np.nan))
    assert np.isnan(bands.rescore(_row(1, 1), np.array([[False, True]]), band)).all()


def test_no_bound_on_a_side_scores_zero_there() -> None:
    band = Band(_row(-np.inf, 0), _row(1, 1), _row(2, np.inf))
    assert bands.rescore(_row(-1e6, 1e300), np.ones((1, 2), bool), band).tolist() == [[0.0, 0.0]]


def test_band_without_width_scores_zero_on_it_and_the_highest_off_it() -> None:
    flat = _row(5, 5, 5)
    score = bands.rescore(_row(5, np.nextafter(5, 6), 4), np.ones((1, 3), bool), Band(flat, flat, flat))
    assert score.tolist() == [[0.0, 1000.0, 1000.0]]


@pytest.mark.parametrize("seed", range(4))
def test_above_one_exactly_outside_near_the_edges(seed: int) -> None:
    """Half a million values within two units in the last place of the bounds, over sixty decades."""
    rng = np.random.default_rng(seed)
    n = 250_000
    expected = rng.normal(size=(1, n)) * 10.0 ** rng.uniform(-15, 15, n)
    spread = 10.0 ** rng.uniform(-15, 15, (1, n))
    band = bands.band(expected, spread, rng.uniform(1, 20, (1, 2)), np.zeros(1))
    assert (band.lower < band.expected).all() and (band.expected < band.upper).all()
    for bound in (band.lower, band.upper):
        values = bound.copy()
        for _ in range(2):
            values = np.where(rng.random((1, n)) < 0.5, np.nextafter(values, np.inf), np.nextafter(values, -np.inf))
        score = bands.rescore(values, np.ones((1, n), bool), band)
        assert np.array_equal(score > 1, (values < band.lower) | (values > band.upper))


def test_moved_bands_keep_the_invariant() -> None:
    """Policies may leave the expected value outside the bounds."""
    rng = np.random.default_rng(5)
    band = Band(*rng.normal(size=(3, 1, 100_000)))
    values = rng.normal(size=(1, 100_000))
    score = bands.rescore(values, np.ones(values.shape, bool), band)
    assert np.array_equal(score > 1, (values < band.lower) | (values > band.upper))


def test_band_is_rounded_to_a_256th_of_its_half_width() -> None:
    band = bands.band(_row(1 / 3), _row(1.0), np.array([[2.0, 4.0]]), np.zeros(1))
    quantum = 2.0 / 256
    for bound, exact in ((band.lower, 1 / 3 - 2), (band.expected, 1 / 3), (band.upper, 1 / 3 + 4)):
        assert (bound / quantum % 1 == 0).all()
        assert abs(bound[0, 0] - exact) <= quantum


def test_half_width_is_at_least_the_resolution() -> None:
    band = bands.band(_row(3.0), _row(1e-9), np.ones((1, 2)), np.array([1.0]))
    assert (band.lower[0, 0], band.upper[0, 0]) == (2.0, 4.0)


def test_calibrate_takes_the_conformal_rank_and_stretches_it() -> None:
    residual = np.arange(1.0, 100.0)[None]  # n = 99: rank ceil(100 * .98) = 98
    reach = bands.calibrate(residual, np.ones(residual.shape, bool), 0.02)
    assert reach.tolist() == [[pytest.approx(2.537, abs=1e-3), 98.0]]  # nothing below: what normal noise needs
    further = bands.calibrate(residual, np.ones(residual.shape, bool), 0.5 * (0.02 / 0.5) ** 2)
    assert further[0, 1] == pytest.approx(2 * 98)  # Laplace: the logarithm of the probability grows with the distance


def test_few_samples_start_from_their_largest() -> None:
    reach = bands.calibrate(np.arange(1.0, 9.0)[None], np.ones((1, 8), bool), 1e-4)
    assert reach[0, 1] == pytest.approx(8 * np.log(0.5 / 1e-4) / np.log(0.5 * 9))


def test_kept_alone_counts() -> None:
    residual = np.r_[np.arange(1.0, 100.0), np.full(50, 1e6)][None]
    kept = residual < 1e6
    assert bands.calibrate(residual, kept, 0.02)[0, 1] == 98.0


def test_bursts_that_are_a_habit_are_inside_and_one_incident_is_not() -> None:
    quiet = np.zeros((2, 2_000))
    quiet[0, ::200] = 10.0  # ten separate bursts
    quiet[1, 500:510] = 10.0  # one incident of the same size
    reach = bands.calibrate(quiet, np.ones(quiet.shape, bool), 1e-5)
    assert reach[0, 1] > 10.0
    assert reach[1, 1] == bands.least_reach(1e-5)


@pytest.mark.parametrize("shape", [1.0, 2.0])
def test_quiet_noise_of_the_assumed_shape_keeps_the_budget(shape: float) -> None:
    rng = np.random.default_rng(0)
    size = np.sqrt(2) * rng.exponential(size=(40, 8_000)) ** (1 / shape)
    noise = size * rng.choice([-1, 1], size.shape)
    promised = 1e-3
    fit, later = noise[:, :4_000], noise[:, 4_000:]
    reach = bands.calibrate(fit, np.ones(fit.shape, bool), promised, bands.Tail(shape))
    realised = (later > reach[:, 1:]).mean()
    assert promised / 1.5 < realised < promised * 1.5


def test_pinball_by_hand() -> None:
    kept = np.ones((2, 4), bool)
    loss = bands.pinball(np.array([[0.0, 0, 0, 0], [-1.0, 1, -1, 1]]), kept)
    assert loss[0] == 0
    assert loss[1] == pytest.approx((0.5 + 2 * 0.02) / 3, rel=0.05)
    assert np.isnan(bands.pinball(np.zeros((1, 2)), np.zeros((1, 2), bool))).all()
