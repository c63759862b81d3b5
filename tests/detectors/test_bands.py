"""Band and score: the invariant bit for bit, bounds by hand."""

import numpy as np
import pytest

from detectors import bands
from detectors.api import Band, FloatArray
from detectors.limits import Limits, fast_evidence
from detectors.recent_stats import APPROACH_POWER, LIMIT_BOUND_SHARE, MAX_MEAN_SHARE
from tests.detectors.stats import row, stats


def _around(
    expected: FloatArray, below: FloatArray, above: FloatArray, resolution: float = 0.0
) -> Band:
    """A rounded band by its half-widths."""
    return bands.round_band(
        Band(expected - below, expected, expected + above), np.full(len(expected), resolution)
    )


def _limits(
    reach: tuple[float, float] = (4.0, 6.0),
    mean: tuple[float, float] = (2.0, 2.0),
    long: tuple[float, float] = (2.0, 2.0),
    patience: float = 20.0,
) -> Limits:
    return Limits(np.array([reach]), np.array([mean]), np.array([long]), np.array([patience]))


def _bounds(
    limits: Limits, offset: float = 0.0, widening: float = 1.0, last: float = 0.0, **evidence: float
) -> tuple[float, float, float]:
    """Lower, expected and upper of one sample."""
    found = stats(row(0), **{name: row(value) for name, value in evidence.items()})
    band = bands.bounds(row(offset), row(widening), found, row(last), limits)
    return float(band.lower[0, 0]), float(band.expected[0, 0]), float(band.upper[0, 0])


def test_score_is_the_distance_in_half_widths() -> None:
    band = Band(row(8, 8, 8, 8), row(10, 10, 10, 10), row(14, 14, 14, 14))
    score = bands.rescore(row(12, 7, 14, 1e9), np.ones((1, 4), bool), band)
    assert score.tolist() == [[0.5, 1.5, 1.0, 1000.0]]


def test_gap_and_missing_band_have_no_score() -> None:
    band = Band(row(0, np.nan), row(1, np.nan), row(2, np.nan))
    assert np.isnan(bands.rescore(row(1, 1), np.array([[False, True]]), band)).all()


def test_no_bound_on_a_side_scores_zero_there() -> None:
    band = Band(row(-np.inf, 0), row(1, 1), row(2, np.inf))
    assert bands.rescore(row(-1e6, 1e300), np.ones((1, 2), bool), band).tolist() == [[0.0, 0.0]]


def test_band_without_width_scores_zero_on_it_and_the_highest_off_it() -> None:
    flat = row(5, 5, 5)
    score = bands.rescore(
        row(5, np.nextafter(5, 6), 4), np.ones((1, 3), bool), Band(flat, flat, flat)
    )
    assert score.tolist() == [[0.0, 1000.0, 1000.0]]


@pytest.mark.parametrize("seed", range(4))
def test_above_one_exactly_outside_near_the_edges(seed: int) -> None:
    """Half a million values within two units in the last place of the bounds, over sixty
    decades."""
    rng = np.random.default_rng(seed)
    n = 250_000
    expected = rng.normal(size=(1, n)) * 10.0 ** rng.uniform(-15, 15, n)
    spread = 10.0 ** rng.uniform(-15, 15, (1, n))
    band = _around(expected, spread * rng.uniform(1, 20), spread * rng.uniform(1, 20))
    assert (band.lower < band.expected).all() and (band.expected < band.upper).all()
    for bound in (band.lower, band.upper):
        values = bound.copy()
        for _ in range(2):
            values = np.where(
                rng.random((1, n)) < 0.5,
                np.nextafter(values, np.inf),
                np.nextafter(values, -np.inf),
            )
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
    band = _around(row(1 / 3), row(2.0), row(4.0))
    quantum = 2.0 / 256
    for bound, exact in ((band.lower, 1 / 3 - 2), (band.expected, 1 / 3), (band.upper, 1 / 3 + 4)):
        assert (bound / quantum % 1 == 0).all()
        assert abs(bound[0, 0] - exact) <= quantum


def test_half_width_is_at_least_the_resolution() -> None:
    band = _around(row(3.0), row(1e-9), row(1e-9), resolution=1.0)
    assert (band.lower[0, 0], band.upper[0, 0]) == (2.0, 4.0)


def test_a_widened_band_is_never_narrower_and_keeps_the_quantum() -> None:
    band = _around(row(1 / 3, 1 / 3), row(2.0, 2.0), row(4.0, 4.0))
    wider = bands.widen_band(band, row(3.001, 1.0))
    assert (wider.lower[0, 1], wider.upper[0, 1]) == (band.lower[0, 1], band.upper[0, 1])
    assert wider.upper[0, 0] == band.upper[0, 0] and wider.expected is band.expected
    half = wider.expected[0, 0] - wider.lower[0, 0]
    assert half >= 3.001 and half - 3.001 < 2 / 256 and (wider.lower * 256 / 2 % 1 == 0).all()


def test_without_evidence_both_bounds_are_the_fast_limits() -> None:
    assert _bounds(_limits()) == (-4.0, 0.0, 6.0)
    assert _bounds(_limits(), widening=2.0) == (-8.0, 0.0, 12.0)


