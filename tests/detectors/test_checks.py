"""A detector that breaks the contract fails its check, with the reason."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from detectors.api import Band, Detector
from detectors.baseline import Baseline
from detectors.checks import yield_checks
from detectors.fitted import Fitted


class WithoutRecentBands:
    """A fitted detector as it was written before there were `recent_bands`."""

    def __init__(self, fitted: Fitted) -> None:
        self._fitted = fitted

    def __getattr__(self, name: str) -> Any:
        if name == "recent_bands":
            raise AttributeError(name)
        return getattr(self._fitted, name)


def first_row(fitted: Fitted) -> Fitted:
    band = fitted.recent_bands
    assert band is not None
    return replace(fitted, recent_bands=Band(band.lower[:1], band.expected[:1], band.upper[:1]))


def shifted(fitted: Fitted) -> Fitted:
    band = fitted.recent_bands
    assert band is not None
    return replace(fitted, recent_bands=Band(band.lower + 9, band.expected + 9, band.upper + 9))


@dataclass(frozen=True)
class Altered(Baseline):
    """The baseline, with a fault in what its fit gives."""

    name: ClassVar[str] = "altered"

    alter: Callable[[Fitted], Any] = replace

    def fit(self, *arguments: Any, **settings: Any) -> Any:
        return self.alter(super().fit(*arguments, **settings))


def check_recent_bands(detector: Detector) -> None:
    dict(yield_checks(detector))["recent_bands"]()


def test_recent_bands_are_checked() -> None:
    check_recent_bands(Altered())
    check_recent_bands(Altered(alter=lambda fitted: replace(fitted, recent_bands=None)))


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (WithoutRecentBands, "a fitted detector must have the property `recent_bands`"),
        (first_row, r"`recent_bands` must be bands \[3, N\] .*: got \[\(1, \d+\)\]"),
        (shifted, "`recent_bands` differ from those of a score: by"),
    ],
)
def test_wrong_recent_bands_are_named(alter: Callable[[Fitted], Any], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_recent_bands(Altered(alter=alter))
