"""Band and score: the invariant bit for bit, limits and bounds by hand."""

import numpy as np
import pytest

from detectors import bands
from detectors.api import Band, BoolArray, FloatArray
from detectors.bands import Limits
from detectors.recent_stats import EXCESS_POWER, LIMIT_BOUND_SHARE, RecentStats

DAY = 86_400
BUDGETS = {"1/d": 1 / DAY, "1/w": 1 / (7 * DAY), "1/month": 1 / (30 * DAY)}


def _row(*numbers: float) -> FloatArray:
    return np.array([numbers], np.float64)


def _around(
    expected: FloatArray, below: FloatArray, above: FloatArray, resolution: float = 0.0
) -> Band:
    """A rounded band by its half-widths."""
    return bands.round_band(
        Band(expected - below, expected, expected + above), np.full(len(expected), resolution)
    )


def _evidence(like: FloatArray, **arrays: FloatArray) -> RecentStats:
    """None, but for what is given; no value has come twice."""
    names = ("mean", "recent", "forecast", "below", "above", "mean_after")
    quiet = {name: np.zeros_like(like) for name in names} | {"last": np.zeros_like(like)}
    quiet |= {"repeats": np.ones_like(like), "gap": np.ones_like(like)}
    return RecentStats(**(quiet | arrays), carry={})


def _calibrate(
    deviation: FloatArray,
    budget: float = BUDGETS["1/w"],
    step: int = 300,
    kept: BoolArray | None = None,
    calm: BoolArray | None = None,
    **evidence: FloatArray,
) -> Limits:
    kept = np.ones(deviation.shape, bool) if kept is None else kept
    return bands.calibrate(
        deviation,
        _evidence(deviation, **evidence),
        kept,
        kept if calm is None else calm,
        budget,
        step,
    )


def _limits(
    reach: tuple[float, float] = (4.0, 6.0),
    lasting: tuple[float, float] = (2.0, 2.0),
    patience: float = 20.0,
) -> Limits:
    return Limits(np.array([reach]), np.array([lasting]), np.array([patience]))