@pytest.mark.parametrize(("forecast", "recent"), [(1.0, 1.0), (2.0, -1.0), (-3.0, 0.5), (0.0, 3.0)])
def test_the_fast_limits_are_where_fast_evidence_reaches_them(
    forecast: float, recent: float
) -> None:
    lower, _, upper = _bounds(_limits(), forecast=forecast, recent=recent)
    found = stats(row(0), forecast=row(forecast), recent=row(recent))
    assert fast_evidence(row(lower), found)[0, 0] == pytest.approx(-4)
    assert fast_evidence(row(upper), found)[0, 0] == pytest.approx(6)


def test_the_trend_is_always_inside() -> None:
    """However far the last samples went, coming back is no alarm."""
    assert _bounds(_limits(), offset=9.0, forecast=9.0, recent=11.0)[0] == 0.0
    assert _bounds(_limits(), offset=-9.0, forecast=-9.0, recent=-11.0)[2] == 0.0


@pytest.mark.parametrize(("offset", "expected"), [(1.0, 1.0), (5.0, 3.0), (-5.0, -2.0)])
def test_what_is_expected_stays_well_inside(offset: float, expected: float) -> None:
    assert _bounds(_limits(), offset=offset)[1] == expected


def test_a_mean_beyond_its_limit_brings_its_bound_in_and_holds_it() -> None:
    at_limit, beyond, back = (
        _bounds(_limits(), mean=mean, above=5.0, recent=8.0) for mean in (2.0, 3.0, 0.5)
    )
    assert at_limit[2] == pytest.approx(
        LIMIT_BOUND_SHARE * 5
    )  # the last samples, 5 out, stay outside
    assert beyond[2] == pytest.approx(LIMIT_BOUND_SHARE * 5 * MAX_MEAN_SHARE**-APPROACH_POWER)
    assert (
        back[2] == _bounds(_limits(), recent=8.0)[2] > 6.0
    )  # over: the fast limit alone, and the recent mean in it
    assert beyond[0] == at_limit[0] == back[0]  # the other side has no part in it
    below = _bounds(_limits(), mean=-2.0, below=3.0)
    assert below[0] == pytest.approx(-LIMIT_BOUND_SHARE * 3) and below[2] == 6.0
    assert _bounds(_limits(), mean=2.0, above=5.0, widening=1.2)[2] == pytest.approx(
        1.2 * LIMIT_BOUND_SHARE * 5
    )


def test_a_stuck_value_ends_outside_and_one_that_repeats_by_habit_does_not() -> None:
    for last in (3.0, -3.0):
        lower, expected, upper = _bounds(_limits(), last=last, repeats=40.0)
        assert (last < lower, last > upper) == (last < 0, last > 0) and expected == 0.0
        assert abs(lower if last < 0 else upper) == 1.5  # half the way, at twice the patience
        assert _bounds(_limits(), last=last, repeats=20.0) == _bounds(_limits())
        assert _bounds(_limits(patience=3_000.0), last=last, repeats=40.0) == _bounds(_limits())


def test_a_value_that_has_stuck_for_half_a_day_is_normal() -> None:
    within, over = (_bounds(_limits(), last=3.0, repeats=count) for count in (144.0, 145.0))
    assert within[2] < 3.0 and over == _bounds(_limits())


def test_a_long_mean_brings_its_bound_in_and_holds_it() -> None:
    at_limit, beyond, over = (
        _bounds(_limits(mean=(9.0, 9.0)), mean=mean, long_mean=long_mean, above=5.0, recent=8.0)
        for mean, long_mean in ((4.0, 2.0), (4.0, 4.0), (0.5, 4.0))
    )
    assert at_limit[2] == pytest.approx(LIMIT_BOUND_SHARE * 5)
    assert beyond[2] == pytest.approx(LIMIT_BOUND_SHARE * 5 * MAX_MEAN_SHARE**-APPROACH_POWER)
    assert over == _bounds(_limits(), recent=8.0), "the last minutes do not confirm it"


@pytest.mark.parametrize(
    ("lowest", "expected", "kept"),
    [
        (-np.inf, 10.0, -5.0),  # it was negative before
        (0.0, 10.0, 0.0),
        (4.0, 10.0, 4.0),
        (4.0, 6.0, 0.0),  # what is expected is about as low
        (4.0, -1.0, -1.0),  # no bound is beyond what is expected
    ],
)
def test_no_band_reaches_below_the_lowest_days(lowest: float, expected: float, kept: float) -> None:
    band = bands.keep_above(Band(row(-5.0), row(expected), row(20.0)), np.array([lowest]))
    assert (band.lower[0, 0], band.expected[0, 0], band.upper[0, 0]) == (kept, expected, 20.0)


def test_a_bound_that_is_higher_than_the_lowest_days_stays() -> None:
    assert bands.keep_above(Band(row(7.0), row(10.0), row(20.0)), np.array([4.0])).lower == 7.0


def test_pinball_by_hand() -> None:
    kept = np.ones((2, 4), bool)
    loss = bands.pinball(np.array([[0.0, 0, 0, 0], [-1.0, 1, -1, 1]]), kept)
    assert loss[0] == 0
    assert loss[1] == pytest.approx((0.5 + 2 * 0.02) / 3, rel=0.05)
    assert np.isnan(bands.pinball(np.zeros((1, 2)), np.zeros((1, 2), bool))).all()
