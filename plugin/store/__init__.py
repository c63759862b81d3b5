"""Everything that outlives the process: samples, series, models. See store.py for the door, rows.py for the rule."""

from plugin.store.records import Acceptance, Carry, FoldReport, ModelRecord, Regime, StoreSizes, Written
from plugin.store.store import Store

__all__ = ["Acceptance", "Carry", "FoldReport", "ModelRecord", "Regime", "Store", "StoreSizes", "Written"]
