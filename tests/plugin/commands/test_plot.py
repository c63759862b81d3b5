"""What a picture of a band shows where there is no bound, and where there are no samples."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plugin.commands.plot import _draw_moments, draw_band

INF = np.inf
NAN = np.nan


def drawn(value: float, lower: float, upper: float) -> tuple[Axes, float, float]:
    """The axes, and how far down and up the band is filled; ten samples."""
    axes = Figure().subplots()
    column = np.ones(10)
    draw_band(
        axes,
        np.arange(10.0),
        pd.DataFrame(
            {
                "value": value + np.arange(10.0),
                "expected": 5 * column,
                "lower": lower * column,
                "upper": upper * column,
                "score": 0 * column,
            }
        ),
    )
    filled = np.asarray(axes.collections[0].get_paths()[0].vertices)[:, 1]
    return axes, float(filled.min()), float(filled.max())


@pytest.mark.parametrize(("lower", "upper"), [(-1.0, 10.0), (-INF, 10.0), (-1.0, INF), (-INF, INF)])
def test_a_side_without_a_bound_is_filled_beyond_the_edge(lower: float, upper: float) -> None:
    axes, low, high = drawn(0.0, lower, upper)
    bottom, top = axes.get_ylim()
    assert bottom < 0 and top > 9
    assert low == lower if np.isfinite(lower) else low < bottom
    assert high == upper if np.isfinite(upper) else high > top


def test_a_band_without_samples_is_shown() -> None:
    axes, low, high = drawn(NAN, 2.0, 8.0)
    assert axes.get_ylim()[0] < low == 2 and axes.get_ylim()[1] > high == 8


def test_learning_and_new_levels_are_marked_where_they_are_shown() -> None:
    axes = Figure().subplots()
    seconds = np.arange(0, 1000, 100)
    _draw_moments(axes, seconds, 300, np.array([-5, 400, 700, 2000]))
    assert [patch.get_label() for patch in axes.patches] == ["learning"]
    assert [line.get_label() for line in axes.lines][:1] == ["new level accepted"]
    assert len(axes.lines) == 2


def test_a_series_that_is_known_has_no_marks() -> None:
    axes = Figure().subplots()
    _draw_moments(axes, np.arange(500, 1000, 100), 300, np.array([], int))
    assert not axes.patches and not axes.lines
