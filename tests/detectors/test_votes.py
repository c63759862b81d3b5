"""A day has one vote, however long its incident is and however large."""

import numpy as np
import pytest

from detectors.season import DAY, Clock
from detectors.votes import (
    KNOTS,
    SLOT_SECONDS,
    SLOTS,
    SLOTS_PER_KNOT,
    agreed_size,
    cast_votes,
    daily_lowest,
    day_levels,
    disagreement,
    largest_votes,
    nan_quantile,
    vote_noise,
)
from tests.detectors.clocks import clock_of

NAN = np.nan


def test_a_vote_is_the_mean_of_a_slot_and_of_a_knot_the_median_of_its_slots() -> None:
    times = np.arange(0, 2 * DAY, 60)
    values = np.where(times < DAY, 1.0, 3.0)[None].copy()
    values[0, :5] = (2, 4, NAN, NAN, 9)
    values[0, 2:4] = 1e9  # not marked
    mask = np.ones(values.shape, bool)
    mask[0, 2:4] = False
    votes = cast_votes(values, mask, clock_of(times, 60))
    assert votes.by_slot.shape == (1, 2, SLOTS) and votes.by_knot.shape == (1, 2, KNOTS)
    assert votes.by_slot[0, :, 0].tolist() == [5.0, 3.0] and votes.count[0, 0, 0] == 3
    assert votes.by_knot[0, :, 0].tolist() == [1.0, 3.0]
    assert votes.weekday.tolist() == [0, 1] and votes.days_seen.tolist() == [2]


def test_where_the_clocks_go_back_both_hours_are_one_vote() -> None:
    times = np.arange(0, DAY + 3_600, SLOT_SECONDS)
    local = times - 3_600 * (times >= 3 * 3_600)
    values = np.where(times < 3 * 3_600, 1.0, 3.0)[None]
    votes = cast_votes(values, np.ones(values.shape, bool), clock_of(local, SLOT_SECONDS))
    twice = votes.by_slot[0, 0, 2 * 12 : 3 * 12]
    assert votes.by_slot.shape == (1, 1, SLOTS) and (twice == 2.0).all()
    assert (votes.count[0, 0] == np.where(np.arange(SLOTS) // 12 == 2, 2, 1)).all()
    largest = largest_votes(values, np.ones(values.shape, bool), clock_of(local, SLOT_SECONDS))
    assert (largest[0, 0, 2 * 12 : 3 * 12] == 3.0).all()


def test_days_count_as_seen_and_a_day_of_a_few_samples_does_not() -> None:
    times = np.arange(0, 5 * DAY, SLOT_SECONDS)
    mask = (times % DAY < 3 * 3_600)[None] & (times // DAY != 2)
    mask[0, 2 * 288 : 2 * 288 + 12] = True
    votes = cast_votes(np.ones(mask.shape), mask, clock_of(times, SLOT_SECONDS))
    assert votes.days_seen.tolist() == [4]


def test_the_lowest_sample_of_each_day() -> None:
    times = np.arange(0, 3 * DAY, 21_600)
    values = np.arange(12.0)[None]
    mask = np.arange(12)[None] // 4 != 1
    mask[0, 8] = False
    clock: Clock = clock_of(times, 21_600)
    assert daily_lowest(values, mask, clock)[0].tolist() == pytest.approx([0, NAN, 9], nan_ok=True)


def test_a_deployment_is_a_level_and_one_day_is_none() -> None:
    shape = np.sin(np.arange(KNOTS) / KNOTS * 2 * np.pi)
    by_knot = np.tile(shape, (2, 12, 1))
    by_knot[0, 6:] += 10.0
    by_knot[1, 6] += 10.0
    levels = day_levels(by_knot, np.zeros(12, bool))
    middle = np.median(shape)
    assert levels[0] - levels[0, 0] == pytest.approx([0] * 6 + [10] * 6)
    assert levels[1] == pytest.approx(np.full(12, middle)), "a day has one vote"


def test_a_day_without_samples_lies_where_the_day_before_it_lay() -> None:
    by_knot = np.full((1, 8, KNOTS), 5.0)
    by_knot[0, 3:] = NAN
    assert (day_levels(by_knot, np.zeros(8, bool)) == 5).all()


def test_noise_is_told_within_the_kinds_of_day() -> None:
    off = np.arange(14) % 7 >= 5
    votes = np.random.default_rng(0).normal(0, 2, (1, 14, SLOTS)) + 100 * off[None, :, None]
    assert vote_noise(votes, off).mean() == pytest.approx(2, rel=0.25)


def test_votes_disagree_though_most_are_the_same_but_one_has_no_say() -> None:
    one, part = np.zeros((2, 1, 8, 1))
    one[0, 0] = 100.0
    part[0, :3] = 100.0
    none = np.zeros((1, 1))
    assert disagreement(one, none)[0, 0] == 0.0
    assert disagreement(part, none)[0, 0] == pytest.approx(1.2533 * 200 / 7)


def test_quantiles_do_not_see_what_is_missing() -> None:
    values = np.array([[4.0, NAN, 1.0, 2.0], [NAN, NAN, NAN, NAN]])
    assert nan_quantile(values, 0.25, axis=1).tolist() == pytest.approx([1.5, NAN], nan_ok=True)
    assert nan_quantile(values, 0.5, axis=0)[:3].tolist() == pytest.approx([4, NAN, 1], nan_ok=True)


@pytest.mark.parametrize("days", [3, 4, 7, 14])
def test_one_day_has_no_say_in_what_days_agree_on(days: int) -> None:
    sizes = np.ones((1, days, 1))
    sizes[0, 0] = 1e6
    assert agreed_size(sizes, 0.7).tolist() == [[1.0]]


def test_slots_per_knot_fit() -> None:
    assert KNOTS * SLOTS_PER_KNOT == SLOTS
