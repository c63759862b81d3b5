"""What the service keeps: series, samples, alarms, coverage, carries, models. The one door to it.

Any number of threads may use one Store, and another process may open the same folder. Readers never
wait.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import func, select

from plugin.config import StoreSettings
from plugin.config.groups import Group
from plugin.connection_use import ConnectionUse
from plugin.domain.alarms import Alarm
from plugin.domain.model_decisions import Decision
from plugin.domain.times import HOUR
from plugin.errors import StoreError
from plugin.series import FloatArray, IntArray, Tick
from plugin.store import alarms, coverage, fold, model_decisions, models, regimes, tick_writes
from plugin.store.active_models import ActiveModels
from plugin.store.alarms import AlarmTable
from plugin.store.changes import ChangeTable
from plugin.store.coverage import CoverageTable
from plugin.store.database import Database
from plugin.store.database_choice import database_at
from plugin.store.detector_states import DetectorStateTable
from plugin.store.disk_errors import errors_named
from plugin.store.feedback import FeedbackTable
from plugin.store.incidents import IncidentTable
from plugin.store.leases import Fence, LeaseTable
from plugin.store.maintenance import MaintenanceTable
from plugin.store.migration import migrate
from plugin.store.model_decisions import DecisionTable
from plugin.store.model_settings import ModelSettingsTable
from plugin.store.models import ModelTable
from plugin.store.news import Listener
from plugin.store.object_weights import ObjectWeights
from plugin.store.orders import OrderTable
from plugin.store.processes import ProcessTable
from plugin.store.publications import PublicationTable
from plugin.store.records import FoldReport, ModelRecord, RegimeChanges, StoreSizes, Written
from plugin.store.regimes import RegimeTable
from plugin.store.sample_cache import count_rewrite
from plugin.store.samples import StoredSamples
from plugin.store.schema import blocks, samples
from plugin.store.send_cursors import SendCursorTable
from plugin.store.series import SeriesTable
from plugin.store.server import DatabaseServer
from plugin.store.signing_keys import SigningKeyTable
from plugin.store.source_holes import SourceHoleTable
from plugin.store.weights import WeightFiles, Weights

# Of history in one transaction, whichever is more: others wait for it, so it must be short.
SERIES_PER_TRANSACTION = 32
ROWS_PER_TRANSACTION = 20_000
WEIGHTS_FOLDER = "weights"  # below that of the store
NO_CHANGES = RegimeChanges()


class Store:
    """Everything below one folder: `bandwatch.db` and `weights/`. With a server, the database is
    there.

    Each table has a door of its own. Here is what needs one transaction over several tables.
    """

    def __init__(self, folder: Path, database: Database, weights: Weights | None = None) -> None:
        """weights: None = files in the folder."""
        self.folder = folder
        self._database = database
        self.series = SeriesTable(database)
        self.samples = StoredSamples(database)
        self.coverage = CoverageTable(database)
        self.alarms = AlarmTable(database)
        self.incidents = IncidentTable(database, self.series)
        self.feedback = FeedbackTable(database)
        self.regimes = RegimeTable(database)
        self.maintenance = MaintenanceTable(database)
        self.changes = ChangeTable(database)
        self.detector_states = DetectorStateTable(database)
        self.models = ModelTable(database, folder)
        self.active_models = ActiveModels(database)
        self.decisions = DecisionTable(database)
        self.model_settings = ModelSettingsTable(database)
        self.send_cursors = SendCursorTable(database)
        self.source_holes = SourceHoleTable(database)
        self.weights = weights or WeightFiles(folder / WEIGHTS_FOLDER)
        self.leases = LeaseTable(database)
        self.processes = ProcessTable(database)
        self.publications = PublicationTable(database)
        self.orders = OrderTable(database)
        self.signing_keys = SigningKeyTable(database)

    def fenced(self, fence: Fence, on_refusal: Callable[[], object] = lambda: None) -> "Store":
        """This store for the holder of a lease: it raises Fenced, and writes nothing, from when
        another process holds it. on_refusal: is called each time."""
        database = self._database.fenced(fence.checking(on_refusal))
        return Store(self.folder, database, self.weights)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        server: DatabaseServer | None = None,
        weights: str | None = None,
        create: bool = True,
    ) -> "Store":
        """Creates what is missing and brings the schema up to date.

        server: where the database is; None = SQLite, in the folder. weights: the URL of the place
        where they are; None = the folder. create: False where there has
        to be a database. Raises StoreError for a newer schema, and
        for a database that is empty beside models.
        """
        folder = folder.resolve()
        with errors_named(folder):
            (folder / WEIGHTS_FOLDER).mkdir(parents=True, exist_ok=True)
        database = database_at(folder, server)
        objects = ObjectWeights(folder / WEIGHTS_FOLDER, weights) if weights else None
        store = cls(folder, database, objects)
        try:
            if database.empty:
                _refuse_loss(database.name, store.weights, create)
            migrate(database)
            database.remember()
            store.weights.remove_unfinished()
        except StoreError:
            store.close()
            raise
        return store

    @classmethod
    def of(cls, settings: StoreSettings, *, create: bool = True) -> "Store":
        """`open` as the configuration says."""
        server = DatabaseServer.of(settings)
        return cls.open(Path(settings.path), server=server, weights=settings.weights, create=create)

    def close(self) -> None:
        self._database.close()

    @property
    def connections(self) -> ConnectionUse | None:
        """None = the database is a file."""
        return self._database.connections

    def listener(self) -> Listener | None:
        """A new one, for one thread. None = this database announces nothing."""
        return self._database.listener()

    def check_file(self) -> None:
        """Raises StoreError where the database is not the file any more that was opened."""
        self._database.check()

    def record_history(
        self,
        watch: str,
        query_key: str,
        ids: IntArray,
        times: IntArray,
        values: FloatArray,
        covered: tuple[int, int] | None,
    ) -> None:
        """Adds values [S, T] that have no score, where nothing is stored yet; NaN = none.

        times [T] is the whole grid of `covered`; None = Prometheus is to be asked again. A crash in
        the middle leaves some series without the new values and the range not covered, so that it
        is asked again, too.
        """
        size = max(SERIES_PER_TRANSACTION, ROWS_PER_TRANSACTION // max(1, len(times)))
        for first in range(0, len(ids), size):
            part = slice(first, first + size)
            with self._database.writing() as connection:
                count_rewrite(connection, watch)
                tick_writes.add_history(connection, watch, ids[part], times, values[part])
        if covered is not None:
            with self._database.writing() as connection:
                coverage.record(connection, watch, query_key, covered, times)

    def write(
        self,
        ticks: Sequence[Tick],
        query_key: str,
        covered: tuple[int, int] | None,
        changed: Sequence[Alarm] = (),
        group: Group | None = None,
        regime_changes: RegimeChanges = NO_CHANGES,
    ) -> Written:
        """Writes ticks of one watch, the alarms that they change, its coverage and the states of
        its detectors, in one transaction.

        covered: as in `record_history`. With a group, the alarms become part of its incidents too.
        See sample_columns for rows that are stored already. The same ticks again add nothing.
        """
        if not ticks:
            return Written(0, 0)
        with self._database.writing() as connection:
            watch = ticks[0].watch
            times = ticks[0].times
            added = tick_writes.add_ticks(connection, ticks)
            alarms.write(connection, changed)
            regimes.write(connection, regime_changes)
            if covered is not None:
                coverage.record(connection, watch, query_key, covered, times)
            if not tick_writes.advance(connection, watch, int(times[0]), int(times[-1])):
                count_rewrite(connection, watch)
            started = self.incidents.follow(connection, group, changed) if group is not None else 0
        return Written(added, started)

    def end_alarms(self, ended_alarms: Sequence[Alarm], group: Group) -> None:
        """Writes alarms of a group that have ended without a tick."""
        with self._database.writing() as connection:
            alarms.write(connection, ended_alarms)
            self.incidents.follow(connection, group, ended_alarms)

    def save_models(
        self, watch: str, records: Sequence[ModelRecord], decisions: Sequence[Decision] = ()
    ) -> None:
        """Saves models whose weights are on disk as champions, with the decisions: all or none."""
        with self._database.writing() as connection:
            models.save(connection, watch, records, self.folder)
            model_decisions.write(connection, decisions)

    def fold(
        self,
        now: int,
        *,
        keep: int = 2 * HOUR,
        limit: int = 20_000,
        slice_seconds: int = fold.SLICE_SECONDS,
    ) -> FoldReport:
        """Moves rows older than `keep` seconds into blocks, in full slices, at most about `limit`
        rows in one transaction. slice_seconds: a part of a day, or a whole one."""
        return fold.fold(self._database, now, keep, limit, slice_seconds)

    def expire(self, now: int, *, retention: int, versions: int) -> None:
        """Removes what is older than `retention` seconds, and models beyond `versions` of a
        series."""
        file_names = fold.expire(self._database, now, retention, versions, self.folder)
        self.samples.clear_cache()
        self.series.forget_removed()
        self.weights.remove_unused(file_names)

    def sizes(self) -> StoreSizes:
        """Counts the head row by row: for a person or a slow metric, not for every request."""
        with self._database.reading() as connection:
            head_rows = connection.execute(select(func.count()).select_from(samples)).scalar_one()
            block_rows, count, data_bytes = connection.execute(
                select(
                    func.coalesce(func.sum(blocks.c.rows), 0),
                    func.count(),
                    func.coalesce(func.sum(func.length(blocks.c.data)), 0),
                )
            ).one()
        return StoreSizes(
            head_rows=head_rows,
            block_rows=block_rows,
            blocks=count,
            block_bytes=data_bytes,
            database_bytes=self._database.size_bytes(),
            weights_bytes=self.weights.size_bytes(),
        )


def _refuse_loss(name: str, weights: Weights, create: bool) -> None:
    """Raises StoreError where an empty database means that one was lost."""
    model_files = weights.count()
    if model_files:
        raise StoreError(
            f"{name}: there is no database any more, though {weights.place} holds"
            f" {model_files} files of models: restore a copy of the database, or move both away to"
            " start anew"
        )
    if not create:
        raise StoreError(f"{name}: there is no database any more")
