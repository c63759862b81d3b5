"""The budget job: for how long each series was scored, and what would make the noisiest ones
quieter.

Both take too long for a request. After each run the job rests, so that all runs together take
`CORE_SHARE` of a core.
"""

import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from plugin.board import Board
from plugin.config import Watch
from plugin.domain.budget import PERIOD_DAYS, AlarmTotals, NoiseReport, Spending, Suggestion
from plugin.domain.learning import learning_end
from plugin.domain.times import DAY
from plugin.jobs.suggestions import MIN_ALARMS, best_suggestion
from plugin.jobs.throttle import Throttle
from plugin.series import SeriesRecord
from plugin.store import Store

CORE_SHARE = 0.001
MIN_REST_SECONDS = 60.0
MAX_REST_SECONDS = 3600.0
MAX_SUGGESTIONS = 5  # per watch, for its noisiest series


class BudgetJob:
    """Publishes what the noise budget needs, for all watches at once: the head of the store is read
    once."""

    def __init__(
        self,
        store: Store,
        board: Board,
        watches: Callable[[], Mapping[str, Watch]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._board = board
        self._watches = watches
        self._clock = clock
        self._throttle = Throttle(CORE_SHARE, MIN_REST_SECONDS, MAX_REST_SECONDS)

    def run(self) -> bool:
        """Does nothing while the job rests. Returns whether something has been published."""
        if not self._throttle.over:
            return False
        with self._throttle.after():
            self._board.publish_noise(self._noise(int(self._clock())))
        return True

    def _noise(self, now: int) -> NoiseReport:
        learn_for = {name: watch.learn_for for name, watch in self._watches().items()}
        counts = self._store.samples.scored_since
        ids, month = counts(now - PERIOD_DAYS[-1] * DAY, learn_for)
        week_ids, week = counts(now - PERIOD_DAYS[0] * DAY, learn_for)
        scored_in_week = dict(zip(week_ids.tolist(), week.tolist(), strict=True))
        scored_in_month = dict(zip(ids.tolist(), month.tolist(), strict=True))
        week_column = np.array(
            [scored_in_week.get(series_id, 0.0) for series_id in ids.tolist()], float
        )
        return NoiseReport(
            now,
            ids,
            {PERIOD_DAYS[0]: week_column, PERIOD_DAYS[-1]: month},
            dict(self._suggestions(now, scored_in_month)),
        )

    def _suggestions(
        self, now: int, scored: Mapping[int, float]
    ) -> Iterator[tuple[int, Suggestion]]:
        """For the noisiest series of each watch. scored: samples of each series, in a month."""
        start = now - PERIOD_DAYS[-1] * DAY
        watches = self._watches()
        for name, records in self._noisiest(watches, start, scored).items():
            for record in records[:MAX_SUGGESTIONS]:
                best = self._suggestion(watches[name], record, start, now)
                if best is not None:
                    yield record.id, best

    def _noisiest(
        self, watches: Mapping[str, Watch], start: int, scored: Mapping[int, float]
    ) -> dict[str, list[SeriesRecord]]:
        """The series that raise more alarms than was promised, by watch, the worst first."""
        totals = self._store.alarms.totals(start)
        noisy: dict[str, list[tuple[SeriesRecord, AlarmTotals]]] = {}
        for record in self._store.series.all():
            watch = watches.get(record.watch)
            total = totals.get(record.id)
            if watch is None or total is None or total.alarms < MIN_ALARMS:
                continue
            samples = scored.get(record.id, 0.0)
            spending = Spending.of(total, samples, watch.alert_budget, watch.step)
            if total.alarms > spending.promised:
                noisy.setdefault(record.watch, []).append((record, total))
        return {
            name: [
                record
                for record, total in sorted(
                    series, key=lambda pair: (-pair[1].alarms, -pair[1].samples, pair[0].id)
                )
            ]
            for name, series in noisy.items()
        }

    def _suggestion(
        self, watch: Watch, record: SeriesRecord, start: int, now: int
    ) -> Suggestion | None:
        first = max(start, learning_end(record.first_seen, watch.learn_for))
        samples = self._store.samples.between(np.array([record.id]), first, now).get(record.id)
        if samples is None:
            return None
        real = self._store.alarms.real(watch.name, start)
        of_series = [alarm for alarm in real if alarm.series_id == record.id]
        of_others = [alarm for alarm in real if alarm.series_id != record.id]
        return best_suggestion(watch, samples, of_series, of_others)
