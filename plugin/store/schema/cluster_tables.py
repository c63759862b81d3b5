"""What several processes on one store tell each other. Empty where one process does all."""

from sqlalchemy import BigInteger, Column, Double, Integer, LargeBinary, Table, Text

from plugin.store.schema.columns import metadata, time_key

# Who does what. A lease is good for as long as its holder beats, see plugin/cluster/leases.py.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),  # "" = nobody
    Column("epoch", BigInteger, nullable=False),  # counts the holders so far
    Column("series", BigInteger, nullable=False),  # how many its watch has
)

processes = Table(
    "processes",
    metadata,
    Column("name", Text, primary_key=True),
    Column("beats", BigInteger, nullable=False),
    Column("capacity", Double, nullable=False),  # what it can do, compared with the others
    Column("beat_at", Double, nullable=False),  # unix seconds by its own clock
)

# The parts of the board in all versions that someone may still want.
publications = Table(
    "publications",
    metadata,
    Column("part", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("made_at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),  # see plugin/store/publications.py
)

# Which versions a query with a `to` is answered from.
pins = Table(
    "pins",
    metadata,
    time_key("tick"),  # milliseconds
    Column("made_at", BigInteger, nullable=False),
    Column("moment", Text, nullable=False),  # JSON object
)

# What people want of the models of a watch, for the process that holds it.
orders = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("watch", Text, nullable=False, index=True),
    Column("body", Text, nullable=False),  # JSON object
    Column("asked_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("answer", Text),  # JSON list
    sqlite_autoincrement=True,  # an id is never given twice
)

# What all web replicas sign with: sessions and links of one are good at the others.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("key", LargeBinary, nullable=False),
)
