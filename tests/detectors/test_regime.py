"""The slow level that clamps, and the tracker that accepts; by hand."""

import numpy as np
import pytest

from detectors.regime import (
    ACCEPT_SECONDS,
    MEMORY_SECONDS,
    MIN_STEPS,
    REGIME_KEYS,
    RegimeSample,
    RegimeTracker,
    SlowLevel,
    ewma_weight,
)

STEP = 3_600
ACCEPT_STEPS = ACCEPT_SECONDS // STEP
YES = np.array([True])
NO = np.array([False])
ONE = np.array([1.0])


def test_a_weight_is_that_of_its_time_constant_or_of_its_steps() -> None:
    assert ewma_weight(600, 60) == 1 - np.exp(-0.1)
    assert ewma_weight(600, 60, steps=20) == 1 - np.exp(-1 / 20)


def test_a_new_slow_level_is_a_plain_mean_and_clamps_nothing() -> None:
    slow = SlowLevel(np.zeros(1), np.zeros(1), max_drift=ONE, step=STEP)
    for level in (4.0, 8.0):
        held, clamped = slow.clamp(np.array([level]), YES, ONE)
        assert held.tolist() == [level] and clamped.tolist() == [False]
    assert slow.level.tolist() == [6.0] and slow.samples.tolist() == [2.0]


def test_a_grown_slow_level_holds_the_level_and_does_not_follow_it() -> None:
    slow = SlowLevel(np.zeros(1), np.array([1e6]), max_drift=ONE, step=STEP)
    held, clamped = slow.clamp(np.array([-3.0]), YES, ONE)
    assert held.tolist() == [-1.0] and clamped.tolist() == [True] and slow.level.tolist() == [0.0]


def test_a_level_that_is_not_trusted_moves_no_slow_level() -> None:
    slow = SlowLevel(np.zeros(1), np.array([1e6]), max_drift=ONE, step=STEP)
    slow.clamp(np.array([0.5]), NO, ONE)
    assert slow.level.tolist() == [0.0] and slow.samples.tolist() == [1e6]


def _tracker() -> RegimeTracker:
    return RegimeTracker({name: np.zeros(1) for name in REGIME_KEYS}, max_drift=ONE, step=STEP)


def _sample(time: int, away: np.ndarray = YES, settled: np.ndarray | None = None) -> RegimeSample:
    nine = np.array([9.0])
    return RegimeSample(nine, nine, away, YES, time, settled)


def test_what_stands_still_is_accepted_after_half_a_day() -> None:
    tracker = _tracker()
    for time in range(1, ACCEPT_STEPS + 1):
        level, accepted = tracker.settle(np.zeros(1), _sample(time))
        assert level.tolist() == [0.0] and accepted is None
    level, accepted = tracker.settle(np.zeros(1), _sample(99))
    assert level.tolist() == [9.0] and accepted is not None and accepted.tolist() == [True]
    carry = {name: array.tolist() for name, array in tracker.carry.items()}
    means = {"regime": [9], "course": [9], "stray": [0], "former": [0]}
    assert carry == means | {"away": [0], "since": [1], "accepted": [99]}


def test_a_person_accepts_a_level_at_once() -> None:
    tracker = _tracker()
    level, accepted = tracker.settle(np.zeros(1), _sample(5, settled=YES))
    assert level.tolist() == [9.0] and accepted is not None


def test_a_return_takes_two_steps_off() -> None:
    tracker = _tracker()
    for time in range(3):
        tracker.settle(np.zeros(1), _sample(time))
    tracker.settle(np.zeros(1), _sample(3, away=NO))
    assert tracker.carry["away"].tolist() == [1.0] and tracker.is_concerned(NO)
    tracker.settle(np.zeros(1), _sample(4, away=NO))
    assert tracker.carry["away"].tolist() == [0.0] and not tracker.is_concerned(NO)
    assert MIN_STEPS > 3  # the means span more than this test


@pytest.mark.parametrize(("age", "known"), [(MEMORY_SECONDS, True), (MEMORY_SECONDS + 1, False)])
def test_the_former_level_is_known_for_three_days(age: int, known: bool) -> None:
    carry = {name: np.zeros(1) for name in REGIME_KEYS} | {"former": np.array([9.0])}
    tracker = RegimeTracker(carry | {"accepted": ONE}, max_drift=ONE, step=300)
    for _ in range(MIN_STEPS):
        assert tracker.settle(np.zeros(1), _sample(1))[1] is None
    _, accepted = tracker.settle(np.zeros(1), _sample(1 + age))
    assert (accepted is not None) == known
