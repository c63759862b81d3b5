"""Each policy at its edges: the band moves, and the score agrees with it."""

from typing import Any

import numpy as np
import pytest

from detectors.api import Band
from plugin.config import Watch
from plugin.policies import judged, moved, persistent


def watch(**settings: Any) -> Watch:
    return Watch(name="w", query="up", **settings)


def band(lower: float = 90.0, expected: float = 100.0, upper: float = 110.0) -> Band:
    return Band(*(np.array([[bound]]) for bound in (lower, expected, upper)))


def bounds(after: Band) -> tuple[float, float, float]:
    return float(after.lower[0, 0]), float(after.expected[0, 0]), float(after.upper[0, 0])


@pytest.mark.parametrize(("settings", "expected"), [
    ({}, (90, 100, 110)),
    ({"direction": "above"}, (-np.inf, 100, 110)),
    ({"direction": "below"}, (90, 100, np.inf)),
    ({"min_deviation": 15.0}, (85, 100, 115)),
    ({"min_deviation": 5.0}, (90, 100, 110)),
    ({"min_relative_deviation": 0.2}, (80, 100, 120)),
    ({"min_deviation": 30.0, "min_relative_deviation": 0.2}, (70, 100, 130)),
    ({"valid_range": (95.0, 105.0)}, (95, 100, 105)),
    ({"valid_range": (0.0, 50.0)}, (50, 50, 50)),
    ({"min_deviation": 20.0, "valid_range": (0.0, 105.0)}, (80, 100, 105)),
    ({"direction": "above", "min_deviation": 20.0}, (-np.inf, 100, 120)),
])
def test_the_band_moves(settings: dict[str, Any], expected: tuple[float, float, float]) -> None:
    assert bounds(moved(band(), watch(**settings))) == expected


@pytest.mark.parametrize(("settings", "value", "outside"), [
    ({}, 110.0, False),
    ({}, np.nextafter(110.0, 200), True),
    ({"direction": "above"}, -1e9, False),
    ({"direction": "below"}, 1e9, False),
    ({"min_deviation": 15.0}, 115.0, False),
    ({"min_deviation": 15.0}, 115.1, True),
    ({"valid_range": (0.0, 105.0)}, 105.1, True),
    ({"valid_range": (0.0, 50.0)}, 50.0, False),
])
def test_score_and_band_agree(settings: dict[str, Any], value: float, outside: bool) -> None:
    anomaly, after = judged(np.array([[value]]), band(), watch(**settings))
    assert (anomaly[0, 0] > 1) is np.bool_(outside)
    assert outside == (value < after.lower[0, 0] or value > after.upper[0, 0])


def test_no_sample_and_no_band_give_no_score() -> None:
    assert np.isnan(judged(np.array([[np.nan]]), band(), watch())[0]).all()
    nothing = band(np.nan, np.nan, np.nan)
    anomaly, after = judged(np.array([[5.0]]), nothing, watch(direction="above", valid_range=(0.0, 9.0)))
    assert np.isnan(anomaly).all() and np.isnan(after.lower).all() and np.isnan(after.upper).all()


@pytest.mark.parametrize(("recent", "k", "expected"), [
    ([0.5, 3.0], 1, 3.0),
    ([0.5, 1.2, 3.0], 2, 1.2),
    ([0.5, 0.7, 3.0], 2, 0.7),
    ([np.nan, np.nan, 3.0], 2, 0.0),
    ([np.nan, 2.0, 3.0], 2, 2.0),
])
def test_persistence_is_the_kth_largest(recent: list[float], k: int, expected: float) -> None:
    assert persistent(np.array([recent]), k).tolist() == [expected]


def test_persistence_without_any_score() -> None:
    assert np.isnan(persistent(np.full((1, 3), np.nan), 2)).all()
