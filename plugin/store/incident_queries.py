"""Incidents: one row each, and which alarms belong to it."""

import json
from collections.abc import Collection, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, select

from plugin.domain.incidents import Incident
from plugin.series import Labels
from plugin.store.database import FixedStatement, each_name, insert_into, rows_of, write_rows
from plugin.store.schema import alarms, incidents, members

COLUMNS = tuple(column.name for column in incidents.c)  # in the order of the fields of Incident
_numbers = attrgetter(*COLUMNS[3:])


def forget(connection: Connection, cutoff: int) -> None:
    connection.execute(delete(incidents).where(incidents.c.end < cutoff))


def same_alarm() -> ColumnElement[bool]:
    return and_(members.c.series_id == alarms.c.series_id, members.c.start == alarms.c.start)


def read_open(connection: Connection, name: str) -> list[Incident]:
    return [incident_of(row) for row in _OPEN.rows(connection, name=name)]


def read_some(connection: Connection, ids: Collection[str]) -> list[Incident]:
    statement = select(incidents).where(incidents.c.id.in_(select(each_name(ids).c.value)))
    return [incident_of(row) for row in rows_of(connection, statement)] if ids else []


def write(connection: Connection, changed: Sequence[Incident]) -> None:
    """Adds incidents, or puts them in the place of what they were before."""
    write_rows(
        connection,
        _REPLACE,
        [
            (
                incident.id,
                incident.group,
                json.dumps(dict(incident.labels.pairs)),
                *_numbers(incident),
            )
            for incident in changed
        ],
    )


def incident_of(row: tuple[Any, ...]) -> Incident:
    return Incident(row[0], row[1], _labels(row[2]), row[3], row[4], bool(row[5]), *row[6:])


@lru_cache(4096)
def _labels(text: str) -> Labels:
    return Labels.of(json.loads(text))


_OPEN = FixedStatement(
    select(incidents).where(incidents.c.name == bindparam("name"), incidents.c.open)
)
_INSERT = insert_into(incidents)
_REPLACE = _INSERT.values({name: bindparam(name) for name in COLUMNS}).on_conflict_do_update(
    index_elements=["id"], set_={name: _INSERT.excluded[name] for name in COLUMNS[3:]}
)
