"""How good a band is as a forecast, labels aside: MASE, pinball loss, interval coverage.

Incidents are not what a forecast is for: leave their samples out (`counts`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detectors.api import Band, BoolArray, FloatArray


@dataclass(frozen=True)
class ForecastError:
    """Of one series. NaN = not known: no sample, or a reference that is never wrong."""

    samples: int
    mase: float  # below 1 = nearer than the naive forecast
    pinball: float  # mean over lower, expected and upper, in naive errors
    coverage: float  # share of the samples inside the band


@dataclass(frozen=True)
class ForecastErrors:
    """Of several series. A series whose measure is NaN is left out of that measure."""

    series: int
    mase: float  # median
    nearer: float  # share of the series with MASE < 1
    pinball: float  # median
    coverage: float  # mean

    @classmethod
    def of(cls, errors: Sequence[ForecastError]) -> "ForecastErrors":
        scaled = [error.mase for error in errors if math.isfinite(error.mase)]
        losses = [error.pinball for error in errors if math.isfinite(error.pinball)]
        inside = [error.coverage for error in errors if math.isfinite(error.coverage)]
        return cls(
            len(errors),
            _median(scaled),
            _ratio(sum(error < 1 for error in scaled), len(scaled)),
            _median(losses),
            _ratio(sum(inside), len(inside)),
        )


def forecast_error(
    value: FloatArray, band: Band, naive: FloatArray, counts: BoolArray, outside_share: float
) -> ForecastError:
    """Judges the band of one series, all [T]. `naive`: the reference forecast, NaN where it has
    none.

    outside_share: the share of samples that the band means to leave outside, half of them on each
    side.
    """
    value = np.where(counts, value, np.nan)
    scale = mean_error(value, naive)
    lines = (
        (band.lower, outside_share / 2),
        (band.expected, 0.5),
        (band.upper, 1 - outside_share / 2),
    )
    losses = [pinball(value, line, level) for line, level in lines]
    judged = np.isfinite(value) & ~np.isnan(band.lower) & ~np.isnan(band.upper)
    inside = (value >= band.lower) & (value <= band.upper)
    return ForecastError(
        int((np.isfinite(value) & np.isfinite(band.expected)).sum()),
        mase(value, band.expected, naive),
        _ratio(float(np.mean(losses)), scale),
        float(inside[judged].mean()) if judged.any() else float("nan"),
    )


def mase(value: FloatArray, forecast: FloatArray, naive: FloatArray) -> float:
    """Mean absolute scaled error (Hyndman and Koehler 2006): mean |error| by that of the naive
    forecast; all [T].

    Both are taken over the samples that have a value and both forecasts. The paper scales by the
    training part instead, but the judged part may vary more than that. NaN without such a sample,
    or if the naive forecast is never wrong.
    """
    both = np.where(np.isfinite(forecast) & np.isfinite(naive), value, np.nan)
    return _ratio(mean_error(both, forecast), mean_error(both, naive))


def mean_error(value: FloatArray, forecast: FloatArray) -> float:
    """Mean |value - forecast| over the samples [T] that have both; NaN without one."""
    both = np.isfinite(value) & np.isfinite(forecast)
    return float(np.abs(value[both] - forecast[both]).mean()) if both.any() else float("nan")


def pinball(value: FloatArray, line: FloatArray, level: float) -> float:
    """Pinball (quantile) loss of a line [T] that a share `level` of the values [T] should be below.

    Koenker and Bassett 1978; in units of the series; lowest for the true quantile. NaN without a
    sample that has both.
    """
    both = np.isfinite(value) & np.isfinite(line)
    if not both.any():
        return float("nan")
    above = value[both] - line[both]
    return float(np.maximum(level * above, (level - 1) * above).mean())


def naive_forecast(value: FloatArray, day_before: FloatArray) -> FloatArray:
    """[T] the value a day before; the sample before, where the series has no day before it at
    all."""
    if (np.isfinite(value) & np.isfinite(day_before)).any():
        return day_before
    return np.concatenate([[np.nan], value[:-1]])


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else float("nan")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
