"""The ring of the last day: what is in it, and when."""

import numpy as np
import pytest

from detectors.season import features
from detectors.yesterday import SLOTS, cold, lags, slots

DAY = 86_400


@pytest.mark.parametrize("step", [15, 60, 300, 3_600])
def test_slots_count_five_minutes_of_the_local_day(step: int) -> None:
    times = np.arange(0, 2 * DAY, step)
    assert np.array_equal(slots(features(times)), times % DAY // 300)


def test_a_slot_is_read_a_day_later_and_not_before() -> None:
    slot = np.array([0, 0, 1, 0, 0, 2, 0])
    deviation = np.array([[1.0, 2.0, 5.0, 4.0, 100.0, 3.0, 0.0]])
    seen = np.array([[True, True, True, True, True, False, True]])
    found, after = lags(deviation, seen, slot, cold(1))
    assert found.tolist() == [[0.0, 0.0, 0.0, 1.5, 1.5, 0.0, 6.0]]  # 100 counts as 8
    assert after["ring"][0, :3].tolist() == [6.0, 5.0, 0.0]


def test_a_day_without_samples_leaves_the_one_before() -> None:
    slot = np.array([7, 8, 7, 8, 7])
    found, _ = lags(
        np.full((1, 5), 2.0), np.array([[True, True, False, False, True]]), slot, cold(1)
    )
    assert found.tolist() == [[0.0, 0.0, 2.0, 2.0, 2.0]]


def test_pieces_equal_the_whole() -> None:
    rng = np.random.default_rng(0)
    deviation = rng.normal(size=(3, 900))
    seen = rng.random((3, 900)) > 0.1
    slot = np.arange(900) // 7 % SLOTS % 40
    whole, end = lags(deviation, seen, slot, cold(3))
    carry = cold(3)
    pieces = []
    for part in (slice(0, 1), slice(1, 500), slice(500, 900)):
        found, carry = lags(deviation[:, part], seen[:, part], slot[part], carry)
        pieces.append(found)
    assert np.array_equal(np.concatenate(pieces, axis=1), whole)
    assert all(np.array_equal(carry[name], end[name]) for name in end)
