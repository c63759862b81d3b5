import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from plugin.errors import StoreError
from plugin.store import Store
from plugin.store.database import Database
from plugin.store.migration import FOLDER, HEAD, migrate


def layout(database: Database) -> list[tuple[str, str]]:
    with database.reading() as connection:
        found = connection.execute(text("SELECT name, sql FROM sqlite_master ORDER BY name"))
        # SQLite puts a column that is added later on the line of the one before.
        return [(name, "".join(sql.split()) if sql else "") for name, sql in found]


def test_upgraded_equals_fresh(tmp_path: Path) -> None:
    upgraded = Database(tmp_path / "a.db")
    fresh = Database(tmp_path / "b.db")
    with upgraded.writing() as connection:  # with a table it is not new: each migration runs
        connection.execute(text("CREATE TABLE other (a)"))
    migrate(upgraded)
    with upgraded.writing() as connection:
        connection.execute(text("DROP TABLE other"))
    migrate(fresh)
    for database in (upgraded, fresh):
        with database.reading() as connection:
            [found] = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
        assert found == HEAD
    assert layout(upgraded) == layout(fresh)
    assert ScriptDirectory(str(FOLDER)).get_heads() == [HEAD]
    upgraded.close()
    fresh.close()


def test_a_newer_schema_is_refused_and_left_alone(store: Store) -> None:
    with store._database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        StoreError, match="schema 9999 was written by a newer version, .* upgrade bandwatch"
    ):
        Store.open(store.folder)
    with store._database.reading() as connection:
        assert (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
        )


def test_processes_that_open_a_new_folder_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from plugin.store import Store;"
        " Store.open(pathlib.Path(sys.argv[1])).close()"
    )
    opening = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(120) for process in opening] == [0, 0, 0]


def test_a_new_store_and_one_up_to_date_open_without_alembic(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from plugin.store import Store; folder = pathlib.Path(sys.argv[1]);"
        " Store.open(folder).close(); Store.open(folder).close();"
        " sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=120).returncode == 0
