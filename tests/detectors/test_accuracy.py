"""MASE, pinball and coverage on a handful of samples."""

import math

import numpy as np
import pytest

from detectors.accuracy import (
    ForecastError,
    ForecastErrors,
    forecast_error,
    mase,
    naive_forecast,
    pinball,
)
from detectors.api import Band

NAN = math.nan


def test_mase_is_error_by_naive_error_over_the_same_samples() -> None:
    value = np.array([10, 20, NAN, 40, 50.0])
    assert mase(
        value, np.array([11, 19, 0, NAN, 50]), np.array([NAN, 16, 0, 0, 54])
    ) == pytest.approx(0.5 / 4)
    assert math.isnan(mase(value, value, value))  # the naive forecast is never wrong
    assert math.isnan(mase(value, np.full(5, NAN), value))


def test_pinball() -> None:
    value = np.array([1, 5, NAN, 7.0])
    line = np.array([3, 3, 3, np.inf])
    assert pinball(value, line, 0.5) == 1  # half the mean absolute error
    assert pinball(value, line, 0.9) == pytest.approx((0.1 * 2 + 0.9 * 2) / 2)
    assert pinball(value, line, 0.2) == pytest.approx((0.8 * 2 + 0.2 * 2) / 2)
    assert math.isnan(pinball(value, np.full(4, NAN), 0.5))


def test_pinball_is_lowest_for_the_quantile() -> None:
    value = np.arange(1, 101.0)
    losses = [pinball(value, np.full(100, float(line)), 0.9) for line in range(1, 101)]
    assert int(np.argmin(losses)) + 1 in (90, 91)


def test_the_naive_forecast_is_a_day_old_where_there_is_a_day() -> None:
    value = np.array([1, 2, NAN, 4.0])
    np.testing.assert_array_equal(naive_forecast(value, np.array([NAN, 7, 8, 9])), [NAN, 7, 8, 9])
    np.testing.assert_array_equal(
        naive_forecast(value, np.array([NAN, NAN, 8, NAN])), [NAN, 1, 2, NAN]
    )


def test_the_band_of_one_series() -> None:
    value = np.array([10, 12, 30, NAN, 8.0])
    counts = np.array([True, True, False, True, True])
    band = Band(
        np.array([9, 9, 9, 9, -np.inf]),
        np.array([10, 10, 10, 10, 10.0]),
        np.array([11, 11, 11, 11, 11.0]),
    )
    found = forecast_error(value, band, np.array([14, 8, 0, 0, 12.0]), counts, outside_share=0.2)
    assert (found.samples, found.coverage) == (3, pytest.approx(2 / 3))
    assert found.mase == pytest.approx((0 + 2 + 2) / (4 + 4 + 4))
    lower = 0.1 * (1 + 3) / 2
    middle = 0.5 * 4 / 3
    upper = (0.1 * 1 + 0.9 * 1 + 0.1 * 3) / 3
    assert found.pinball == pytest.approx((lower + middle + upper) / 3 / 4)


def test_several_series_leave_out_what_cannot_be_said() -> None:
    found = ForecastErrors.of(
        [
            ForecastError(9, 0.5, 0.1, 1.0),
            ForecastError(9, 2.0, 0.3, 0.9),
            ForecastError(9, NAN, NAN, 0.8),
        ]
    )
    assert found == ForecastErrors(3, 1.25, 0.5, pytest.approx(0.2), pytest.approx(0.9))
    assert math.isnan(ForecastErrors.of([]).mase)
