"""The table of blocks of a PostgreSQL store as it is, with BRIN in the place of the index by time,
and as partitions by month: a year of a thousand series.

A block is a row of one series and day. It is filled with as many bytes as one at a step of 15
minutes takes, day by day, as the service does.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import psycopg

from plugin.domain.times import DAY
from tests.benchmarks.bench_databases import SERVER
from tests.postgres import PostgresServer

SERIES = 1_000
DAYS = 365
BYTES = 800  # 96 rows of 8.6 bytes
MONTH = 30  # days of a partition
READS = 200
DELETED_DAYS = 10  # one after the other, as the service does once a day
NOW = DAYS * DAY
TODAY, BRIN, PARTITIONS = "as it is", "BRIN", "partitions"
COLUMNS = "series_id bigint, start bigint, last bigint, rows integer, data bytea"
KEY = "PRIMARY KEY (series_id, start)"
FILL = (
    "INSERT INTO blocks SELECT series, day * 86400, day * 86400 + 85500, 96, %(data)s"
    " FROM generate_series(0, %(days)s - 1) AS day, generate_series(1, %(series)s) AS series"
)
READ = (
    "SELECT data FROM blocks WHERE series_id = %s AND start BETWEEN %s AND %s AND last >= %s"
    " ORDER BY series_id, start"
)
DELETE = (
    "DELETE FROM blocks USING"
    " (SELECT series_id AS id, start AS day FROM blocks WHERE last < %s) AS old"
    " WHERE series_id = id AND start = day"
)
SIZE = "SELECT sum({}(oid)) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'blocks%'"
Connection = psycopg.Connection[tuple[object, ...]]


def create(connection: Connection, kind: str) -> None:
    if kind != PARTITIONS:
        connection.execute(f"CREATE TABLE blocks ({COLUMNS}, {KEY})")
        by_time = "(last, series_id, start)" if kind == TODAY else "USING brin (last)"
        connection.execute(f"CREATE INDEX blocks_last ON blocks {by_time}")
        return
    connection.execute(f"CREATE TABLE blocks ({COLUMNS}, {KEY}) PARTITION BY RANGE (start)")
    for first in range(0, DAYS, MONTH):
        bounds = f"FROM ({first * DAY}) TO ({(first + MONTH) * DAY})"
        connection.execute(f"CREATE TABLE blocks{first} PARTITION OF blocks FOR VALUES {bounds}")


def read(connection: Connection, days: int, number: int) -> None:
    """The last days of one series."""
    start = NOW - days * DAY
    found = connection.execute(READ, (1 + number * 7 % SERIES, start, NOW, start)).fetchall()
    assert len(found) == days


def expire(connection: Connection, kind: str, day: int) -> None:
    """What retention removes when a day has passed."""
    if kind != PARTITIONS:
        done = connection.execute(DELETE, ((day + 1) * DAY,))
        assert done.rowcount == SERIES
    elif day % MONTH == 0:
        connection.execute(f"DROP TABLE blocks{day}")


def seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(server: PostgresServer, kind: str) -> dict[str, float]:
    """Milliseconds, and megabytes."""
    name = server.new_database().url.rsplit("/", 1)[1]
    with server.connect(name) as connection:
        create(connection, kind)
        filling = {"data": bytes(range(256)) * 3 + bytes(32), "days": DAYS, "series": SERIES}
        filled = seconds(lambda: connection.execute(FILL, filling) and None)
        connection.execute("VACUUM ANALYZE")
        table, indexes = (
            float(str(server.one(SIZE.format(part), name)))
            for part in ("pg_table_size", "pg_indexes_size")
        )
        reads = {
            days: [seconds(partial(read, connection, days, number)) for number in range(READS)]
            for days in (1, 7, 90)
        }
        deletes = [seconds(partial(expire, connection, kind, day)) for day in range(DELETED_DAYS)]
    return {
        "to write a day of all series, ms": 1000 * filled / DAYS,
        **{
            f"to read {days} d of a series, ms": 1000 * statistics.median(times)
            for days, times in reads.items()
        },
        "retention of a day, mean of ten, ms": 1000 * statistics.mean(deletes),
        "table, MB": table / 1e6,
        "indexes, MB": indexes / 1e6,
    }


def main() -> None:
    kinds = (TODAY, BRIN, PARTITIONS)
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    with PostgresServer(settings=SERVER) as server:
        for order in (kinds, reversed(kinds)):
            for kind in order:
                found[kind].append(measure(server, kind))
    print(f"{'the quicker of two rounds':<38}" + "".join(f"{kind:>12}" for kind in kinds))
    for name in found[TODAY][0]:
        best = [min(each[name] for each in found[kind]) for kind in kinds]
        print(f"{name:<38}" + "".join(f"{number:>12.2f}" for number in best))


if __name__ == "__main__":
    main()
