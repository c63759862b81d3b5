"""What an alarm, a series or an incident is at this moment: the one answer of all pages, rows and
texts."""

from collections.abc import Collection, Mapping
from typing import Literal

from plugin.board import Snapshot
from plugin.series import SeriesRecord

AlarmState = Literal["outside", "missing", "recovering", "over"]
SEVEREST_FIRST: tuple[AlarmState, ...] = ("outside", "missing", "recovering")


class PresentStates:
    """By the latest sample of each series: an alarm is open for some time after its last sample
    outside."""

    def __init__(self, snapshots: Mapping[str, Snapshot]) -> None:
        self._snapshots = snapshots
        self._rows_by_watch = dict[str, Mapping[int, int]]()

    def of_alarm(self, record: SeriesRecord, end: int) -> AlarmState:
        """Of an open alarm. end: unix seconds of its last sample outside, so far."""
        row = self._rows(record.watch).get(record.id)
        if row is None:
            return "outside"  # as the alarm says: nothing later is known
        snapshot = self._snapshots[record.watch]
        return "outside" if end > snapshot.times[row] else state_of_row(snapshot, row)

    def _rows(self, watch: str) -> Mapping[int, int]:
        """By the id of each series its place in the snapshot."""
        if watch not in self._rows_by_watch:
            snapshot = self._snapshots.get(watch)
            series = snapshot.series if snapshot is not None else ()
            self._rows_by_watch[watch] = {record.id: row for row, record in enumerate(series)}
        return self._rows_by_watch[watch]


def state_of_row(snapshot: Snapshot, row: int) -> AlarmState:
    """Of a series with an open alarm, by its place in the snapshot."""
    if snapshot.missing[row]:
        return "missing"
    return "recovering" if snapshot.inside[row] else "outside"


def severest(states: Collection[AlarmState]) -> AlarmState:
    """Of an open incident by the states of its open alarms; none is open = it recovers."""
    return next((state for state in SEVEREST_FIRST if state in states), "recovering")
