"""What outlives the process: samples, series, models. store.py is the door, sample_columns.py has
the rule."""

from plugin.store.records import (
    AcceptRequest,
    DetectorState,
    FoldReport,
    ModelRecord,
    Regime,
    StoreSizes,
    Written,
)
from plugin.store.store import Store

__all__ = [
    "AcceptRequest",
    "DetectorState",
    "FoldReport",
    "ModelRecord",
    "Regime",
    "Store",
    "StoreSizes",
    "Written",
]
