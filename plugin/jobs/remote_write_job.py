"""The remote write job: sends what the store holds of each watch and has not been sent, tick by
tick, in order of time.

It only reads the store and remembers there how far it has come, so that neither a restart nor a
receiver that is down loses a sample, and nothing is ever scored later for its sake.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from plugin.config import RemoteWriteSettings, Watch
from plugin.errors import ReceiverRefuses, RemoteWriteError, Stopped, StoreError
from plugin.jobs.latest_samples import MISSING_AFTER_STEPS
from plugin.jobs.remote_write_rows import COLUMNS, SamplesAtTime, samples_by_time
from plugin.metrics import SCORES, Metrics, exported_labels
from plugin.prometheus.remote_write import RemoteSample, RemoteWriter
from plugin.prometheus.wire import encoded_labels
from plugin.series import SeriesRecord
from plugin.store import Store

log = logging.getLogger(__name__)

DAY = 86_400
ROWS_AT_ONCE = 50_000  # that are read from the store
FIRST_PAUSE = 2.0  # seconds after a failed run
LONGEST_PAUSE = 60.0  # doubles from the first to the longest
NAMES = {column: name for name, column, _ in SCORES}  # metric names, by column of the store


class RemoteWriteJob:
    """Sends the watches to one receiver.

    Runs in one thread at a time; `close` may come from another.
    """

    def __init__(
        self,
        settings: RemoteWriteSettings,
        watches: Sequence[Watch],
        store: Store,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._watches = watches
        self._store = store
        self._metrics = metrics
        self.watches = tuple(watch.name for watch in watches)
        self._clock = clock
        self._monotonic = monotonic
        self._writer = RemoteWriter(
            settings, on_failure=lambda reason: metrics.remote_write_failures.labels(reason).inc()
        )
        self._labels: dict[
            str, dict[int, list[bytes]]
        ] = {}  # by watch and series, in the order of COLUMNS
        self._begun: dict[
            str, tuple[int, int]
        ] = {}  # by watch: the time that is being sent, how many of it have been
        self._failures = 0
        self._resume = 0.0
        for outcome in ("sent", "rejected", "spilled"):
            metrics.remote_write_samples.labels(outcome)

    def close(self) -> None:
        """A run in progress ends before its next request."""
        self._writer.close()

    def run(self) -> bool:
        """Brings all watches up to date.

        False when that failed, or when it is too early after a failure.
        """
        if self._monotonic() < self._resume:
            return False
        try:
            for watch in self._watches:
                self._catch_up(watch)
        except Stopped:
            return False
        except (RemoteWriteError, StoreError) as error:
            self._fail(error)
            return False
        if self._failures:
            log.info(
                "remote write works again",
                extra={"url": self._writer.url, "failed_runs": self._failures},
            )
        self._failures = 0
        return True

    def _fail(self, error: RemoteWriteError | StoreError) -> None:
        """Counted, told once, and followed by a pause that grows."""
        if isinstance(error, StoreError):
            self._metrics.remote_write_failures.labels("store").inc()
        pause = max(
            float(getattr(error, "seconds", 0.0)), FIRST_PAUSE * 2 ** min(self._failures, 10)
        )
        self._resume = self._monotonic() + min(LONGEST_PAUSE, pause)
        if isinstance(error, ReceiverRefuses):
            self._resume = self._monotonic() + LONGEST_PAUSE
        if not self._failures:
            log.error("remote write failed; what is not sent is kept", extra={"err": str(error)})
        self._failures += 1

    def _catch_up(self, watch: Watch) -> None:
        """Sends from where the last run ended up to what is scored, never beyond the present."""
        scored = self._store.scored_until(watch.name)
        now = int(self._clock())
        if scored is None:
            return
        since = self._store.sent_until(watch.name)
        until = min(scored, now)
        if since is None:
            since = now - self._settings.max_age
            self._store.record_sent(watch.name, since)
        since = max(
            since, now - self._settings.max_age - DAY
        )  # what is older still is not even counted
        while since < until:
            records = self._records(watch, since)
            end = min(until, since + max(1, ROWS_AT_ONCE // max(1, len(records))) * watch.step)
            self._send(watch, records, since, end)
            since = end
            self._reach(watch, end)

    def _records(self, watch: Watch, since: int) -> list[SeriesRecord]:
        """The series that may have something to tell after a time."""
        return [
            record
            for record in self._store.series(watch.name)
            if record.last_seen > since - MISSING_AFTER_STEPS * watch.step
        ]

    def _send(self, watch: Watch, records: Sequence[SeriesRecord], since: int, end: int) -> None:
        patience = MISSING_AFTER_STEPS * watch.step
        labels = self._encoded(watch, records)
        rows = self._store.between(
            np.array([record.id for record in records], np.int64), since - patience + 1, end
        )
        for moment in samples_by_time(rows, since, end, patience):
            if moment.time < self._clock() - self._settings.max_age:
                self._metrics.remote_write_samples.labels("spilled").inc(len(moment.ids))
            else:
                self._deliver(watch, moment, labels)

    def _encoded(self, watch: Watch, records: Sequence[SeriesRecord]) -> Mapping[int, list[bytes]]:
        """The labels of the five metrics of each series; made once, and forgotten with the
        series."""
        known = self._labels.get(watch.name, {})
        made = {record.id: known.get(record.id) or _all_labels(record, watch) for record in records}
        self._labels[watch.name] = made
        return made

    def _deliver(
        self, watch: Watch, moment: SamplesAtTime, labels: Mapping[int, list[bytes]]
    ) -> None:
        """One tick, in batches; after a failure in its middle it goes on where it was."""
        samples = [
            RemoteSample(labels[id][column], value)
            for id, column, value in zip(
                moment.ids.tolist(), moment.column.tolist(), moment.value.tolist(), strict=True
            )
        ]
        begun = self._begun.get(watch.name)
        rejected = 0
        said = ""
        first = begun[1] if begun is not None and begun[0] == moment.time else 0
        for at in range(first, len(samples), self._settings.batch):
            outcome = self._writer.send(moment.time * 1000, samples[at : at + self._settings.batch])
            self._begun[watch.name] = (moment.time, at + self._settings.batch)
            self._metrics.remote_write_samples.labels("sent").inc(outcome.sent)
            self._metrics.remote_write_samples.labels("rejected").inc(outcome.rejected)
            rejected = rejected + outcome.rejected
            said = said or outcome.said
        if rejected:
            log.warning(
                "samples rejected by remote write",
                extra={
                    "watch": watch.name,
                    "time": moment.time,
                    "samples": rejected,
                    "of": len(samples),
                    "said": said,
                },
            )
        self._reach(watch, moment.time)

    def _reach(self, watch: Watch, until: int) -> None:
        self._store.record_sent(watch.name, until)
        self._metrics.remote_write_sent_time.labels(watch.name).set(until)


def _all_labels(record: SeriesRecord, watch: Watch) -> list[bytes]:
    pairs = exported_labels(record, watch.own_labels)
    return [encoded_labels([("__name__", NAMES[column]), *pairs]) for column in COLUMNS]
