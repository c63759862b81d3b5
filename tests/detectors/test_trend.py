"""Season, slow level and slow spread: what they follow and what they do not."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.api import FloatArray, SeriesBatch
from detectors.profile import PROFILE_COLUMNS
from detectors.regime import SettlingLevels, settling
from detectors.scaling import NORMAL_MAD
from detectors.trend import Trend, fit_trend
from detectors.trend_view import TrendView
from detectors.trend_walk import GATE_SPREADS, follow
from detectors.votes import SLOTS

STEP = 300
HOUR = 3_600 // STEP
PULL = 1 - np.exp(-STEP / 5_400)  # an hour and a half
GROWTH = STEP / 43_200  # half a day
INCIDENT = 2_000  # where one begins


def _batch(values: FloatArray) -> SeriesBatch:
    return SeriesBatch(values, ~np.isnan(values), 0, STEP)


def _noise(steps: int = 4_000, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(0, 1, (1, steps))


def _quiet() -> Trend:
    """Of plain noise, without what chance makes a rhythm."""
    batch = _batch(_noise())
    return replace(fit_trend(batch, batch.observed), rhythm=np.ones((1, SLOTS), np.float32))


def _course(values: FloatArray) -> TrendView:
    return follow(_quiet(), _batch(values), None)


def _level(course: TrendView) -> FloatArray:
    return np.asarray(np.round((course.expected - course.profile)[0], 12))


def _plain(spread: float = 1.0, rhythm: float = 1.0, max_drift: float = np.inf) -> Trend:
    """No season; in units of the series; every number by hand."""
    one = np.ones(1)
    return Trend(
        power=one,
        shift=0 * one,
        centre=0 * one,
        scale=one,
        unit=one,
        resolution=0 * one,
        lowest=np.full(1, -np.inf),
        profile=np.zeros((1, PROFILE_COLUMNS), np.float32),
        rhythm=np.full((1, SLOTS), rhythm, np.float32),
        period=np.zeros(1, np.int64),
        floor=0.5 * one,
        cold_spread=spread * one,
        max_drift=np.full(1, max_drift),
    )


def _walked(
    *values: float, trend: Trend | None = None, usable: list[bool] | None = None
) -> TrendView:
    batch = _batch(np.array([values]))
    return follow(
        trend or _plain(),
        batch if usable is None else replace(batch, usable=np.array([usable])),
        None,
    )


def test_spread_is_the_sigma_of_normal_noise() -> None:
    course = _course(_noise())
    trend_scale = np.subtract(*np.quantile(_noise(), (0.75, 0.25))) / 1.349
    assert np.median(course.spread) * trend_scale == pytest.approx(1.0, rel=0.1)
    assert np.median(np.abs(course.deviation)) == pytest.approx(0.67, rel=0.1)


def test_the_level_is_a_mean_of_what_lies_within_the_gate() -> None:
    course = _walked(2.0, -1.0, np.nan, 0.0)
    first = PULL * 2.0
    second = first + PULL * (-1.0 - first)
    assert course.expected[0] == pytest.approx([0.0, first, second, second])  # before each sample
    assert course.carry["level"] == pytest.approx(second * (1 - PULL))


@pytest.mark.parametrize(
    ("value", "moves"),
    [(GATE_SPREADS, True), (-GATE_SPREADS, True), (GATE_SPREADS + 1e-6, False), (-1e9, False)],
)
def test_a_sample_beyond_the_gate_moves_the_level_not_at_all(value: float, moves: bool) -> None:
    course = _walked(value)
    assert course.carry["level"].tolist() == [PULL * value if moves else 0.0]
    assert course.seen.tolist() == [[moves]] and course.observed.all()
    assert course.deviation[0, 0] == pytest.approx(value)


def test_a_coarse_step_spans_twelve_samples() -> None:
    course = follow(_plain(), SeriesBatch(np.ones((1, 1)), np.ones((1, 1), bool), 0, 3_600), None)
    assert course.carry["level"] == pytest.approx(1 - np.exp(-1 / 12))


def test_an_incident_of_four_hours_does_not_move_the_level() -> None:
    values = _noise()
    values[0, INCIDENT : INCIDENT + 4 * HOUR] += 50
    level = _level(_course(values))
    assert (level[INCIDENT : INCIDENT + 4 * HOUR + 1] == level[INCIDENT]).all()
    assert not _course(values).seen[0, INCIDENT : INCIDENT + 4 * HOUR].any()


def test_a_regime_is_accepted_after_half_a_day_and_not_a_sample_before() -> None:
    values = _noise()
    values[0, INCIDENT:] += 50
    course = _course(values)
    half_a_day = 12 * HOUR
    level = _level(course)
    assert (level[INCIDENT : INCIDENT + half_a_day + 1] == level[INCIDENT]).all()
    unit = np.subtract(*np.quantile(_noise(), (0.75, 0.25))) / 1.349
    assert level[INCIDENT + half_a_day + 1] * unit == pytest.approx(
        50, abs=1
    )  # at once, and where samples lie
    assert course.seen[0, INCIDENT + half_a_day + 1 :].mean() > 0.99


def _leaking(days: float, per_day: float = 24.0) -> FloatArray:
    """Plain noise, in which the values grow for some days, and are well again."""
    values = _noise()
    steps = int(days * 24 * HOUR)
    values[0, INCIDENT : INCIDENT + steps] += per_day * np.arange(steps) / (24 * HOUR)
    return values


@pytest.mark.parametrize("days", [0.5, 1.0, 2.0])
def test_a_leak_too_slow_for_the_gate_takes_the_level_no_farther_than_its_largest_drift(
    days: float,
) -> None:
    course = _course(_leaking(days))
    after = INCIDENT + int(days * 24 * HOUR)
    level = _level(course)
    max_drift = _quiet().max_drift[0]
    assert np.abs(level - level[INCIDENT]).max() < 1.5 * max_drift, (
        "and nothing of it is accepted while it grows"
    )
    assert course.deviation[0, after - HOUR : after].min() > GATE_SPREADS and course.carry[
        "accepted"
    ].tolist() == [0]
    assert np.abs(level[after + 6 * HOUR :] - level[INCIDENT]).max() < max_drift


def test_where_a_leak_ends_up_for_good_is_a_regime() -> None:
    values = _leaking(1.0)
    values[0, INCIDENT + 24 * HOUR :] += 24
    accepted = _course(values).acceptances
    (at,) = accepted
    assert INCIDENT + 24 * HOUR <= at < INCIDENT + 48 * HOUR, "once it stands still"


def test_what_a_long_leak_leaves_behind_is_forgiven_within_hours() -> None:
    values = _leaking(2.0, 50.0)
    over = INCIDENT + 48 * HOUR
    assert _course(values[:, : over + 7 * HOUR]).carry["away"].tolist() == [0]
    values[0, over + 8 * HOUR] += 50
    assert _course(values).carry["accepted"].tolist() == [0], "a spike is no level"


def test_a_series_that_wanders_by_itself_is_let_go() -> None:
    wandering = _noise() + np.cumsum(np.random.default_rng(2).normal(0, 0.2, 4_000))
    batch = _batch(wandering)
    trend = fit_trend(batch, batch.observed)
    assert trend.max_drift[0] * trend.scale[0] > 10 * _quiet().max_drift[0] * 1.0
    assert np.abs(follow(trend, batch, None).deviation[0, 24 * HOUR :]).mean() < 1.5


def test_an_anchor_of_a_few_samples_holds_nothing() -> None:
    course = _walked(*[3.0] * 100, trend=_plain(max_drift=1.0))
    assert course.carry["level"] == pytest.approx(3 * (1 - (1 - PULL) ** 100)), (
        "a start elsewhere is no drift"
    )


def _settled(values: FloatArray, columns: list[int]) -> TrendView:
    batch = _batch(values)
    settled = np.zeros(values.shape, bool)
    settled[0, columns] = True
    return follow(_quiet(), replace(batch, settled=settled), None)


def test_a_regime_is_accepted_at_once_when_someone_says_so() -> None:
    values = _noise()
    values[0, INCIDENT:] += 50
    said = INCIDENT + 2 * HOUR
    level = _level(_settled(values, [said]))
    assert (level[INCIDENT : said + 1] == level[INCIDENT]).all()
    by_rule = _level(_course(values))[INCIDENT + 12 * HOUR + 1]
    assert (
        level[said + 1] == pytest.approx(by_rule, rel=0.02)
        and np.ptp(level[said + 1 :]) < 0.1 * by_rule
    )


@pytest.mark.parametrize("columns", [[INCIDENT - 500], [3_999], []])
def test_where_nothing_is_away_there_is_nothing_to_accept(columns: list[int]) -> None:
    said = _settled(_noise(), columns)
    unsaid = _course(_noise())
    assert np.array_equal(said.expected, unsaid.expected) and said.carry["accepted"].tolist() == [0]


def test_the_carry_tells_since_when_a_level_lies_away_and_when_it_is_accepted() -> None:
    values = _noise()
    values[0, INCIDENT:] += 50
    batch = _batch(values)
    due = (INCIDENT + 12 * HOUR) * STEP

    def told(end: int) -> SettlingLevels:
        found = settling(follow(_quiet(), batch.steps(0, end), None).carry, (end - 1) * STEP, STEP)
        assert found is not None
        return found

    before = told(INCIDENT)
    within = told(INCIDENT + 40)
    after = told(INCIDENT + 12 * HOUR + 1)
    assert (before.due.tolist(), before.accepted.tolist()) == ([0], [0])
    assert (within.since.tolist(), within.due.tolist(), within.accepted.tolist()) == (
        [INCIDENT * STEP],
        [due],
        [0],
    )
    assert (after.since.tolist(), after.due.tolist(), after.accepted.tolist()) == (
        [INCIDENT * STEP],
        [0],
        [due],
    )
    assert settling({"other": np.zeros(1)}, 0, STEP) is None


def test_a_carry_of_before_regimes_were_dated_goes_on() -> None:
    since_then = ("since", "accepted", "course", "anchor", "anchored")
    old = {name: array for name, array in _walked(9.0).carry.items() if name not in since_then}
    after = follow(_plain(), _batch(np.array([[9.0]])), old).carry
    assert after["away"].tolist() == [2.0] and after["accepted"].tolist() == [0.0]


def test_a_regime_on_both_sides_is_none() -> None:
    values = _noise()
    values[0, INCIDENT:] += 50 * np.where(
        np.arange(2_000) // 6 % 2, 1, -1
    )  # half an hour above, half an hour below
    level = _level(_course(values))
    assert (level[INCIDENT : INCIDENT + 14 * HOUR] == level[INCIDENT]).all()


def test_a_regime_that_may_not_be_learnt_from_is_never_accepted() -> None:
    values = _noise()
    values[0, INCIDENT:] += 50
    batch = _batch(values)
    batch.usable[0, INCIDENT:] = False
    level = _level(follow(_quiet(), batch, None))
    assert (level[INCIDENT:] == level[INCIDENT]).all()


@pytest.mark.parametrize(
    ("value", "usable", "away"),
    [(5.0, True, 11), (-5.0, True, 9), (0.0, True, 8), (5.0, False, 10), (np.nan, True, 10)],
)
def test_a_trusted_sample_takes_back_two_steps_of_a_regime(
    value: float, usable: bool, away: int
) -> None:
    carry = {
        "level": np.zeros(1),
        "median": np.ones(1) / NORMAL_MAD,
        "regime": np.array([6.0]),
        "away": np.array([10.0]),
    }
    after = follow(
        _plain(), replace(_batch(np.array([[value]])), usable=np.array([[usable]])), carry
    ).carry
    assert after["away"].tolist() == [away]
    moved = usable and not np.isnan(value)
    assert after["regime"] == pytest.approx(
        6 + (1 - np.exp(-1 / 12)) * (value - 6) if moved else 6
    )  # an hour's mean


def test_a_regime_begins_where_its_first_sample_lies_and_is_forgotten() -> None:
    first = _walked(-9.0).carry
    assert (first["regime"].tolist(), first["away"].tolist()) == ([-9.0], [-1.0])
    assert follow(_plain(), _batch(np.zeros((1, 1))), first).carry["away"].tolist() == [0.0]
    assert _walked(1.0).carry["away"].tolist() == [0.0]


def test_the_spread_follows_the_median_by_equal_steps() -> None:
    course = _walked(1.0, np.nan, 0.01, -1e9)
    median = 1.0 / NORMAL_MAD
    wider = median * np.exp(GROWTH)
    assert course.spread[0] == pytest.approx(NORMAL_MAD * np.array([median, wider, wider, median]))
    assert course.carry["median"] == pytest.approx(wider)  # a billion counts for no more than one


def test_the_spread_is_hardly_widened_by_hours_and_follows_in_days() -> None:
    values = _noise()
    values[0, INCIDENT : INCIDENT + 4 * HOUR] += 50
    spread = _course(values).spread[0]
    assert spread[INCIDENT + 4 * HOUR] / spread[INCIDENT] == pytest.approx(
        np.exp(4 / 12)
    )  # half a day for a factor e
    wild = np.concatenate([_noise(), 3 * _noise(seed=1)], axis=1)
    spread = _course(wild).spread[0]
    assert np.median(spread[6_000:]) / np.median(spread[:4_000]) == pytest.approx(3, rel=0.1)


def test_the_spread_never_falls_below_its_floor() -> None:
    course = _walked(*[0.0] * 2_000)
    assert course.spread[0, -1] == 0.5
    assert course.carry["median"] == pytest.approx(
        0.05
    )  # nor far below, so that it comes back in time


def test_the_floor_knows_the_noise_and_not_the_level() -> None:
    values = _noise()
    wandering = (
        values + np.repeat(np.random.default_rng(1).normal(0, 20, 4_000 // 72 + 1), 72)[:4_000]
    )  # six hours
    floors = []
    for row in (values, wandering):
        trend = fit_trend(_batch(row), np.ones(row.shape, bool))
        floors.append(float((trend.floor * trend.scale)[0]))
    assert floors[0] == pytest.approx(0.5 * 1.645, rel=0.1)  # half of the .9 quantile of |residual|
    assert floors[1] == pytest.approx(floors[0], rel=0.2)


def test_the_rhythm_widens_spread_and_gate_alike() -> None:
    inside, beyond = (_walked(value, trend=_plain(rhythm=2.0)) for value in (-5.9, 6.1))
    assert inside.spread.tolist() == [[2.0]]
    assert (inside.seen[0, 0], beyond.seen[0, 0]) == (True, False)
    assert beyond.carry["level"] == 0 != inside.carry["level"]


def test_a_busy_evening_is_wider_than_a_calm_morning() -> None:
    steps = 14 * 24 * HOUR
    hour = np.arange(steps) // HOUR % 24
    values = _noise(steps) * np.where((hour >= 18) & (hour < 22), 5.0, 1.0)
    batch = _batch(values)
    course = follow(fit_trend(batch, batch.observed), batch, None)
    late = np.arange(steps) > steps // 2
    evening, morning = (course.spread[0, late & (hour == at)].mean() for at in (20, 8))
    assert 2.5 < evening / morning < 5
    assert 0.6 < np.median(np.abs(course.deviation[0, late & (hour == 20)])) < 1.4


def test_gaps_and_unusable_samples_steer_nothing() -> None:
    values = _noise()
    wild = values.copy()
    wild[0, 1_000:1_100] = 1e6
    usable = np.ones(values.shape, bool)
    usable[0, 1_000:1_100] = False
    missing, unusable = (
        follow(_quiet(), SeriesBatch(wild, observed, 0, STEP, usable), None)
        for observed in (usable, np.ones(values.shape, bool))
    )
    assert np.array_equal(missing.expected, unusable.expected)
    assert np.array_equal(missing.spread, unusable.spread)
    assert all(np.array_equal(missing.carry[name], unusable.carry[name]) for name in missing.carry)
    assert (missing.deviation[0, 1_000:1_100] == 0).all() and not missing.observed[
        0, 1_000:1_100
    ].any()
    assert (unusable.deviation[0, 1_000:1_100] > 1e3).all()  # scored all the same
    assert not unusable.seen[0, 1_000:1_100].any()


def test_what_may_not_be_learnt_from_is_not_fitted() -> None:
    values = _noise()
    wild = values.copy()
    wild[0, :500] = 1e6
    kept = np.ones(values.shape, bool)
    kept[0, :500] = False
    first, second = (fit_trend(_batch(each), kept).state for each in (values, wild))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_pieces_equal_the_whole_and_company_does_not_matter() -> None:
    values = np.concatenate([_noise(900), 7 * _noise(900, 1)])
    values[0, 300:500] += 40  # beyond the gate when it is cut
    values[1, 100:130] = np.nan
    batch = _batch(values)
    settled = np.zeros(values.shape, bool)
    settled[0, 400] = True
    batch = replace(batch, settled=settled)
    trend = fit_trend(batch, batch.observed)
    whole = follow(trend, batch, None)
    assert [t for t, rows in whole.acceptances.items() if rows[0]] == [400, 500 + 12], (
        "said, and back at the former level"
    )
    carry = None
    for begin, end in ((0, 1), (1, 400), (400, 401), (401, 900)):
        piece = follow(trend, batch.steps(begin, end), carry)
        carry = piece.carry
        same = whole.steps(begin, end)
        for name in ("deviation", "seen", "expected", "spread", "profile"):
            assert np.array_equal(getattr(piece, name), getattr(same, name)), name
        assert piece.acceptances.keys() == same.acceptances.keys()
    assert carry is not None and all(
        np.array_equal(carry[name], whole.carry[name]) for name in carry
    )
    row = np.array([1])
    alone = follow(fit_trend(batch.rows(row), batch.rows(row).observed), batch.rows(row), None)
    assert np.array_equal(alone.deviation, whole.deviation[row])


@pytest.mark.parametrize("level", [0.0, 7.0, -1e12])
def test_a_flat_line_has_a_positive_spread(level: float) -> None:
    batch = _batch(np.full((1, 500), level))
    course = follow(fit_trend(batch, batch.observed), batch, None)
    assert (course.spread > 0).all() and (course.deviation == 0).all()


def test_state_is_restored_whole() -> None:
    trend = fit_trend(_batch(_noise()), np.ones((1, 4_000), bool))
    restored = Trend.restore(trend.state)
    assert all(np.array_equal(trend.state[name], restored.state[name]) for name in trend.state)
