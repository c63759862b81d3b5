"""A statement for one row as one statement for many: its parameters become the columns of a table
that `unnest` makes of one array each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Dialect,
    Double,
    Insert,
    Integer,
    bindparam,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql.dml import OnConflictDoUpdate
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import TypeEngine

from plugin.store.database import IdList
from plugin.store.postgresql_arrays import FloatList

# SQLAlchemy gives its constructor no types.
dialect: Callable[..., Dialect] = PGDialect_psycopg
NAN: ColumnElement[float] = literal_column("'NaN'::float8", Double)


@dataclass(frozen=True)
class BulkStatement:
    """SQL with one array for each parameter of the statement that it was made of."""

    text: str
    names: tuple[str, ...]  # of the parameters, in the order of the statement
    types: tuple[TypeEngine[Any], ...]
    key: tuple[int, ...]  # which of them tell one row from another, where a row replaces one

    @staticmethod
    @lru_cache(64)
    def of(statement: Any) -> "BulkStatement":
        """The order of the parameters is that in which they stand in the SQL for one row."""
        compiled = statement.compile(dialect=dialect(paramstyle="format"))
        names = tuple(compiled.positiontup)
        types = tuple(compiled.binds[name].type for name in names)
        table = (
            func.unnest(
                *(
                    bindparam(name, type_=ARRAY(kind))
                    for name, kind in zip(names, types, strict=True)
                )
            )
            .table_valued(*(column(name, kind) for name, kind in zip(names, types, strict=True)))
            .render_derived()
        )
        columns = {
            name: func.nullif(table.c[name], NAN) if isinstance(kind, Double) else table.c[name]
            for name, kind in zip(names, types, strict=True)
        }
        many = _for_many(statement, columns)
        text = str(many.compile(dialect=dialect()))
        return BulkStatement(text, names, types, _key(statement, names))

    def parameters(self, rows: list[tuple[Any, ...]]) -> dict[str, Any]:
        """Of these rows; of several with the same key, the last counts."""
        columns = list(zip(*rows, strict=True))
        if self.key:
            keys = list(zip(*(columns[place] for place in self.key), strict=True))
            if len(set(keys)) < len(keys):
                columns = list(zip(*dict(zip(keys, rows, strict=True)).values(), strict=True))
        return {
            name: _array(values, kind)
            for name, kind, values in zip(self.names, self.types, columns, strict=True)
        }


def _for_many(statement: Any, columns: dict[str, ColumnElement[Any]]) -> Any:
    if isinstance(statement, Insert):
        many = postgresql.insert(statement.table).from_select(
            list(columns), select(*columns.values())
        )
        many._post_values_clause = statement._post_values_clause  # ON CONFLICT
        return many

    def column_of(element: Any, **_: object) -> ColumnElement[Any] | None:
        return columns.get(element.key) if isinstance(element, BindParameter) else None

    return replacement_traverse(statement, {}, column_of)


def _key(statement: Any, names: tuple[str, ...]) -> tuple[int, ...]:
    """Places of the columns that must not come twice: PostgreSQL replaces a row only once."""
    clause = getattr(statement, "_post_values_clause", None)
    if not isinstance(clause, OnConflictDoUpdate):
        return ()
    return tuple(
        names.index(element if isinstance(element, str) else element.name)
        for element in clause.inferred_target_elements or ()
    )


def _array(values: tuple[Any, ...], kind: TypeEngine[Any]) -> object:
    if isinstance(kind, Double):
        return FloatList(np.array(values, np.float64))  # None becomes NaN
    if isinstance(kind, Integer) and None not in values:
        return IdList(np.array(values, np.int64))
    return list(values)
