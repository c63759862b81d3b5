"""The tables.

samples is the head: one row per series and time, ordered by time first, so that a tick of all
series is appended to a few pages; ordered by series it would touch one page per series (50 times
the bytes written, measured at 10,000 series). blocks holds what has left the head. NULL stands for
NaN.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
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
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("watch", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("labels", Text, nullable=False),  # JSON object
    UniqueConstraint("watch", "fingerprint"),
    sqlite_autoincrement=True,  # an id is never given twice
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
    "blocks",
    metadata,
    Column(
        "series_id",
        Integer,
        ForeignKey("series.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("start", BigInteger, primary_key=True, autoincrement=False),  # of the day in UTC
    Column("last", BigInteger, nullable=False),  # time of its newest row
    Column("rows", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),  # see blocks.py
    Index("blocks_last", "last", "series_id", "start"),
)

# How many rows of a block were scored: what a watch was really watched, without opening a block.
scored = Table(
    "scored",
    metadata,
    Column(
        "series_id",
        Integer,
        ForeignKey("series.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("day", BigInteger, primary_key=True, autoincrement=False),  # begin of the block
    Column("samples", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Which grid times of a query have been asked of Prometheus, inclusive.
coverage = Table(
    "coverage",
    metadata,
    Column("watch", Text, primary_key=True),
    Column("query_key", Text, primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("end", BigInteger, nullable=False),
    Column("step", Integer, nullable=False),  # 0 = not known yet
)

watches = Table(
    "watches",
    metadata,
    Column("watch", Text, primary_key=True),
    Column("scored_until", BigInteger, nullable=False),
)

# How often the past of a watch has been added to, see sample_cache.py.
rewrites = Table(
    "rewrites",
    metadata,
    Column("watch", Text, primary_key=True),
    Column("count", Integer, nullable=False),
)

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
    Column(
        "series_id",
        Integer,
        ForeignKey("series.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("version", Integer, ForeignKey("fits.version"), primary_key=True, autoincrement=False),
    Column("row", Integer, nullable=False),  # of the arrays in the weights file
    Column("loss", Double),
    Column("champion", Boolean, nullable=False),
    Column(
        "masked", Text, nullable=False, server_default=""
    ),  # names what of its window it did not learn from
    Index("models_version", "version"),
)

# One row per episode outside the band, see plugin/domain/alarms.py.
alarms = Table(
    "alarms",
    metadata,
    Column(
        "series_id",
        Integer,
        ForeignKey("series.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
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
    Column("ended_by", Text, nullable=False, server_default=""),  # "" = by itself, or it is open
    Index("alarms_end", "end"),
    Index("alarms_open", "open"),
)

# One row per incident, see plugin/domain/incidents.py. `name` and `labels` are those of its group.
incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("labels", Text, nullable=False),  # JSON object
    Column("start", BigInteger, nullable=False),
    Column("end", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("size", Integer, nullable=False),
    Column("among", Integer, nullable=False),
    Column(
        "first", Integer, nullable=False
    ),  # series id; no foreign key: an incident outlives its series
    Column("first_score", Double, nullable=False),
    Column("worst", Integer, nullable=False),  # series id
    Column("peak_time", BigInteger, nullable=False),
    Column("peak_score", Double, nullable=False),
    Column("peak_value", Double, nullable=False),
    Column("peak_expected", Double, nullable=False),
    Column("peak_lower", Double, nullable=False),  # -inf = no bound on that side
    Column("peak_upper", Double, nullable=False),
    Column("direction", Integer, nullable=False),
    Column("merged_into", Text),  # id of the one that it turned out to be
    Index("incidents_end", "end"),
    Index("incidents_open", "open"),
    Index("incidents_name", "name", "end"),
)

# Which incident an alarm belongs to. Apart from `alarms`, whose rows are written anew as they grow.
members = Table(
    "members",
    metadata,
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("incident", Text, nullable=False),
    ForeignKeyConstraint(
        ["series_id", "start"], ["alarms.series_id", "alarms.start"], ondelete="CASCADE"
    ),
    Index("members_incident", "incident", "series_id"),
    sqlite_with_rowid=False,
)

# One row per new level that was accepted.
regimes = Table(
    "regimes",
    metadata,
    Column(
        "series_id",
        Integer,
        ForeignKey("series.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column(
        "accepted", BigInteger, primary_key=True, autoincrement=False
    ),  # of the sample with which it was
    Column("since", BigInteger, nullable=False),  # of the first sample there
    Column("before", Double),  # levels in units of the series
    Column("after", Double),
    Column("by", Text, nullable=False),  # "" = by the rule
    Column("reason", Text, nullable=False),
    Index("regimes_accepted", "accepted"),
)

# What someone wants accepted; the next tick does it.
acceptances = Table(
    "acceptances",
    metadata,
    Column(
        "series_id",
        Integer,
        ForeignKey("series.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("seen", BigInteger, nullable=False),  # up to which time the series had been scored
    Column("asked_at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

# Up to which time remote write has sent a watch.
positions = Table(
    "positions",
    metadata,
    Column("watch", Text, primary_key=True),
    Column("sent_until", BigInteger, nullable=False),
)

# What people have said of alarms, see plugin/domain/tolerances.py.
feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("verdict", Text, nullable=False),
    Column(
        "incident", Text, nullable=False
    ),  # "" = given by series and range; no foreign key: it outlives alarms
    Column("comment", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("withdrawn_by", Text, nullable=False, server_default=""),
    sqlite_autoincrement=True,  # an id is never given twice
)

feedback_series = Table(
    "feedback_series",
    metadata,
    Column(
        "feedback_id",
        Integer,
        ForeignKey("feedback.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column(
        "series_id",
        Integer,
        ForeignKey("series.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("end", BigInteger, nullable=False),
    Column("below", Double, nullable=False),  # tolerances, in half-widths; 1 = none
    Column("above", Double, nullable=False),
    Column("lasting_below", Double, nullable=False),
    Column("lasting_above", Double, nullable=False),
    Column("ended_at", BigInteger),
    Index("feedback_series_id", "series_id"),
)

# One row per maintenance window that is in no file, see plugin/domain/windows.py.
maintenance = Table(
    "maintenance",
    metadata,
    Column("id", Text, primary_key=True),
    *(
        Column(name, Text, nullable=False) for name in ("name", "match", "watch", "begin")
    ),  # watch: a JSON list
    Column("seconds", BigInteger, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("rule", "timezone")),
    *(Column(name, BigInteger, nullable=False) for name in ("before", "after")),
    *(Column(name, Text, nullable=False) for name in ("comment", "by")),
    Column("created", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Column("source", Text, nullable=False),
    Column("alerts", Boolean, nullable=False),
    Column("ended_by", Text, nullable=False, server_default=""),
)

# How the champion of a series reigns; a series without a row has the champion that was fitted last,
# as it was fitted.
reigns = Table(
    "reigns",
    metadata,
    Column(
        "series_id",
        Integer,
        ForeignKey("series.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("since", BigInteger, nullable=False),  # when it took over, or was rolled back to
    Column(
        "checked_at", BigInteger, nullable=False
    ),  # when it was last fitted, or held its own against a new one
    Column("pinned", Boolean, nullable=False),
)

# What was decided of the models of a series, see plugin/domain/model_decisions.py.
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

# The settings of a watch that its models depend on, as they were when it was last taken up.
watch_terms = Table(
    "watch_terms",
    metadata,
    Column("watch", Text, primary_key=True),
    Column("terms", Text, nullable=False),  # JSON object
    Column(
        "step_since", BigInteger, nullable=False
    ),  # unix seconds; models fitted before are of another step
)
