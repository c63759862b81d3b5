"""What the service keeps: series, samples, alarms, coverage, carries, models. The one door to it.

Any number of threads may use one Store, and another process may open the same folder. Readers never
wait.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from sqlalchemy import func, select

from plugin.config.groups import Group
from plugin.domain.alarms import Alarm
from plugin.domain.budget import AlarmTotals
from plugin.domain.model_decisions import Decision
from plugin.errors import StoreError
from plugin.series import (
    BoolArray,
    FloatArray,
    IntArray,
    Labels,
    Samples,
    SeriesRecord,
    SeriesState,
    Tick,
)
from plugin.store import (
    alarms,
    budget,
    coverage,
    detector_states,
    feedback,
    fold,
    maintenance,
    model_decisions,
    models,
    regimes,
    sample_cache,
    sample_reads,
    send_cursors,
    series,
    tick_writes,
    weights,
)
from plugin.store.active_models import ActiveModels
from plugin.store.database import Database, errors_named
from plugin.store.incidents import IncidentTable
from plugin.store.migration import migrate
from plugin.store.records import (
    AcceptRequest,
    DetectorState,
    FoldReport,
    ModelRecord,
    Regime,
    StoreSizes,
    Written,
)
from plugin.store.schema import blocks, samples, watches

HOUR = 3600
# of history in one transaction, whichever is more
SERIES_AT_ONCE = 32
ROWS_AT_ONCE = 20_000


class Store:
    """Everything below one folder: `bandwatch.db` and `weights/`."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self._weights = folder / "weights"
        self._database = database
        self._series = series.SeriesTable()
        self.incidents = IncidentTable(database, self._series)
        self._recent = sample_cache.SampleCache()
        self.active_models = ActiveModels(database, folder)
        self.regimes = regimes.RegimeTable(database)
        self.windows = maintenance.WindowTable(database)
        self.feedback = feedback.FeedbackTable(database)

    @classmethod
    def open(cls, folder: Path) -> "Store":
        """Creates what is missing and brings the schema up to date; raises StoreError for a newer
        one."""
        folder = folder.resolve()
        with errors_named(folder):
            (folder / "weights").mkdir(parents=True, exist_ok=True)
        database = Database(folder / "bandwatch.db")
        try:
            migrate(database)
            weights.remove(weights.left_over(folder / "weights", weights.WRITING))
        except StoreError:
            database.close()
            raise
        return cls(folder, database)

    def close(self) -> None:
        self._database.close()

    def register(self, watch: str, labels: Sequence[Labels], now: int) -> list[SeriesRecord]:
        """The records of these label sets, in the order given; new ones are warming up and first
        seen now."""
        found = {record.labels: record for record in self.series(watch)}
        if any(each not in found for each in labels):
            with self._database.writing() as connection:
                series.add(connection, watch, [each for each in labels if each not in found], now)
            found = {record.labels: record for record in self.series(watch)}
        return [found[each] for each in labels]

    def series(self, watch: str | None = None) -> list[SeriesRecord]:
        """Ordered by id."""
        with self._database.reading() as connection:
            return self._series.all(connection, watch)

    def mark(self, ids: Sequence[int], state: SeriesState) -> None:
        with self._database.writing() as connection:
            series.mark(connection, ids, state)

    def missing_ranges(
        self, watch: str, query_key: str, start: int, end: int, step: int
    ) -> list[tuple[int, int]]:
        """The grid times, inclusive, that have not been asked of Prometheus yet."""
        with self._database.reading() as connection:
            return coverage.missing(connection, watch, query_key, start, end, step)

    def record_history(
        self,
        watch: str,
        query_key: str,
        ids: IntArray,
        times: IntArray,
        values: FloatArray,
        covered: tuple[int, int],
    ) -> None:
        """Keeps values [S, T] that have not been judged, where nothing is kept yet; NaN = none.

        times [T] is the whole grid of `covered`. A crash in the middle leaves some series without
        the new values and the range not covered, so that it is asked for again.
        """
        size = max(SERIES_AT_ONCE, ROWS_AT_ONCE // max(1, len(times)))
        for first in range(0, len(ids), size):
            part = slice(first, first + size)
            with self._database.writing() as connection:
                sample_cache.count_rewrite(connection, watch)
                tick_writes.add_history(connection, watch, ids[part], times, values[part])
        with self._database.writing() as connection:
            coverage.record(connection, watch, query_key, covered, times)

    def write(
        self,
        ticks: Sequence[Tick],
        query_key: str,
        covered: tuple[int, int],
        changed: Sequence[Alarm] = (),
        group: Group | None = None,
        accepted: Sequence[Regime] = (),
        answered: Sequence[AcceptRequest] = (),
    ) -> Written:
        """Writes ticks of one watch, the alarms that they change, its coverage and carries, in one
        transaction.

        accepted: the levels that are normal from now on. answered: the wishes for such that have
        been looked at. With a group, the alarms are taken into its incidents, too. See
        sample_columns for what happens to rows that are there already. The same ticks again add
        nothing.
        """
        if not ticks:
            return Written(0, 0)
        with self._database.writing() as connection:
            watch = ticks[0].watch
            times = ticks[0].times
            added = sum(tick_writes.add_tick(connection, tick) for tick in ticks)
            alarms.write(connection, changed)
            regimes.write(connection, accepted, answered)
            coverage.record(connection, watch, query_key, covered, times)
            if not tick_writes.advance(connection, watch, int(times[0]), int(times[-1])):
                sample_cache.count_rewrite(connection, watch)
            began = self.incidents.follow(connection, group, changed) if group is not None else 0
        return Written(added, began)

    def end_alarms(self, ended: Sequence[Alarm], group: Group) -> None:
        """Keeps alarms of a group that have ended without a tick."""
        with self._database.writing() as connection:
            alarms.write(connection, ended)
            self.incidents.follow(connection, group, ended)

    def carry(self, watch: str) -> list[DetectorState]:
        """As last written, group by group, the latest first."""
        with self._database.reading() as connection:
            return detector_states.read(connection, watch)

    def values(self, ids: IntArray, start: int, end: int, step: int) -> FloatArray:
        """[S, T] on the grid start..end inclusive; NaN = none."""
        with self._database.reading() as connection:
            return sample_reads.values(connection, ids, start, end, step)

    def history(
        self, ids: IntArray, start: int, end: int, step: int
    ) -> tuple[FloatArray, BoolArray]:
        """[S, T] values on the grid start..end inclusive, and True where one was outside the band
        it had."""
        with self._database.reading() as connection:
            return sample_reads.history(connection, ids, start, end, step)

    def samples(self, series_id: int, start: int, end: int) -> Samples:
        """Everything stored of one series, inclusive."""
        with self._database.reading() as connection:
            return self._recent.samples(connection, series_id, start, end)

    def between(self, ids: IntArray, start: int, end: int) -> dict[int, Samples]:
        """Everything stored of some series, inclusive; a series without rows is absent."""
        with self._database.reading() as connection:
            return sample_reads.between(connection, ids, start, end)

    def latest(self, ids: IntArray, n: int = 1) -> list[Samples]:
        """The last n samples of each series, in the order of `ids`; fewer where there are fewer."""
        with self._database.reading() as connection:
            return sample_reads.latest(connection, ids, n)

    def alarms(
        self,
        begin: int,
        end: int,
        ids: IntArray | Sequence[int] | None = None,
        limit: int | None = None,
    ) -> list[Alarm]:
        """Those that overlap a time range, inclusive, of some series or all; sorted by start, the
        latest `limit`."""
        with self._database.reading() as connection:
            return alarms.read(connection, begin, end, ids, limit)

    def open_alarms(self, watch: str) -> list[Alarm]:
        """Of the series of a watch, sorted by series."""
        with self._database.reading() as connection:
            return alarms.still_open(connection, watch)

    def alarm_totals(self, since: int) -> Mapping[int, AlarmTotals]:
        """Of the alarms that have begun since, by series; those answered as real are left out, they
        are no noise."""
        with self._database.reading() as connection:
            return budget.totals(connection, since)

    def alarms_begun(self, since: int) -> list[tuple[int, int, int, float]]:
        """(series, start, samples outside, highest score) of the same alarms as `alarm_totals`, one
        by one."""
        with self._database.reading() as connection:
            return budget.one_by_one(connection, since)

    def real_alarms(self, watch: str, since: int) -> list[Alarm]:
        """The alarms of a watch that have begun since and that somebody has answered as real."""
        with self._database.reading() as connection:
            return budget.real(connection, watch, since)

    def scored_since(self, since: int) -> tuple[IntArray, FloatArray]:
        """Ids [S], ascending, and how many samples of each were scored; takes seconds for millions
        of rows."""
        with self._database.reading() as connection:
            return budget.scored_since(connection, since)

    def scored_until(self, watch: str) -> int | None:
        """The time of the last tick written for a watch."""
        with self._database.reading() as connection:
            return connection.execute(
                select(watches.c.scored_until).where(watches.c.watch == watch)
            ).scalar()

    def sent_until(self, watch: str) -> int | None:
        """The time up to which remote write has sent a watch."""
        with self._database.reading() as connection:
            return send_cursors.read(connection, watch)

    def record_sent(self, watch: str, until: int) -> None:
        """Never goes back."""
        with self._database.writing() as connection:
            send_cursors.advance(connection, watch, until)

    def new_version(self, watch: str) -> int:
        """A number above all that were given out before; it names a model and its weights."""
        with self._database.writing() as connection:
            return models.new_version(connection, watch)

    def save_models(
        self, watch: str, records: Sequence[ModelRecord], made: Sequence[Decision] = ()
    ) -> None:
        """Crowns models whose weights are on disk, and keeps the decisions: all of them at once, or
        none."""
        with self._database.writing() as connection:
            models.save(connection, watch, records, self.folder)
            model_decisions.write(connection, made)

    def champions(self, watch: str) -> list[ModelRecord]:
        """Ordered by series."""
        with self._database.reading() as connection:
            return models.champions(connection, watch, self.folder)

    def write_weights(self, version: int, state: Mapping[str, NDArray[Any]]) -> Path:
        """Arrays with leading axis S; the file appears whole and durable, or not at all."""
        return weights.write(self._weights, version, state)

    def read_weights(self, path: Path, rows: Sequence[int]) -> dict[str, NDArray[Any]]:
        """The arrays of a file, these rows of each in this order."""
        return weights.read(path, rows)

    def fold(self, now: int, *, keep: int = 2 * HOUR, limit: int = 20_000) -> FoldReport:
        """Moves rows older than `keep` seconds into blocks, at most about `limit` rows in one
        transaction."""
        return fold.fold(self._database, now, keep, limit)

    def expire(self, now: int, *, retention: int, versions: int) -> None:
        """Removes what is older than `retention` seconds, and models beyond `versions` of a
        series."""
        used = fold.expire(self._database, now, retention, versions)
        self._recent = sample_cache.SampleCache()  # of series that are gone nobody would ask again
        weights.remove(weights.left_over(self._weights, weights.SUFFIX, used))
        weights.remove(weights.left_over(self._weights, weights.WRITING))

    def sizes(self) -> StoreSizes:
        """Counts the head row by row: for a person or a slow metric, not for every request."""
        with self._database.reading() as connection:
            head_rows = connection.execute(select(func.count()).select_from(samples)).scalar_one()
            rows, n, data = connection.execute(
                select(
                    func.coalesce(func.sum(blocks.c.rows), 0),
                    func.count(),
                    func.coalesce(func.sum(func.length(blocks.c.data)), 0),
                )
            ).one()
        on_disk = sum(path.stat().st_size for path in self.folder.glob("bandwatch.db*"))
        return StoreSizes(
            head_rows,
            rows,
            n,
            data,
            on_disk,
            sum(path.stat().st_size for path in self._weights.iterdir()),
        )
