"""Changes of active models, each in one transaction with the decisions that led to it."""

from collections.abc import Sequence

from plugin.domain.model_decisions import Decision
from plugin.store import model_decisions, models
from plugin.store.database import Database
from plugin.store.records import ModelRecord


class ActiveModels:
    """Which saved model each series has, and since when."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def promote(self, records: Sequence[ModelRecord], decisions: Sequence[Decision]) -> None:
        """Makes saved models the champions of their series, and records the decisions."""
        with self._database.writing() as connection:
            models.promote(connection, records)
            model_decisions.write(connection, decisions)

    def update(self, records: Sequence[ModelRecord], decisions: Sequence[Decision]) -> None:
        """Records `since`, `checked_at` and `pinned` of champions, and the decisions."""
        with self._database.writing() as connection:
            models.record_tenure(connection, records)
            model_decisions.write(connection, decisions)
