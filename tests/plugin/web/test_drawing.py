"""The small picture: gaps stay gaps, what is not finite is not drawn, everything lies within the frame."""

import re

import numpy as np
import pytest

from plugin.series import Samples
from plugin.web.drawing import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Drawing, draw

BEGIN, STEP = 1_795_219_200, 60


def samples(value: list[float], *, lower: float = 8.0, upper: float = 12.0) -> Samples:
    flat = np.ones(len(value))
    score = np.abs(np.array(value) - 10) / 2
    return Samples(BEGIN + STEP * np.arange(len(value)), np.array(value), 10 * flat, lower * flat, upper * flat, score,
                   np.ones(len(value), int))


def drawn(shown: Samples) -> Drawing:
    end = int(shown.times[-1])
    found = draw(shown, BEGIN + STEP, BEGIN + 2 * STEP, BEGIN, end)
    assert found is not None
    return found


def points(path: str) -> list[tuple[float, float]]:
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_everything_lies_within_the_frame() -> None:
    shown = drawn(samples([10, 11, 40, 9, 10]))
    for path in (shown.band, shown.expected, shown.value):
        assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM for x, y in points(path))
    assert [x for x, _ in points(shown.value)] == sorted(x for x, _ in points(shown.value))
    assert len(shown.outside) == 1 and shown.outside[0] == pytest.approx(points(shown.value)[2], abs=0.06)
    assert shown.levels[0][0] > shown.levels[1][0] > shown.levels[2][0]
    assert [text for _, text in shown.moments] == ["00:00", "00:01", "00:02", "00:04"]
    assert shown.marked[0] == pytest.approx(points(shown.value)[1][0], abs=0.06)


def test_a_gap_is_a_gap_and_no_bound_is_none() -> None:
    assert drawn(samples([10, 11, np.nan, 9, 10])).value.count("M") == 2
    open_above = drawn(samples([10, 11, 10], upper=np.inf))
    assert all(np.isfinite(y) for _, y in points(open_above.band)) and len(points(open_above.band)) == 6
    unscored = drawn(samples([10, 11, 10], lower=np.nan, upper=np.nan))
    assert unscored.band == "" and unscored.value.startswith("M")


def test_a_bound_far_away_does_not_flatten_the_values() -> None:
    near = drawn(samples([10, 11, 10, 9], upper=1e6))
    heights = [y for _, y in points(near.value)]
    assert max(heights) - min(heights) > 20


def test_a_constant_is_drawn_and_nothing_is_not() -> None:
    assert drawn(samples([0.0, 0.0], lower=0.0, upper=0.0)).value
    assert draw(samples([np.nan, np.nan]), BEGIN, BEGIN, BEGIN, BEGIN + 60) is None
    assert draw(samples([]), BEGIN, BEGIN, BEGIN, BEGIN + 60) is None
