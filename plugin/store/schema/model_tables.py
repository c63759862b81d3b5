"""Models, the states of their detectors, and the decisions about them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
)

from plugin.store.schema.columns import metadata, series_key

carries = Table(
    "carries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("watch", Text, nullable=False, index=True),
    Column("time", BigInteger, nullable=False),
    Column("ids", LargeBinary, nullable=False),  # int64, little-endian
    Column("data", LargeBinary, nullable=False),  # safetensors: the arrays and `model_version`
)

# One row per fit, written when its version is given out; the other columns follow when it is saved.
fits = Table(
    "fits",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("watch", Text, nullable=False),
    Column("detector", Text),
    Column("spec", Text),
    Column("path", Text),  # relative to the folder
    Column("fitted_at", BigInteger),
    Column("window_start", BigInteger),
    Column("window_end", BigInteger),
    sqlite_autoincrement=True,  # a version is never given twice
)

models = Table(
    "models",
    metadata,
    series_key(),
    Column("version", Integer, ForeignKey("fits.version"), primary_key=True, autoincrement=False),
    Column("row", Integer, nullable=False),  # of the arrays in the weights file
    Column("loss", Double),
    Column("champion", Boolean, nullable=False),
    # Names the parts of its window that it did not learn from.
    Column("masked", Text, nullable=False, server_default=""),
    Index("models_version", "version"),
)

# How long the champion of a series has been active, and why. A series without a row has the model
# that was fitted last.
reigns = Table(
    "reigns",
    metadata,
    series_key(),
    Column("since", BigInteger, nullable=False),  # when it took over, or was rolled back to
    # When it was last fitted, or last won against a new model.
    Column("checked_at", BigInteger, nullable=False),
    Column("pinned", Boolean, nullable=False),
)

# Decisions about the models of a series, see plugin/domain/model_decisions.py.
decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("time", BigInteger, nullable=False),
    Column("series_id", Integer, ForeignKey("series.id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),  # 0 = of none
    Column("what", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
    Index("decisions_series", "series_id"),
    Index("decisions_time", "time"),
)

# The settings of a watch that its models depend on, as they were when it was last loaded.
watch_terms = Table(
    "watch_terms",
    metadata,
    Column("watch", Text, primary_key=True),
    Column("terms", Text, nullable=False),  # JSON object
    # Unix seconds; models that were fitted before have another step.
    Column("step_since", BigInteger, nullable=False),
)
