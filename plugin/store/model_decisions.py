"""What was decided of models, to be read later.

A routine change of models is told for as long as the model is kept; all else until retention.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from plugin.domain.model_decisions import Decision, DecisionKind
from plugin.series import IntArray
from plugin.store.database import each_of, rows_of, write_rows
from plugin.store.schema import decisions, models

FIELDS = ("time", "series_id", "version", "what", "why", "by")


def write(connection: Connection, made: Sequence[Decision]) -> None:
    write_rows(
        connection,
        insert(decisions).values({name: bindparam(name) for name in FIELDS}),
        [(one.time, one.series_id, one.version, one.what.value, one.why, one.by) for one in made],
    )


def read(
    connection: Connection,
    begin: int,
    end: int,
    ids: IntArray | Sequence[int] | None,
    what: DecisionKind | None,
    limit: int | None,
) -> list[Decision]:
    """Of a time range, inclusive, in their order; the latest `limit`."""
    statement = select(*(decisions.c[name] for name in FIELDS)).where(
        decisions.c.time.between(begin, end)
    )
    if ids is not None:
        statement = statement.where(decisions.c.series_id.in_(select(each_of(ids).c.value)))
    if what is not None:
        statement = statement.where(decisions.c.what == what.value)
    latest = statement.order_by(decisions.c.time.desc(), decisions.c.id.desc()).limit(limit)
    return [
        Decision(time, series, version, DecisionKind(kind), why, by)
        for time, series, version, kind, why, by in reversed(rows_of(connection, latest))
    ]


def forget(connection: Connection, before: int) -> None:
    """Drops what is older than retention, and tells no longer that a model was crowned that is not
    kept."""
    routine = (decisions.c.what == DecisionKind.CROWNED.value) & ~select(models.c.version).where(
        models.c.series_id == decisions.c.series_id, models.c.version == decisions.c.version
    ).exists()
    connection.execute(delete(decisions).where((decisions.c.time < before) | routine))
