"""Open alarms, and how many there were over time: for dashboards.

The texts hold no times, because a dashboard shows times in the zone of whoever looks at it.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from flask import Response

from plugin.board import Snapshot
from plugin.config import Watch
from plugin.domain.alarms import Alarm
from plugin.domain.times import DAY, HOUR, MINUTE
from plugin.domain.wording import explanation
from plugin.series import IntArray, SeriesRecord
from plugin.web.context import WebContext
from plugin.web.links import SignedLinks
from plugin.web.pages.outside_links import prometheus_link, series_expression
from plugin.web.present_states import state_of_row
from plugin.web.queries import AlarmHistoryQuery, OpenAlarmsQuery, time_range
from plugin.web.responses import View, json_response
from plugin.web.rows import Row, ages, filled, finite, label_columns
from plugin.web.series_catalog import SeriesCatalog, chosen_part
from plugin.web.short_names import ShortNames

MAX_POINTS = 200  # of one watch in a history
# Seconds that one point of a history may stand for.
POINT_SECONDS = (MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR // 2, HOUR, 3 * HOUR, 6 * HOUR, DAY)


class AlarmViews:
    """The views /api/v1/alarms and /api/v1/alarms/history."""

    def __init__(
        self, context: WebContext, catalog: SeriesCatalog, links: SignedLinks, names: ShortNames
    ) -> None:
        self._context = context
        self._catalog = catalog
        self._links = links
        self._names = names

    @property
    def views(self) -> Mapping[str, View]:
        return {"alarms": self.open_alarms, "alarm_history": self.history}

    def open_alarms(self, query: OpenAlarmsQuery) -> Response:
        """One row per series with an open alarm, the highest score first."""
        now = self._context.clock()
        board = self._context.board.snapshots()
        rows: list[Row] = []
        heads = []
        for snapshot in self._catalog.snapshots(board, query.watch):
            part = chosen_part(snapshot, query.match)
            for index, row in self._rows(part, now):
                rows.append(row)
                heads.append(label_columns(part.series[index].labels, part.labels))
        full = [{**row, **head} for row, head in zip(rows, filled(heads), strict=True)]
        full.sort(key=lambda row: -float(row["score"] or 0))
        return json_response(full[: query.limit])

    def _rows(self, snapshot: Snapshot, now: float) -> Iterator[tuple[int, Row]]:
        """Position in the snapshot and row of each series with an open alarm."""
        alerting = np.flatnonzero(snapshot.alert_score > 1).tolist()
        if not alerting:
            return
        alarms = {
            alarm.series_id: alarm for alarm in self._context.store.alarms.open(snapshot.watch)
        }
        age_seconds = ages(snapshot, now)
        for index in alerting:
            record = snapshot.series[index]
            alarm = alarms.get(record.id)
            time = int(snapshot.times[index]) * 1000 or None
            row: Row = {
                "time": time,
                "alarm_start": alarm.start * 1000 if alarm is not None else time,
                "watch": record.watch,
                "series": str(record.labels),
                "short_name": self._names.of(record),
                "alarm_state": state_of_row(snapshot, index),
                "score": float(snapshot.alert_score[index]),
                **_numbers(snapshot, index),
                "direction": _direction(snapshot, index, alarm),
                "age_seconds": finite(float(age_seconds[index])),
                "unit": snapshot.settings.unit,
                "alarm_text": _text(snapshot, index),
                "promql": series_expression(snapshot.settings, record),
            }
            row |= self._prometheus_url(snapshot.settings, record, alarm, int(now))
            if self._links.offered:
                link = {"watch": record.watch, "series": str(record.labels), "at": str(time)}
                row["feedback_url"] = self._links.url(link, now)
            yield index, row

    def _prometheus_url(
        self, watch: Watch, record: SeriesRecord, alarm: Alarm | None, now: int
    ) -> Row:
        """The column of that name, where `web.prometheus_url` is set: the query, from an hour
        before the alarm on."""
        start = (alarm.start if alarm is not None else now) - HOUR
        url = prometheus_link(self._context.settings, watch, record, (start, now))
        return {"prometheus_url": url} if url else {}

    def history(self, query: AlarmHistoryQuery) -> Response:
        """How many alarms each watch had open, for each point of a range. A watch without any is
        left out."""
        start, end = time_range(query, self._context.clock(), self._context.settings)
        watches = self._context.watches()
        records = [
            record
            for record in self._catalog.find(query.watch, query.match)
            if record.watch in watches
        ]
        alarms = self._context.store.alarms.between(start, end, [record.id for record in records])
        by_watch: dict[str, list[Alarm]] = {}
        watch_of = {record.id: record.watch for record in records}
        for alarm in alarms:
            by_watch.setdefault(watch_of[alarm.series_id], []).append(alarm)
        times = _point_times(start, end)
        counts = {name: _counts(by_watch[name], times, watches[name]) for name in sorted(by_watch)}
        counts = {name: numbers for name, numbers in counts.items() if any(numbers)}
        return json_response(
            [
                {"time": time * 1000, "watch": name, "alarms": counts[name][point]}
                for point, time in enumerate(times.tolist())
                for name in counts
            ]
        )


def _numbers(snapshot: Snapshot, index: int) -> Mapping[str, float | None]:
    return {
        name: finite(float(getattr(snapshot, name)[index]))
        for name in ("value", "expected", "lower", "upper")
    }


def _direction(snapshot: Snapshot, index: int, alarm: Alarm | None) -> int:
    """Of the latest sample; of the alarm where that is inside the band again."""
    if snapshot.value[index] > snapshot.upper[index]:
        return 1
    if snapshot.value[index] < snapshot.lower[index]:
        return -1
    return alarm.direction if alarm is not None else 0


def _text(snapshot: Snapshot, index: int) -> str:
    """The latest sample against its band."""
    numbers = [
        float(getattr(snapshot, name)[index])
        for name in ("value", "expected", "lower", "upper", "score")
    ]
    value, expected, lower, upper, score = numbers
    return explanation(value, expected, lower, upper, score, snapshot.settings.unit)


def _point_times(start: int, end: int) -> IntArray:
    """[P] unix seconds of the points of a range, at most about MAX_POINTS."""
    least = (end - start) / MAX_POINTS
    seconds = next((size for size in POINT_SECONDS if size >= least), POINT_SECONDS[-1])
    return np.arange(start // seconds * seconds, end + 1, seconds, dtype=np.int64)


def _counts(alarms: Sequence[Alarm], times: IntArray, watch: Watch) -> list[int]:
    """[P] alarms with a sample outside between each point and the next one."""
    seconds = int(times[1] - times[0]) if len(times) > 1 else watch.step
    starts = np.sort([alarm.start for alarm in alarms])
    ends = np.sort([alarm.end for alarm in alarms])
    counts: list[int] = (
        np.searchsorted(starts, times + seconds, "left") - np.searchsorted(ends, times, "left")
    ).tolist()
    return counts
