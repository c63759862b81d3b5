"""Comparing scores in `detectors.checks`, bit for bit or nearly."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from detectors.api import Band, FloatArray, Scores

TOLERANCE = 0.02  # of the width of the band, where kernels may differ in the last digits


def slice_steps(scores: Scores, start: int, end: int) -> Scores:
    """The columns start..end, without the carry."""
    return _part(scores, np.s_[:, start:end])


def slice_rows(scores: Scores, rows: list[int]) -> Scores:
    """The series `rows`, without the carry."""
    return _part(scores, rows)


def _part(scores: Scores, cut: Any) -> Scores:
    band = Band(scores.band.lower[cut], scores.band.expected[cut], scores.band.upper[cut])
    return Scores(scores.anomaly[cut], band, {})


def assert_equal(first: Scores, second: Scores, message: str) -> None:
    """Bit for bit."""
    for left, right in _pairs(first, second):
        assert np.array_equal(left, right, equal_nan=True), message


def assert_close(first: Scores, second: Scores, message: str) -> None:
    """The bands, to a small share of their width."""
    width = first.band.upper - first.band.lower
    for left, right in list(_pairs(first, second))[1:]:
        distance = np.nanmax(np.abs(left - right) / width, initial=0.0)
        assert distance <= TOLERANCE, f"{message}: by {distance:.3g} of the width of the band"


def _pairs(first: Scores, second: Scores) -> Iterator[tuple[FloatArray, FloatArray]]:
    yield first.anomaly, second.anomaly
    for name in ("lower", "expected", "upper"):
        yield getattr(first.band, name), getattr(second.band, name)
