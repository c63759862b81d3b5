"""The small picture: gaps stay gaps, what is not finite is not drawn, everything lies within the
frame."""

import re

import numpy as np
import pytest

from plugin.domain.band_drawing import HEIGHT, WIDTH, Drawing, draw
from plugin.series import Samples

BEGIN = 1_795_219_200
STEP = 60


def samples(value: list[float], *, lower: float = 8.0, upper: float = 12.0) -> Samples:
    flat = np.ones(len(value))
    score = np.abs(np.array(value) - 10) / 2
    return Samples(
        BEGIN + STEP * np.arange(len(value)),
        np.array(value),
        10 * flat,
        lower * flat,
        upper * flat,
        score,
        np.ones(len(value), int),
    )


def drawn(shown: Samples) -> Drawing:
    end = int(shown.times[-1])
    found = draw(shown, (BEGIN + STEP, BEGIN + 2 * STEP), (BEGIN, end), "s")
    assert found is not None
    return found


def points(path: str) -> list[tuple[float, float]]:
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def test_everything_lies_within_the_frame() -> None:
    shown = drawn(samples([10, 11, 40, 9, 10]))
    for path in (shown.band, shown.expected, shown.value):
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points(path))
    assert [x for x, _ in points(shown.value)] == sorted(x for x, _ in points(shown.value))
    x, y = points(shown.value)[2]
    assert shown.outside == f"M{x:.1f} {y:.1f}h0"
    assert shown.levels == ("0 s", "10 s", "20 s", "30 s", "40 s")
    assert shown.moments == ("00:00", "00:01", "00:02", "00:04")
    assert shown.marked[0] == pytest.approx(points(shown.value)[1][0], abs=0.06)


def test_a_gap_is_a_gap_and_no_bound_is_none() -> None:
    assert drawn(samples([10, 11, np.nan, 9, 10])).value.count("M") == 2
    open_above = drawn(samples([10, 11, 10], upper=np.inf))
    assert (
        all(np.isfinite(y) for _, y in points(open_above.band))
        and len(points(open_above.band)) == 6
    )
    unscored = drawn(samples([10, 11, 10], lower=np.nan, upper=np.nan))
    assert unscored.band == "" and unscored.value.startswith("M")


def test_a_bound_far_away_does_not_flatten_the_values() -> None:
    near = drawn(samples([10, 11, 10, 9], upper=1e6))
    heights = [y for _, y in points(near.value)]
    assert max(heights) - min(heights) > 20


def test_a_constant_is_drawn_and_nothing_is_not() -> None:
    assert drawn(samples([0.0, 0.0], lower=0.0, upper=0.0)).value
    assert draw(samples([np.nan, np.nan]), (BEGIN, BEGIN), (BEGIN, BEGIN + 60), "") is None
    assert draw(samples([]), (BEGIN, BEGIN), (BEGIN, BEGIN + 60), "") is None


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([0.07, 0.79], ("0 ms", "200 ms", "400 ms", "600 ms", "800 ms")),
        ([1.0902, 1.0906], ("1.0902 s", "1.0903 s", "1.0904 s", "1.0905 s", "1.0906 s")),
        ([-30.0, 50.0], ("-40 s", "-20 s", "0 s", "20 s", "40 s", "1 min")),
    ],
)
def test_the_levels_are_round(values: list[float], levels: tuple[str, ...]) -> None:
    assert drawn(samples(values, lower=np.nan, upper=np.nan)).levels == levels


def test_days_are_named_where_there_are_several() -> None:
    shown = draw(samples([10, 11]), (BEGIN, BEGIN), (BEGIN, BEGIN + 3 * 86_400), "")
    assert shown and shown.moments == ("11-21 00:00", "11-22 00:00", "11-23 00:00", "11-24 00:00")
