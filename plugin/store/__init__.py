"""What outlives the process: samples, series, alarms, models.

store.py is the door. sample_columns.py has the rule by which two answers for one time become one.
"""

from plugin.store.records import (
    AcceptRequest,
    DetectorState,
    FeedbackNote,
    FoldReport,
    ModelRecord,
    Regime,
    RegimeChanges,
    StoreSizes,
    Written,
)
from plugin.store.store import Store

__all__ = [
    "AcceptRequest",
    "DetectorState",
    "FeedbackNote",
    "FoldReport",
    "ModelRecord",
    "Regime",
    "RegimeChanges",
    "Store",
    "StoreSizes",
    "Written",
]
