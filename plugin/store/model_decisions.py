"""What was decided of models, to be read later.

A routine change of models is kept as long as its model; all else until retention.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from plugin.domain.model_decisions import Decision, DecisionKind
from plugin.series import IntArray
from plugin.store.database import Database, each_of, rows_of, write_rows
from plugin.store.schema import decisions, models

FIELDS = ("time", "series_id", "version", "what", "why", "by")


class DecisionTable:
    """The decisions of all series; see active_models.py and `Store.save_models` for writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def between(
        self,
        start: int,
        end: int,
        ids: IntArray | Sequence[int] | None = None,
        *,
        decision_kind: DecisionKind | None = None,
        limit: int | None = None,
    ) -> list[Decision]:
        """Of a time range, inclusive, of some series or all; in their order, the latest `limit`."""
        statement = select(*(decisions.c[name] for name in FIELDS)).where(
            decisions.c.time.between(start, end)
        )
        if ids is not None:
            statement = statement.where(decisions.c.series_id.in_(select(each_of(ids).c.value)))
        if decision_kind is not None:
            statement = statement.where(decisions.c.what == decision_kind.value)
        latest_statement = statement.order_by(decisions.c.time.desc(), decisions.c.id.desc()).limit(
            limit
        )
        with self._database.reading() as connection:
            rows = rows_of(connection, latest_statement)
        return [
            Decision(time, series_id, version, DecisionKind(kind), why, author)
            for time, series_id, version, kind, why, author in reversed(rows)
        ]


def write(connection: Connection, new_decisions: Sequence[Decision]) -> None:
    """Adds decisions."""
    write_rows(
        connection,
        insert(decisions).values({name: bindparam(name) for name in FIELDS}),
        [
            (
                decision.time,
                decision.series_id,
                decision.version,
                decision.what.value,
                decision.why,
                decision.by,
            )
            for decision in new_decisions
        ],
    )


def forget(connection: Connection, cutoff: int) -> None:
    """Drops what is older than retention, and the promotions of models that are not kept any
    more."""
    routine = (decisions.c.what == DecisionKind.PROMOTED.value) & ~select(models.c.version).where(
        models.c.series_id == decisions.c.series_id, models.c.version == decisions.c.version
    ).exists()
    connection.execute(delete(decisions).where((decisions.c.time < cutoff) | routine))
