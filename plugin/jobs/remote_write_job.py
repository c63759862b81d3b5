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
from plugin.domain.times import DAY
from plugin.errors import ReceiverRefuses, RemoteWriteError, Stopped, StoreError
from plugin.exposition import SCORE_METRICS, exported_labels
from plugin.jobs.latest_samples import MISSING_AFTER_STEPS
from plugin.jobs.remote_write_rows import COLUMNS, SamplesAtTime, samples_by_time
from plugin.metrics import Metrics
from plugin.prometheus.remote_write import RemoteSample, RemoteWriter
from plugin.prometheus.wire import encoded_labels
from plugin.series import SeriesRecord
from plugin.store import Store

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 50_000  # that are read from the store
# After a failed run; each further failure doubles the pause.
MIN_PAUSE_SECONDS = 2.0
MAX_PAUSE_SECONDS = 60.0
METRIC_NAMES = {column: name for name, column, _ in SCORE_METRICS}  # by column


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
        # By watch and series id, in the order of COLUMNS.
        self._labels: dict[str, dict[int, list[bytes]]] = {}
        # By watch: the time that is being sent, and how many samples of it have been sent.
        self._progress: dict[str, tuple[int, int]] = {}
        self._failures = 0  # since the last success
        self._resume_at = 0.0  # of the monotonic clock
        for outcome in ("sent", "rejected", "spilled"):
            metrics.remote_write_samples.labels(outcome)

    def close(self) -> None:
        """A run in progress ends before its next request."""
        self._writer.close()

    def run(self) -> bool:
        """Brings all watches up to date.

        False when that failed, or when it is too early after a failure.
        """
        if self._monotonic() < self._resume_at:
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
        """Counted, logged once, and followed by a pause that grows."""
        if isinstance(error, StoreError):
            self._metrics.remote_write_failures.labels("store").inc()
        pause = max(
            float(getattr(error, "seconds", 0.0)), MIN_PAUSE_SECONDS * 2 ** min(self._failures, 10)
        )
        self._resume_at = self._monotonic() + min(MAX_PAUSE_SECONDS, pause)
        if isinstance(error, ReceiverRefuses):
            self._resume_at = self._monotonic() + MAX_PAUSE_SECONDS
        if not self._failures:
            log.error("remote write failed; what is not sent is kept", extra={"err": str(error)})
        self._failures += 1

    def _catch_up(self, watch: Watch) -> None:
        """Sends from where the last run ended up to what is scored, never beyond the present."""
        scored = self._store.samples.scored_until(watch.name)
        now = int(self._clock())
        if scored is None:
            return
        start = self._store.send_cursors.of(watch.name)
        last_time = min(scored, now)
        if start is None:
            start = now - self._settings.max_age
            self._store.send_cursors.advance(watch.name, start)
        # Samples that are older still are not even counted.
        start = max(start, now - self._settings.max_age - DAY)
        while start < last_time:
            records = self._records(watch, start)
            end = min(last_time, start + max(1, ROWS_AT_ONCE // max(1, len(records))) * watch.step)
            self._send(watch, records, start, end)
            start = end
            self._advance(watch, end)

    def _records(self, watch: Watch, start: int) -> list[SeriesRecord]:
        """The series that may have rows, or the end of a column, after a time."""
        return [
            record
            for record in self._store.series.of(watch.name)
            if record.last_seen > start - MISSING_AFTER_STEPS * watch.step
        ]

    def _send(self, watch: Watch, records: Sequence[SeriesRecord], start: int, end: int) -> None:
        stale_seconds = MISSING_AFTER_STEPS * watch.step
        labels = self._encoded_labels(watch, records)
        rows = self._store.samples.between(
            np.array([record.id for record in records], np.int64), start - stale_seconds + 1, end
        )
        for samples in samples_by_time(rows, start, end, stale_seconds):
            if samples.time < self._clock() - self._settings.max_age:
                self._metrics.remote_write_samples.labels("spilled").inc(len(samples.ids))
            else:
                self._deliver(watch, samples, labels)

    def _encoded_labels(
        self, watch: Watch, records: Sequence[SeriesRecord]
    ) -> Mapping[int, list[bytes]]:
        """The labels of the five metrics of each series; made once, and forgotten with the
        series."""
        cache = self._labels.get(watch.name, {})
        labels = {
            record.id: cache.get(record.id) or _metric_labels(record, watch) for record in records
        }
        self._labels[watch.name] = labels
        return labels

    def _deliver(
        self, watch: Watch, at_time: SamplesAtTime, labels: Mapping[int, list[bytes]]
    ) -> None:
        """One tick, in batches. After a failure in the middle of it, it goes on from there."""
        samples = [
            RemoteSample(labels[series_id][column], value)
            for series_id, column, value in zip(
                at_time.ids.tolist(), at_time.column.tolist(), at_time.value.tolist(), strict=True
            )
        ]
        progress_time, progress = self._progress.get(watch.name, (0, 0))
        first = progress if progress_time == at_time.time else 0
        rejected = 0
        reason = ""
        for start in range(first, len(samples), self._settings.batch):
            end = start + self._settings.batch
            outcome = self._writer.send(at_time.time * 1000, samples[start:end])
            self._progress[watch.name] = (at_time.time, end)
            self._metrics.remote_write_samples.labels("sent").inc(outcome.sent)
            self._metrics.remote_write_samples.labels("rejected").inc(outcome.rejected)
            rejected += outcome.rejected
            reason = reason or outcome.reason
        if rejected:
            log.warning(
                "samples rejected by remote write",
                extra={
                    "watch": watch.name,
                    "time": at_time.time,
                    "samples": rejected,
                    "of": len(samples),
                    "said": reason,
                },
            )
        self._advance(watch, at_time.time)

    def _advance(self, watch: Watch, sent_time: int) -> None:
        self._store.send_cursors.advance(watch.name, sent_time)
        self._metrics.remote_write_sent_time.labels(watch.name).set(sent_time)


def _metric_labels(record: SeriesRecord, watch: Watch) -> list[bytes]:
    pairs = exported_labels(record, watch.own_labels)
    return [encoded_labels([("__name__", METRIC_NAMES[column]), *pairs]) for column in COLUMNS]
