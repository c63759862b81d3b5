"""The noise job: for how long each series was scored, and what would make the noisiest ones
quieter.

Both take too long for a request. Each run pays for itself with rest, so that all of them take
`SHARE` of a core.
"""

import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from plugin.board import Board
from plugin.config import Watch
from plugin.domain.budget import DAY, DAYS, AlarmTotals, NoiseReport, Spending, Suggestion
from plugin.jobs.suggestions import LEAST_ALARMS, suggestion
from plugin.jobs.throttle import Throttle
from plugin.store import Store

SHARE = 0.001  # of a core
# seconds
LEAST_REST = 60.0
MOST_REST = 3600.0
TRIED = 5  # series of each watch: the noisiest


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
        self._rest = Throttle(SHARE, least=LEAST_REST, most=MOST_REST)

    def run(self) -> bool:
        """Once the run before has been paid for. Returns whether something has been published."""
        if not self._rest.over:
            return False
        with self._rest.after():
            self._board.publish_noise(self._noise(int(self._clock())))
        return True

    def _noise(self, now: int) -> NoiseReport:
        ids, scored = self._store.scored_since(now - DAYS[-1] * DAY)
        young, few = self._store.scored_since(now - DAYS[0] * DAY)
        week = dict(zip(young.tolist(), few.tolist(), strict=True))
        month = dict(zip(ids.tolist(), scored.tolist(), strict=True))
        column = scored * 0 + [week.get(series, 0.0) for series in ids.tolist()]
        return NoiseReport(
            now, ids, {DAYS[0]: column, DAYS[-1]: scored}, dict(self._suggestions(now, month))
        )

    def _suggestions(
        self, now: int, scored: Mapping[int, float]
    ) -> Iterator[tuple[int, Suggestion]]:
        """For the noisiest series of each watch that raise more alarms than was promised."""
        since = now - DAYS[-1] * DAY
        watches = self._watches()
        totals = self._store.alarm_totals(since)
        noisy: dict[str, list[tuple[int, AlarmTotals]]] = {}
        for record in self._store.series():
            watch = watches.get(record.watch)
            found = totals.get(record.id)
            if watch is None or found is None or found.alarms < LEAST_ALARMS:
                continue
            if (
                found.alarms
                > Spending.of(
                    found, scored.get(record.id, 0.0), watch.alert_budget, watch.step
                ).promised
            ):
                noisy.setdefault(record.watch, []).append((record.id, found))
        for name, series in noisy.items():
            series.sort(key=lambda each: (-each[1].alarms, -each[1].samples, each[0]))
            for series_id, _ in series[:TRIED]:
                made = self._suggestion(watches[name], series_id, since, now)
                if made is not None:
                    yield series_id, made

    def _suggestion(self, watch: Watch, series_id: int, since: int, now: int) -> Suggestion | None:
        stored = self._store.between(np.array([series_id]), since, now).get(series_id)
        if stored is None:
            return None
        real = self._store.real_alarms(watch.name, since)
        own = [alarm for alarm in real if alarm.series_id == series_id]
        return suggestion(
            watch, stored, own, [alarm for alarm in real if alarm.series_id != series_id]
        )
