"""Everything that outlives the process: samples, series, models. See store.py for the door, rows.py for the rule."""

from plugin.store.records import Carry, FoldReport, ModelRecord, StoreSizes
from plugin.store.store import Store

__all__ = ["Carry", "FoldReport", "ModelRecord", "Store", "StoreSizes"]
