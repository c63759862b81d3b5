"""The Python interface of Bandwatch; docs/python.md has examples.

The code is in `plugin` and `detectors`. What is not exported here may change without a word.
"""

from typing import TYPE_CHECKING, Any

from detectors.api import (
    Band,
    Detector,
    DetectorError,
    Diverged,
    FittedDetector,
    NotEnoughData,
    Scores,
    SeriesBatch,
)
from detectors.checks import yield_checks
from detectors.registry import detector_named, detector_names
from plugin.domain.preview import PreviewAlarm
from plugin.errors import BandwatchError, ConfigError
from plugin.version import VERSION as __version__

if TYPE_CHECKING:
    from plugin.commands.preview.notebook import preview

__all__ = [
    "Band",
    "BandwatchError",
    "ConfigError",
    "Detector",
    "DetectorError",
    "Diverged",
    "FittedDetector",
    "NotEnoughData",
    "PreviewAlarm",
    "Scores",
    "SeriesBatch",
    "__version__",
    "detector_named",
    "detector_names",
    "preview",
    "yield_checks",
]


def __getattr__(name: str) -> Any:
    """`preview` loads pandas and the whole service, so it waits until it is asked for."""
    if name != "preview":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from plugin.commands.preview.notebook import preview

    return preview
