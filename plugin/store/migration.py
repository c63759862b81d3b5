"""Brings a database to the schema of this program: a new one at once, an older one by Alembic.
Refuses one that a newer program has written."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from plugin.errors import StoreError
from plugin.store.database import Database
from plugin.store.schema import metadata

HEAD = "0013"  # of migrations/versions
FOLDER = Path(__file__).parent / "migrations"
# As Alembic makes it.
VERSION_TABLE = """CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""


def migrate(database: Database) -> None:
    """Without loading Alembic where there is nothing to do, and where there is no table yet."""
    with database.reading() as connection:
        if _revision(connection) == HEAD:
            return
    with database.writing() as connection:
        if not inspect(connection).get_table_names():
            _create(connection)
            database.finish_tables(connection)
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
        revision = _revision(connection)
        if revision is not None and revision not in known_revisions:
            raise StoreError(
                f"{database.name}: schema {revision} was written by a newer version, this one knows"
                f" up to {HEAD}: upgrade bandwatch, or name another folder as `store.path`"
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _create(connection: Connection) -> None:
    """All tables, as the migrations would leave them."""
    metadata.create_all(connection, checkfirst=False)
    connection.execute(text(VERSION_TABLE))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar()
    return revision
