"""Series and samples.

samples is the head: one row per series and time, ordered by time first, so that a tick of all
series is appended to a few pages. Ordered by series it would touch one page per series (50 times
the bytes written, measured at 10,000 series). blocks holds the rows that have left the head. NULL
is NaN.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from plugin.store.schema.columns import metadata, series_key, time_key

# Never changes once written, so that labels can be kept in memory by id.
series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("watch", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("labels", Text, nullable=False),  # JSON object
    UniqueConstraint("watch", "fingerprint"),
    sqlite_autoincrement=True,  # an id is never used again
)

# Apart from `series` because it changes at every tick and is a tenth of its size.
status = Table(
    "series_status",
    metadata,
    Column("series_id", Integer, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("last_seen", BigInteger, nullable=False),
)

# No foreign key: deleting a series would then search the whole head, which has no order by series.
samples = Table(
    "samples",
    metadata,
    time_key("time"),
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
    "blocks",
    metadata,
    series_key(),
    time_key("start"),  # of the day in UTC
    Column("last", BigInteger, nullable=False),  # time of its newest row
    Column("rows", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),  # see blocks.py
    Index("blocks_last", "last", "series_id", "start"),
)

# How many rows of a block were scored, so that they can be counted without opening the block.
scored = Table(
    "scored",
    metadata,
    series_key(),
    time_key("day"),  # start of the block
    Column("samples", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Which grid times of a query have been asked of Prometheus, inclusive.
coverage = Table(
    "coverage",
    metadata,
    Column("watch", Text, primary_key=True),
    Column("query_key", Text, primary_key=True),
    time_key("start"),
    Column("end", BigInteger, nullable=False),
    Column("step", Integer, nullable=False),  # 0 = not known yet
)

# When the samples of a watch look back over a hole of their source, inclusive.
source_holes = Table(
    "source_holes",
    metadata,
    Column("watch", Text, primary_key=True),
    time_key("start"),
    Column("end", BigInteger, nullable=False),
)

watches = Table(
    "watches",
    metadata,
    Column("watch", Text, primary_key=True),
    Column("scored_until", BigInteger, nullable=False),
)

# How often rows were added to the past of a watch, see sample_cache.py.
rewrites = Table(
    "rewrites",
    metadata,
    Column("watch", Text, primary_key=True),
    Column("count", Integer, nullable=False),
)

# Up to which time remote write has sent a watch.
positions = Table(
    "positions",
    metadata,
    Column("watch", Text, primary_key=True),
    Column("sent_until", BigInteger, nullable=False),
)
