"""Which database a store has: SQLite in its folder, or PostgreSQL."""

from pathlib import Path

from plugin.errors import ConfigError
from plugin.store.database import Database
from plugin.store.server import DatabaseServer
from plugin.store.sqlite import FILE_NAME, SqliteDatabase


def database_at(folder: Path, server: DatabaseServer | None) -> Database:
    """server: None = SQLite, in the folder. Raises ConfigError where the driver is missing."""
    if server is None:
        return SqliteDatabase(folder / FILE_NAME)
    try:
        from plugin.store.postgresql import PostgresDatabase
    except ImportError as error:
        raise ConfigError(
            f"store.url: the driver of PostgreSQL is missing ({error}): install"
            " `bandwatch[postgres]`, or leave `store.url` out"
        ) from error
    return PostgresDatabase(server)
