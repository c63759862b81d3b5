import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from plugin.errors import StoreError
from plugin.store import Store
from plugin.store.database import Database
from plugin.store.database_choice import database_at
from plugin.store.migration import FOLDER, HEAD, migrate
from plugin.store.server import DatabaseServer
from tests.postgres import PostgresServer

Layout = list[tuple[str, object]]
# Of PostgreSQL.
COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1, 2
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = current_schema()::regnamespace ORDER BY 1, 2
"""
INDEXES = """
SELECT tablename, indexname, indexdef FROM pg_indexes
WHERE schemaname = current_schema() ORDER BY 1, 2
"""


@contextmanager
def opened(folder: Path, server: DatabaseServer | None) -> Iterator[Database]:
    folder.mkdir()
    database = database_at(folder, server)
    yield database
    database.close()


def migrated(database: Database) -> Layout:
    """By all migrations: with a table it is not new."""
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE other (a INTEGER)"))
    migrate(database)
    with database.writing() as connection:
        connection.execute(text("DROP TABLE other"))
    return layout(database)


def layout(database: Database) -> Layout:
    """Everything about the tables but the order of columns that were added later."""
    with database.reading() as connection:
        [revision] = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
        assert revision == HEAD
        if connection.dialect.name == "sqlite":
            found = connection.execute(text("SELECT name, sql FROM sqlite_master ORDER BY name"))
            # SQLite puts a column that is added later on the line of the one before.
            return [(name, "".join(sql.split()) if sql else "") for name, sql in found]
        return [
            (str(table), tuple(rest))
            for statement in (COLUMNS, CONSTRAINTS, INDEXES)
            for table, *rest in connection.execute(text(statement))
        ]


def test_upgraded_equals_fresh_on_sqlite(tmp_path: Path) -> None:
    with opened(tmp_path / "a", None) as upgraded, opened(tmp_path / "b", None) as fresh:
        migrate(fresh)
        assert migrated(upgraded) == layout(fresh)
    assert ScriptDirectory(str(FOLDER)).get_heads() == [HEAD]


def test_upgraded_equals_fresh_on_postgresql(postgres: PostgresServer, tmp_path: Path) -> None:
    servers = postgres.new_database(), postgres.new_database()
    with (
        opened(tmp_path / "a", servers[0]) as upgraded,
        opened(tmp_path / "b", servers[1]) as fresh,
    ):
        migrate(fresh)
        assert migrated(upgraded) == layout(fresh)
    for server in servers:
        postgres.drop(server)


def test_a_newer_schema_is_refused_and_left_alone(
    store: Store, server: DatabaseServer | None
) -> None:
    with store._database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        StoreError, match="schema 9999 was written by a newer version, .* upgrade bandwatch"
    ):
        Store.open(store.folder, server=server)
    with store._database.reading() as connection:
        assert (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
        )


OPENING = """
import pathlib, sys
from plugin.store import Store
from plugin.store.server import DatabaseServer
server = DatabaseServer(*sys.argv[2:4]) if len(sys.argv) > 2 else None
Store.open(pathlib.Path(sys.argv[1]), server=server).close()
"""


def opening(folder: Path, server: DatabaseServer | None) -> subprocess.Popen[bytes]:
    """A process that opens a store, and closes it."""
    where = (server.url, server.password) if server else ()
    return subprocess.Popen([sys.executable, "-c", OPENING, str(folder), *where])


def test_processes_that_open_a_new_folder_at_once(tmp_path: Path) -> None:
    processes = [opening(tmp_path, None) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]


def test_processes_that_open_a_new_database_at_once(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    server = postgres.new_database()
    processes = [opening(tmp_path, server) for _ in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    postgres.drop(server)


def test_a_new_store_and_one_up_to_date_open_without_alembic(tmp_path: Path) -> None:
    code = f"{OPENING}{OPENING}sys.exit('alembic' in sys.modules)"
    command = [sys.executable, "-c", code, str(tmp_path)]
    assert subprocess.run(command, timeout=120).returncode == 0
