"""The door to samples: the head and the blocks read as one."""

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import select

from plugin.series import BoolArray, FloatArray, IntArray, Samples
from plugin.store import sample_reads, scored_counts
from plugin.store.database import Database
from plugin.store.history_cache import HistoryCache
from plugin.store.sample_cache import SampleCache
from plugin.store.schema import watches

NO_LENGTHS: Mapping[str, int] = MappingProxyType({})


class StoredSamples:
    """The samples of all series. Times are unix seconds; ranges are inclusive."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache = SampleCache()
        self._read_history = sample_reads.history

    def of(self, series_id: int, start: int, end: int) -> Samples:
        """All samples of one series; for a panel that asks again and again."""
        with self._database.reading() as connection:
            return self._cache.samples(connection, series_id, start, end)

    def between(self, ids: IntArray, start: int, end: int) -> dict[int, Samples]:
        """All samples of some series; a series without rows is absent."""
        with self._database.reading() as connection:
            return sample_reads.between(connection, ids, start, end)

    def values(self, ids: IntArray, start: int, end: int, step: int) -> FloatArray:
        """[S, T] on the grid start..end; NaN = none."""
        with self._database.reading() as connection:
            return sample_reads.values(connection, ids, start, end, step)

    def history(
        self, ids: IntArray, start: int, end: int, step: int
    ) -> tuple[FloatArray, BoolArray]:
        """[S, T] values on the grid start..end, and True where a value was outside its band."""
        with self._database.reading() as connection:
            return self._read_history(connection, ids, start, end, step)

    def latest(self, ids: IntArray, n: int = 1) -> list[Samples]:
        """The last n samples of each series, in the order of `ids`; fewer where there are fewer."""
        with self._database.reading() as connection:
            return sample_reads.latest(connection, ids, n)

    def scored_until(self, watch: str) -> int | None:
        """The time of the last tick written for a watch."""
        with self._database.reading() as connection:
            return connection.execute(
                select(watches.c.scored_until).where(watches.c.watch == watch)
            ).scalar()

    def scored_since(
        self, start: int, learn_for: Mapping[str, int] = NO_LENGTHS
    ) -> tuple[IntArray, FloatArray]:
        """Ids [S], ascending, and how many samples of each were scored from `start` on, without
        those of the first `learn_for` seconds of a series of a watch.

        Takes seconds for millions of rows.
        """
        with self._database.reading() as connection:
            return scored_counts.since(connection, start, learn_for)

    def keep_history(self, most_samples: int) -> None:
        """From now on `history` reads what is new since it was last asked for a series. Takes 9
        bytes a sample."""
        self._read_history = HistoryCache(most_samples).history

    def clear_cache(self) -> None:
        """Frees the rows of series that have been removed: no read would ever replace them."""
        self._cache = SampleCache()
