"""Alarms, the incidents that they form, and what people say about them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
)

from plugin.store.schema.columns import metadata, peak_columns, series_key, time_key

# One row per episode outside the band, see plugin/domain/alarms.py.
alarms = Table(
    "alarms",
    metadata,
    series_key(),
    time_key("start"),
    Column("end", BigInteger, nullable=False),  # of the last sample outside, so far
    Column("open", Boolean, nullable=False),
    Column("samples", Integer, nullable=False),
    *peak_columns(),
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
    # The id of the series that moved first. No foreign key: an incident outlives its series.
    Column("first", Integer, nullable=False),
    Column("first_score", Double, nullable=False),
    Column("worst", Integer, nullable=False),  # series id
    *peak_columns(),
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
    time_key("start"),
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
    series_key(),
    time_key("accepted"),  # of the sample at which it was accepted
    Column("since", BigInteger, nullable=False),  # of the first sample at the new level
    Column("before", Double),  # levels in units of the series
    Column("after", Double),
    Column("by", Text, nullable=False),  # "" = by the rule
    Column("reason", Text, nullable=False),
    Index("regimes_accepted", "accepted"),
)

# Requests to accept a new level; the next tick does it.
acceptances = Table(
    "acceptances",
    metadata,
    series_key(),
    Column("seen", BigInteger, nullable=False),  # up to which time the series had been scored
    Column("asked_at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("reason", Text, nullable=False),
)

# What people have said about alarms, see plugin/domain/tolerances.py.
feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("verdict", Text, nullable=False),
    # "" = given by series and range. No foreign key: feedback outlives alarms.
    Column("incident", Text, nullable=False),
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
    series_key(),
    time_key("start"),
    Column("end", BigInteger, nullable=False),
    Column("below", Double, nullable=False),  # tolerances, in half-widths; 1 = none
    Column("above", Double, nullable=False),
    Column("lasting_below", Double, nullable=False),
    Column("lasting_above", Double, nullable=False),
    Column("ended_at", BigInteger),
    Index("feedback_series_id", "series_id"),
)

# One row per maintenance window that is not in a file, see plugin/domain/windows.py.
maintenance = Table(
    "maintenance",
    metadata,
    Column("id", Text, primary_key=True),
    # `watch` is a JSON list.
    *(Column(name, Text, nullable=False) for name in ("name", "match", "watch", "begin")),
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

# One row per change that was reported, see plugin/domain/changes.py.
changes = Table(
    "changes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("time", BigInteger, nullable=False),  # at which it was made
    Column("title", Text, nullable=False),
    Column("labels", Text, nullable=False),  # JSON object
    *(Column(name, Text, nullable=False) for name in ("link", "by")),
    Column("created", BigInteger, nullable=False),
    Index("changes_time", "time"),
)
