"""Brings a database to the schema of this program: a new one at once, an older one by Alembic.
Refuses one that a newer program has written."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from plugin.errors import StoreError
from plugin.store.database import Database
from plugin.store.schema import metadata

HEAD = "0013"  # of migrations/versions
COPY_MARK = "copy "  # begins the version of a database that is being copied, see copying.py
FOLDER = Path(__file__).parent / "migrations"
# As Alembic makes it.
VERSION_TABLE = """CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""


def migrate(database: Database) -> None:
    """Without loading Alembic where there is nothing to do, and where there is no table yet."""
    with database.reading() as connection:
        found = revision(connection)
    if found == HEAD:
        return
    if (found or "").startswith(COPY_MARK):
        raise StoreError(
            f"{database.name}: a copy into it is not complete: run `bandwatch store copy` again, or"
            " name another database"
        )
    with database.writing() as connection:
        if not table_names(connection):
            create(connection, database, HEAD)
            return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    known_revisions = {
        script.revision for script in ScriptDirectory.from_config(config).walk_revisions()
    }
    with (
        database.writing() as connection
    ):  # one process migrates, another one waits and finds it done
        found = revision(connection)
        if found is not None and found not in known_revisions:
            raise StoreError(
                f"{database.name}: schema {found} was written by a newer version, this one knows"
                f" up to {HEAD}: upgrade bandwatch, or name another folder as `store.path`"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def create(connection: Connection, database: Database, version: str) -> None:
    """All tables, as the migrations would leave them."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(text(VERSION_TABLE))
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": version})
    database.finish_tables(connection)


def table_names(connection: Connection) -> list[str]:
    """Of all tables of a database, ours or not."""
    return inspect(connection).get_table_names()


def revision(connection: Connection) -> str | None:
    """The version of the schema; None = there is none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def stamp(connection: Connection, version: str) -> None:
    """Sets the version of the schema."""
    connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
