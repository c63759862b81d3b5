"""The tables.

samples is the head: one row per series and time, ordered by time first, so that a tick of all series is appended
to a few pages; ordered by series it would touch one page per series (50 times the bytes written, measured at
10,000 series). blocks holds what has left the head. NULL stands for NaN.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

# Never changes once written, so that labels can be kept in memory by id.
series = Table(
    "series", metadata,
    Column("id", Integer, primary_key=True),
    Column("watch", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("labels", Text, nullable=False),  # JSON object
    UniqueConstraint("watch", "fingerprint"),
    sqlite_autoincrement=True,  # an id is never given twice
)

# Apart from `series` because it changes at every tick and is a tenth of its size.
status = Table(
    "series_status", metadata,
    Column("series_id", Integer, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
)

# No foreign key: deleting a series would then search the whole head, which has no order by series.
samples = Table(
    "samples", metadata,
    Column("time", BigInteger, primary_key=True, autoincrement=False),
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("value", Double),
    Column("expected", Double),
    Column("lower", Double),
    Column("upper", Double),
    Column("score", Double),
    Column("model_version", Integer, nullable=False),
    sqlite_with_rowid=False,
)

blocks = Table(
    "blocks", metadata,
    Column("series_id", Integer, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),  # of the day in UTC
    Column("last", BigInteger, nullable=False),  # time of its newest row
    Column("rows", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),  # see blocks.py
    Index("blocks_last", "last", "series_id", "start"),
)

# Which grid times of a query have been asked of Prometheus, inclusive.
coverage = Table(
    "coverage", metadata,
    Column("watch", Text, primary_key=True),
    Column("query_key", Text, primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("end", BigInteger, nullable=False),
    Column("step", Integer, nullable=False),  # 0 = not known yet
)

watches = Table(
    "watches", metadata,
    Column("watch", Text, primary_key=True),
    Column("scored_until", BigInteger, nullable=False),
)

# How often the past of a watch has been added to, see recent.py.
rewrites = Table(
    "rewrites", metadata,
    Column("watch", Text, primary_key=True),
    Column("count", Integer, nullable=False),
)

carries = Table(
    "carries", metadata,
    Column("id", Integer, primary_key=True),
    Column("watch", Text, nullable=False, index=True),
    Column("time", BigInteger, nullable=False),
    Column("ids", LargeBinary, nullable=False),  # int64, little-endian
    Column("data", LargeBinary, nullable=False),  # safetensors: the arrays and `model_version`
)

# One row per fit, written when its version is given out; the other columns follow when it is saved.
fits = Table(
    "fits", metadata,
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
    "models", metadata,
    Column("series_id", Integer, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("version", Integer, ForeignKey("fits.version"), primary_key=True, autoincrement=False),
    Column("row", Integer, nullable=False),  # of the arrays in the weights file
    Column("loss", Double),
    Column("champion", Boolean, nullable=False),
    Index("models_version", "version"),
)

# One row per episode outside the band, see plugin/alarms.py.
alarms = Table(
    "alarms", metadata,
    Column("series_id", Integer, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("end", BigInteger, nullable=False),  # of the last sample outside, so far
    Column("open", Boolean, nullable=False),
    Column("samples", Integer, nullable=False),
    Column("peak_time", BigInteger, nullable=False),
    Column("peak_score", Double, nullable=False),
    Column("peak_value", Double, nullable=False),
    Column("peak_expected", Double, nullable=False),
    Column("peak_lower", Double, nullable=False),  # -inf = no bound on that side
    Column("peak_upper", Double, nullable=False),
    Column("direction", Integer, nullable=False),  # 1 = above the band, -1 = below
    Index("alarms_end", "end"),
    Index("alarms_open", "open"),
)

# Up to which time remote write has sent a watch.
positions = Table(
    "positions", metadata,
    Column("watch", Text, primary_key=True),
    Column("sent_until", BigInteger, nullable=False),
)
