"""The tables."""

from plugin.store.schema.columns import metadata
from plugin.store.schema.incident_tables import (
    acceptances,
    alarms,
    changes,
    feedback,
    feedback_series,
    incidents,
    maintenance,
    members,
    regimes,
)
from plugin.store.schema.model_tables import carries, decisions, fits, models, reigns, watch_terms
from plugin.store.schema.sample_tables import (
    blocks,
    coverage,
    positions,
    rewrites,
    samples,
    scored,
    series,
    source_holes,
    status,
    watches,
)

__all__ = [
    "acceptances",
    "alarms",
    "blocks",
    "carries",
    "changes",
    "coverage",
    "decisions",
    "feedback",
    "feedback_series",
    "fits",
    "incidents",
    "maintenance",
    "members",
    "metadata",
    "models",
    "positions",
    "regimes",
    "reigns",
    "rewrites",
    "samples",
    "scored",
    "series",
    "source_holes",
    "status",
    "watch_terms",
    "watches",
]