def _bounds(
    limits: Limits, offset: float = 0.0, widening: float = 1.0, last: float = 0.0, **evidence: float
) -> tuple[float, float, float]:
    """Lower, expected and upper of one sample."""
    found = _evidence(_row(0), **{name: _row(value) for name, value in evidence.items()})
    band = bands.bounds(_row(offset), _row(widening), found, _row(last), limits)
    return float(band.lower[0, 0]), float(band.expected[0, 0]), float(band.upper[0, 0])


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
    score = bands.rescore(
        _row(5, np.nextafter(5, 6), 4), np.ones((1, 3), bool), Band(flat, flat, flat)
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
    band = _around(_row(1 / 3), _row(2.0), _row(4.0))
    quantum = 2.0 / 256
    for bound, exact in ((band.lower, 1 / 3 - 2), (band.expected, 1 / 3), (band.upper, 1 / 3 + 4)):
        assert (bound / quantum % 1 == 0).all()
        assert abs(bound[0, 0] - exact) <= quantum


def test_half_width_is_at_least_the_resolution() -> None:
    band = _around(_row(3.0), _row(1e-9), _row(1e-9), resolution=1.0)
    assert (band.lower[0, 0], band.upper[0, 0]) == (2.0, 4.0)


def test_a_widened_band_is_never_narrower_and_keeps_the_quantum() -> None:
    band = _around(_row(1 / 3, 1 / 3), _row(2.0, 2.0), _row(4.0, 4.0))
    wider = bands.widen_band(band, _row(3.001, 1.0))
    assert (wider.lower[0, 1], wider.upper[0, 1]) == (band.lower[0, 1], band.upper[0, 1])
    assert wider.upper[0, 0] == band.upper[0, 0] and wider.expected is band.expected
    half = wider.expected[0, 0] - wider.lower[0, 0]
    assert half >= 3.001 and half - 3.001 < 2 / 256 and (wider.lower * 256 / 2 % 1 == 0).all()


@pytest.mark.parametrize(
    ("step", "budget", "stretch"),
    [
        (60, "1/d", 1.859),
        (60, "1/w", 3.557),
        (60, "1/month", 5.777),
        (300, "1/d", 1.300),
        (300, "1/w", 2.487),
        (300, "1/month", 4.040),
        (3_600, "1/d", 1.0),
    ],
)
def test_a_tail_of_the_third_power_carries_the_body_to_the_budget(
    step: int, budget: str, stretch: float
) -> None:
    probability = bands.sample_probability(BUDGETS[budget], step)
    assert probability == pytest.approx(BUDGETS[budget] * step / 2)  # half above, half below
    assert bands.tail_stretch(probability, step) == pytest.approx(stretch, abs=1e-3)


def test_an_eighth_of_the_alarms_is_twice_as_far() -> None:
    assert bands.tail_stretch(1e-5, 60) == pytest.approx(2 * bands.tail_stretch(8e-5, 60))


def test_calibrate_takes_the_conformal_rank_and_stretches_it() -> None:
    residual = np.arange(1.0, 10_000.0)[None]  # n = 9,999: rank ceil(10,000 * .99) = 9,900
    drawn = 9_900 ** (9_999 / 10_049) * 2.5 ** (
        50 / 10_049
    )  # fifty samples' weight of what is typical
    limits = _calibrate(residual)
    assert limits.fast_limit[0, 1] == pytest.approx(drawn * 2.487, rel=1e-3)
    assert limits.fast_limit[0, 0] == bands.min_fast_limit(
        BUDGETS["1/w"] * 300 / 2
    )  # nothing below: what normal noise needs
    assert _calibrate(-residual).fast_limit[0].tolist() == limits.fast_limit[0, ::-1].tolist()


def test_normal_noise_needs_so_much() -> None:
    assert bands.min_fast_limit(0.5 * np.exp(-8)) == pytest.approx(4.0)  # the bound of Chernoff
    assert _calibrate(np.zeros((1, 500))).fast_limit.tolist() == [
        [bands.min_fast_limit(BUDGETS["1/w"] * 150)] * 2
    ]


@pytest.mark.parametrize(("count", "body"), [(0, 2.5), (8, 8 ** (8 / 58) * 2.5 ** (50 / 58))])
def test_few_samples_are_drawn_from_their_largest_towards_what_is_typical(
    count: int, body: float
) -> None:
    kept = np.arange(20)[None] < count
    assert _calibrate(np.arange(1.0, 21.0)[None], kept=kept).fast_limit[0, 1] == pytest.approx(
        body * 2.487, rel=1e-3
    )


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


def test_the_limit_of_the_mean_is_that_of_its_body_with_a_lighter_tail() -> None:
    after = np.arange(1.0, 10_000.0)[None] / 3_300
    limits = _calibrate(np.ones((1, 9_999)), mean_after=after)
    drawn = 3.0 ** (9_999 / 10_049) * 2.5 ** (50 / 10_049)
    assert limits.mean_limit[0, 1] == pytest.approx(drawn * 2.487**0.85, rel=1e-3)
    assert limits.mean_limit[0, 0] == bands.MIN_MEAN_SPREADS


def test_a_series_that_repeats_its_values_may_go_on_to_do_so() -> None:
    seldom = _calibrate(np.ones((1, 100)), repeats=np.full((1, 100), 2.0))
    often = _calibrate(np.ones((1, 100)), repeats=np.full((1, 100), 500.0))
    assert (seldom.stuck_limit.tolist(), often.stuck_limit.tolist()) == ([20.0], [3_000.0])


def test_bursts_that_are_a_habit_are_inside_and_one_incident_is_not() -> None:
    quiet = np.zeros((2, 2_000))
    quiet[0, ::200] = 10.0  # ten separate bursts
    quiet[1, 500:510] = 10.0  # one incident of the same size
    limits = _calibrate(quiet)
    probability = BUDGETS["1/w"] * 150
    assert limits.fast_limit[0, 1] == pytest.approx(
        10 / np.log(2) * np.log(0.005 / probability)
    )  # exponential
    assert limits.fast_limit[1, 1] == bands.min_fast_limit(probability)
    assert limits.mean_limit[:, 1].tolist() == [bands.BURST_MEAN_SPREADS, bands.MIN_MEAN_SPREADS]
    assert limits.mean_limit[:, 0].tolist() == [bands.MIN_MEAN_SPREADS] * 2  # they are above


def test_bursts_that_once_alarmed_are_a_habit_all_the_same() -> None:
    quiet = np.zeros((1, 2_000))
    quiet[0, ::50] = 10.0
    assert _calibrate(quiet, calm=quiet == 0).fast_limit[0, 1] > 10


def test_noise_with_the_tail_that_is_assumed_keeps_the_budget() -> None:
    """Samples a day apart, so that each alarm is one of its own."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(size=(40, 16_000)) ** (-1 / bands.TAIL_INDEX) * rng.choice(
        [-1, 1], (40, 16_000)
    )
    promised = 1e-3
    fit = noise[:, :8_000]
    later = noise[:, 8_000:]
    reach = _calibrate(fit, budget=2 * promised / DAY, step=DAY).fast_limit
    for side, column in ((-1, 0), (1, 1)):
        assert promised / 1.5 < (side * later > reach[:, column, None]).mean() < promised * 1.5


def test_fast_evidence_is_the_geometric_mean_of_two_distances() -> None:
    apart = _evidence(_row(0), forecast=_row(1), recent=_row(-3))
    for deviation, expected in (
        (6.0, np.sqrt(5 * 9)),
        (-8.0, -np.sqrt(9 * 5)),
        (0.0, 0.0),
        (1.0, 0.0),
    ):
        assert bands.fast_evidence(_row(deviation), apart)[0, 0] == pytest.approx(expected)


def test_without_evidence_both_bounds_are_the_fast_limits() -> None:
    assert _bounds(_limits()) == (-4.0, 0.0, 6.0)
    assert _bounds(_limits(), widening=2.0) == (-8.0, 0.0, 12.0)


@pytest.mark.parametrize(("forecast", "recent"), [(1.0, 1.0), (2.0, -1.0), (-3.0, 0.5), (0.0, 3.0)])
def test_the_fast_limits_are_where_fast_evidence_reaches_them(
    forecast: float, recent: float
) -> None:
    lower, _, upper = _bounds(_limits(), forecast=forecast, recent=recent)
    found = _evidence(_row(0), forecast=_row(forecast), recent=_row(recent))
    assert bands.fast_evidence(_row(lower), found)[0, 0] == pytest.approx(-4)
    assert bands.fast_evidence(_row(upper), found)[0, 0] == pytest.approx(6)


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
    assert beyond[2] == pytest.approx(LIMIT_BOUND_SHARE * 5 * 1.5**-EXCESS_POWER)
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


def test_pinball_by_hand() -> None:
    kept = np.ones((2, 4), bool)
    loss = bands.pinball(np.array([[0.0, 0, 0, 0], [-1.0, 1, -1, 1]]), kept)
    assert loss[0] == 0
    assert loss[1] == pytest.approx((0.5 + 2 * 0.02) / 3, rel=0.05)
    assert np.isnan(bands.pinball(np.zeros((1, 2)), np.zeros((1, 2), bool))).all()
