"""Who reigns and why: versions of models, how champions reign, decisions, and the settings that
models depend on."""

from collections.abc import Sequence
from pathlib import Path

from plugin.domain.model_decisions import Decision, DecisionKind
from plugin.series import IntArray
from plugin.store import model_decisions, model_settings, models
from plugin.store.database import Database
from plugin.store.records import ModelRecord


class ActiveModels:
    """The part of the store that tells of the life of models."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder

    def promote(self, records: Sequence[ModelRecord], made: Sequence[Decision]) -> None:
        """Models that have been saved before take over, and the decisions are kept."""
        with self._database.writing() as connection:
            models.promote(connection, records)
            model_decisions.write(connection, made)

    def keep(self, records: Sequence[ModelRecord], made: Sequence[Decision]) -> None:
        """How champions reign (since, checked_at, pinned), and the decisions."""
        with self._database.writing() as connection:
            models.reign(connection, records)
            model_decisions.write(connection, made)

    def versions(self, ids: IntArray | Sequence[int]) -> list[tuple[ModelRecord, bool]]:
        """All that are kept of some series, by series, the newest first; and whether each
        reigns."""
        with self._database.reading() as connection:
            return models.kept(connection, ids, self._folder)

    def decisions(
        self,
        begin: int,
        end: int,
        ids: IntArray | Sequence[int] | None = None,
        *,
        what: DecisionKind | None = None,
        limit: int | None = None,
    ) -> list[Decision]:
        """Of a time range, inclusive, of some series or all; in their order, the latest `limit`."""
        with self._database.reading() as connection:
            return model_decisions.read(connection, begin, end, ids, what, limit)

    def terms(self, watch: str) -> tuple[str, int] | None:
        """The settings (JSON) that the models of a watch depend on, as it was last taken up, and
        since when its step is what it is."""
        with self._database.reading() as connection:
            return model_settings.read(connection, watch)

    def record_terms(self, watch: str, settings: str, step_since: int) -> None:
        with self._database.writing() as connection:
            model_settings.write(connection, watch, settings, step_since)
