"""Explanations as rows, and as the sentence beside the latest score of a series that alerts.

What a series was like before an alarm is read from the store once per alarm. Rows of many series
wait for no more than some of them: who has no explanation yet has its plain sentence, and gets one
with a later request.
"""

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from flask import Response

from plugin.board import Snapshot
from plugin.domain.alarms import JOIN, Alarm
from plugin.domain.deviation import PastBehaviour
from plugin.domain.explanation import LEAD, WINDOW, Explanation, as_of, explained, moved_with, quiet
from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.web.context import WebContext
from plugin.web.data_source import View, json
from plugin.web.parameters import QueryParameters
from plugin.web.rows import Row
from plugin.web.series_catalog import SeriesCatalog

MAX_SERIES = 100  # that one answer explains
MOST_KEPT = 2000  # alarms whose past is kept: 2 kB each, more for series that trend
AT_ONCE = 0.1  # seconds that the rows of one answer wait for explanations

Named = Sequence[tuple[int, int, str]]  # alarms as (start, series id, name of the series), sorted


class ExplanationViews:
    """The view /api/v1/explain, and the sentences of /api/v1/scores."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog
        self._pasts: OrderedDict[tuple[int, int], PastBehaviour | None] = (
            OrderedDict()
        )  # by series and start of the alarm
        self._texts: dict[int, tuple[int, str]] = {}  # by series: time of the sample, sentence

    @property
    def views(self) -> Mapping[str, View]:
        return {"explain": self.explain}

    def explain(self, query: QueryParameters) -> Response:
        """One row per series, as of a moment; of an incident one per alarm, who moved first is
        first."""
        now = int(self._context.clock()) if query.at is None else query.at // 1000
        if query.incident is not None:
            return json([_row(record, each) for record, each in self._members(query, now)])
        records = self._catalog.find(query)
        if len(records) > MAX_SERIES:
            raise RequestError(
                f"{len(records)} series are selected and one answer explains {MAX_SERIES} at most: "
                "choose one by `series`, or narrow `watch` or `match`",
                field="series",
                code="too_much",
            )
        found = ((record, self._at(record, now)) for record in records)
        return json([_row(record, each) for record, each in found if each is not None])

    def sentences(self, snapshots: Sequence[Snapshot]) -> dict[int, str]:
        """What is said of the series that alert, by id: of as many as there is time for, those far
        out first."""
        said: dict[int, str] = {}
        until = time.monotonic() + AT_ONCE
        for snapshot in snapshots:
            alerting = np.flatnonzero((snapshot.alert_score > 1) & ~snapshot.missing)
            if len(alerting):
                farthest = alerting[np.argsort(-snapshot.alert_score[alerting], kind="stable")]
                said.update(self._said(snapshot, farthest.tolist(), until))
        return said

    def _said(
        self, snapshot: Snapshot, rows: Sequence[int], until: float
    ) -> Iterator[tuple[int, str]]:
        alarms = {
            alarm.series_id: alarm for alarm in self._context.store.open_alarms(snapshot.watch)
        }
        names = {snapshot.series[row].id: str(snapshot.series[row].labels) for row in rows}
        beside = sorted((alarm.start, id, names[id]) for id, alarm in alarms.items() if id in names)
        for row in rows:
            record = snapshot.series[row]
            sampled = int(snapshot.times[row])
            known = self._texts.get(record.id)
            if (
                (known is None or known[0] != sampled)
                and record.id in alarms
                and time.monotonic() < until
            ):
                told = self.told(record, alarms[record.id], sampled, beside)
                known = (sampled, told.text) if told is not None else known
                if known is not None:
                    self._texts[record.id] = known
            if known is not None and known[0] == sampled:
                yield record.id, known[1]
        if len(self._texts) > MOST_KEPT:
            self._texts.clear()

    def _members(
        self, query: QueryParameters, now: int
    ) -> Iterator[tuple[SeriesRecord, Explanation]]:
        store = self._context.store
        watches = self._context.watches()
        incident = store.incidents.one(query.incident or "")
        if incident is None:
            raise RequestError(
                f"there is no incident `{query.incident}`: it never was, or it is older than "
                "store.retention",
                field="incident",
                status=404,
                code="unknown_incident",
            )
        records = {each.id: each for each in self._catalog.find(query) if each.watch in watches}
        alarms = [
            alarm
            for _, alarm in store.incidents.alarms([incident.id])
            if alarm.series_id in records
        ]
        beside = sorted(
            (each.start, each.series_id, str(records[each.series_id].labels)) for each in alarms
        )
        for alarm in [each for each in alarms if each.start <= now][:MAX_SERIES]:
            told = self.alarm(records[alarm.series_id], alarm, now, beside)
            if told is not None:
                yield records[alarm.series_id], told

    def alarm(
        self, record: SeriesRecord, alarm: Alarm, now: int, beside: Named
    ) -> Explanation | None:
        """An alarm as it was told at `now`, unix seconds, or when it was over; beside: all that may
        be related."""
        over = alarm.end + (JOIN + 1) * self._context.watches()[record.watch].step
        return self.told(record, as_of(alarm, now), now if alarm.open else min(now, over), beside)

    def _at(self, record: SeriesRecord, now: int) -> Explanation | None:
        """The alarm of a series in which a moment lies, or its last sample before."""
        store = self._context.store
        watch = self._context.watches().get(record.watch)
        reach = (JOIN + 1) * watch.step if watch is not None else 0
        near = [
            alarm for alarm in store.alarms(now - reach, now, [record.id]) if alarm.start <= now
        ]
        if not near or watch is None:
            return quiet(
                store.samples(record.id, now - LEAD, now), watch.unit if watch is not None else ""
            )
        names = {
            each.id: str(each.labels)
            for each in self._catalog.find(QueryParameters(watch=(record.watch,)))
        }
        others = store.alarms(near[-1].start, now, list(names))
        beside = sorted((alarm.start, alarm.series_id, names[alarm.series_id]) for alarm in others)
        return self.told(record, as_of(near[-1], now), now, beside)

    def told(
        self, record: SeriesRecord, alarm: Alarm, now: int, beside: Named
    ) -> Explanation | None:
        """An alarm as far as it is known at a time, unix seconds; beside: all alarms that may be
        related."""
        watch = self._context.watches()[record.watch]
        snapshot = self._context.board.snapshots().get(record.watch)
        samples = self._context.store.samples(record.id, alarm.start - LEAD, now)
        shift = (
            snapshot.shifts.get(record.id)
            if snapshot is not None and now >= snapshot.time
            else None
        )
        return explained(
            alarm,
            samples,
            self._past(record, alarm, watch.step),
            watch.unit,
            related=moved_with(alarm, beside),
            new_level=(shift.since, shift.due) if shift else None,
        )

    def _past(self, record: SeriesRecord, alarm: Alarm, step: int) -> PastBehaviour | None:
        key = record.id, alarm.start
        if key not in self._pasts:
            begin = (alarm.start - WINDOW) // step * step
            end = alarm.start // step * step - step
            values = self._context.store.values(np.array([record.id]), begin, end, step)[0]
            self._pasts[key] = PastBehaviour.of(begin + step * np.arange(len(values)), values)
            while len(self._pasts) > MOST_KEPT:
                self._pasts.popitem(last=False)
        return self._pasts[key]


def _row(record: SeriesRecord, told: Explanation) -> Row:
    alarm = told.alarm
    return {
        "time": told.time * 1000,
        "series": str(record.labels),
        "watch": record.watch,
        "value": _finite(told.value),
        "expected": _finite(told.expected),
        "lower": _finite(told.lower),
        "upper": _finite(told.upper),
        "score": _finite(told.score),
        "direction": told.direction,
        "kind": told.kind.value if alarm else "",
        "since": alarm.start * 1000 if alarm else None,
        "unusual": told.rank_text,
        "related": told.related_text,
        "text": told.text,
    }


def _finite(number: float) -> float | None:
    return number if np.isfinite(number) else None
