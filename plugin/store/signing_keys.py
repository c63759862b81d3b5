"""The keys that all web replicas sign with."""

from sqlalchemy import select

from plugin.store.database import Database, insert_into
from plugin.store.schema import signing_keys


class SigningKeyTable:
    """One key per purpose. Whoever reads the database can sign, too."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def agree(self, name: str, proposal: bytes) -> bytes:
        """The key that was proposed first."""
        with self._database.writing() as connection:
            connection.execute(
                insert_into(signing_keys).values(name=name, key=proposal).on_conflict_do_nothing()
            )
            key = connection.execute(
                select(signing_keys.c.key).where(signing_keys.c.name == name)
            ).scalar_one()
        return bytes(key)
