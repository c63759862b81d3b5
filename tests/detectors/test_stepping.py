"""What is carried from sample to sample, by hand."""

import numpy as np
import pytest

from detectors.stepping import VARIANCE_PER_STEP, hold, latest

SEEN = np.array([[False, True, False, True]])
VALUES = np.array([[1.0, 2.0, 3.0, 4.0]])


def test_latest_is_the_seen_value_before() -> None:
    found, after = latest(VALUES, SEEN, np.array([9.0]))
    assert found.tolist() == [[9.0, 9.0, 2.0, 2.0]]
    assert after.tolist() == [4.0]
    assert latest(VALUES, ~SEEN & False, np.array([9.0]))[1].tolist() == [9.0]


def test_a_width_never_shrinks_in_a_gap() -> None:
    age = np.array([[1.0, 2.0, 3.0, 1.0]])
    held, after = hold(np.array([[1.0, 3.0, 2.0, 2.0]]), age, np.array([100.0]))
    wide = 3 * np.sqrt(1 + VARIANCE_PER_STEP)
    assert held[0] == pytest.approx([1.0, wide, wide, 2.0])
    assert after.tolist() == [2.0]


def test_a_gap_goes_on_in_the_next_piece() -> None:
    age = np.array([[1.0, 2.0, 3.0, 4.0]])
    width = np.array([[1.0, 3.0, 2.0, 1.0]])
    whole, _ = hold(width, age, np.array([0.0]))
    first, widest = hold(width[:, :2], age[:, :2], np.array([0.0]))
    second, _ = hold(width[:, 2:], age[:, 2:], widest)
    assert np.array_equal(np.concatenate([first, second], axis=1), whole)
