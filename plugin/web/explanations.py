"""Explanations as rows, and as sentences for the latest scores of the series that alert.

The past of a series before an alarm is read from the store once per alarm. A request for the latest
scores of many series waits only for as many explanations as fit into its time. The other series
keep their plain sentence until a later request explains them.
"""

import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from flask import Response

from plugin.board import Snapshot
from plugin.domain.alarms import Alarm, hold_seconds
from plugin.domain.explanation import (
    LEAD_SECONDS,
    PAST_SECONDS,
    Explanation,
    alarm_as_of,
    explain_alarm,
    explain_sample,
    find_related,
)
from plugin.domain.learning import learning_end
from plugin.domain.past_behaviour import PastBehaviour
from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.web.context import WebContext
from plugin.web.nearby_changes import alarm_changes
from plugin.web.queries import ExplainQuery
from plugin.web.responses import View, json_response
from plugin.web.row_types import ExplanationRow
from plugin.web.rows import finite
from plugin.web.series_catalog import SeriesCatalog

MAX_SERIES = 100  # that one answer explains
MAX_PASTS = 2000  # alarms whose past is kept: 2 kB each, more for series that trend
WAIT_SECONDS = 0.1  # that the rows of one answer wait for explanations

AlarmNames = Sequence[tuple[int, int, str]]  # (start, series id, name of the series), sorted


class ExplanationViews:
    """The view /api/v1/explain, and the sentences of /api/v1/scores."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog
        # by series and start of the alarm
        self._pasts: OrderedDict[tuple[int, int], PastBehaviour | None] = OrderedDict()
        # by series: time of the sample, sentence
        self._sentences: dict[int, tuple[int, str]] = {}

    @property
    def views(self) -> Mapping[str, View]:
        return {"explain": self.explain}

    def explain(self, query: ExplainQuery) -> Response:
        """One row per series, as of a moment; with `incident` one row per alarm of it, in the order
        in which they started."""
        now = int(self._context.clock()) if query.at is None else query.at // 1000
        records = self._catalog.find(query.watch, query.match, query.series)
        if query.incident is not None:
            explanations = self._members(query.incident, records, now)
            return json_response(
                [_row(record, explanation) for record, explanation in explanations]
            )
        if len(records) > MAX_SERIES:
            raise RequestError(
                f"{len(records)} series are selected and one answer explains {MAX_SERIES} at most: "
                "choose one by `series`, or narrow `watch` or `match`",
                field="series",
                code="too_much",
            )
        candidates = ((record, self.at(record, now)) for record in records)
        return json_response(
            [
                _row(record, explanation)
                for record, explanation in candidates
                if explanation is not None
            ]
        )

    def sentences(self, snapshots: Sequence[Snapshot]) -> dict[int, str]:
        """Sentences about the series that alert, by series id: for as many as there is time for,
        those with the highest scores first."""
        sentences: dict[int, str] = {}
        deadline = time.monotonic() + WAIT_SECONDS
        for snapshot in snapshots:
            alerting = np.flatnonzero((snapshot.alert_score > 1) & ~snapshot.missing)
            if len(alerting):
                order = alerting[np.argsort(-snapshot.alert_score[alerting], kind="stable")]
                sentences.update(self._sentences_of(snapshot, order.tolist(), deadline))
        return sentences

    def _sentences_of(
        self, snapshot: Snapshot, rows: Sequence[int], deadline: float
    ) -> Iterator[tuple[int, str]]:
        """Of these rows of a snapshot, as (series id, sentence)."""
        alarms = {
            alarm.series_id: alarm for alarm in self._context.store.alarms.open(snapshot.watch)
        }
        names = {snapshot.series[row].id: str(snapshot.series[row].labels) for row in rows}
        alarm_names = sorted(
            (alarm.start, series_id, names[series_id])
            for series_id, alarm in alarms.items()
            if series_id in names
        )
        for row in rows:
            record = snapshot.series[row]
            sample_time = int(snapshot.times[row])
            last_time, sentence = self._sentences.get(record.id, (None, ""))
            if (
                last_time != sample_time
                and record.id in alarms
                and time.monotonic() < deadline
                and (
                    explanation := self._explained(
                        record, alarms[record.id], sample_time, alarm_names
                    )
                )
            ):
                last_time, sentence = sample_time, explanation.text
                self._sentences[record.id] = last_time, sentence
            if last_time == sample_time:
                yield record.id, sentence
        if len(self._sentences) > MAX_PASTS:
            self._sentences.clear()

    def _members(
        self, incident_id: str, records: Sequence[SeriesRecord], now: int
    ) -> Iterator[tuple[SeriesRecord, Explanation]]:
        """Of the alarms of an incident, as far as they are about these series."""
        store = self._context.store
        watches = self._context.watches()
        incident = store.incidents.get(incident_id)
        if incident is None:
            raise RequestError(
                f"there is no incident `{incident_id}`: it never was, or it is older than "
                "store.retention",
                field="incident",
                status=404,
                code="unknown_incident",
            )
        records_by_id = {record.id: record for record in records if record.watch in watches}
        alarms = [
            alarm
            for _, alarm in store.incidents.alarms([incident.id])
            if alarm.series_id in records_by_id
        ]
        alarm_names = sorted(
            (alarm.start, alarm.series_id, str(records_by_id[alarm.series_id].labels))
            for alarm in alarms
        )
        for alarm in [alarm for alarm in alarms if alarm.start <= now][:MAX_SERIES]:
            explanation = self.alarm(records_by_id[alarm.series_id], alarm, now, alarm_names)
            if explanation is not None:
                yield records_by_id[alarm.series_id], explanation

    def alarm(
        self, record: SeriesRecord, alarm: Alarm, now: int, alarm_names: AlarmNames
    ) -> Explanation | None:
        """An alarm as it was explained at `now`, unix seconds, or when it was over.

        alarm_names: all alarms that may be related.
        """
        end = alarm.end + hold_seconds(self._context.watches()[record.watch].step)
        moment = now if alarm.open else min(now, end)
        return self._explained(record, alarm_as_of(alarm, now), moment, alarm_names)

    def at(self, record: SeriesRecord, now: int) -> Explanation | None:
        """The alarm of a series in which a moment (unix seconds) lies, or its last sample
        before."""
        store = self._context.store
        watch = self._context.watches().get(record.watch)
        reach = hold_seconds(watch.step) if watch is not None else 0
        alarms = [
            alarm
            for alarm in store.alarms.between(now - reach, now, [record.id])
            if alarm.start <= now
        ]
        if not alarms or watch is None:
            samples = store.samples.of(record.id, now - LEAD_SECONDS, now)
            if watch is None:
                return explain_sample(samples, "")
            return explain_sample(
                samples, watch.unit, learning_end(record.first_seen, watch.learn_for)
            )
        names = {
            explanation.id: str(explanation.labels)
            for explanation in self._catalog.find((record.watch,))
        }
        alarm_names = sorted(
            (alarm.start, alarm.series_id, names[alarm.series_id])
            for alarm in store.alarms.between(alarms[-1].start, now, list(names))
        )
        return self._explained(record, alarm_as_of(alarms[-1], now), now, alarm_names)

    def _explained(
        self, record: SeriesRecord, alarm: Alarm, now: int, alarm_names: AlarmNames
    ) -> Explanation | None:
        """An alarm as far as it is known at a time, unix seconds."""
        watch = self._context.watches()[record.watch]
        snapshot = self._context.board.snapshots().get(record.watch)
        samples = self._context.store.samples.of(record.id, alarm.start - LEAD_SECONDS, now)
        shift = (
            snapshot.shifts.get(record.id)
            if snapshot is not None and now >= snapshot.time
            else None
        )
        explanation = explain_alarm(
            alarm,
            samples,
            self._past(record, alarm, watch.step),
            watch.unit,
            related=find_related(alarm, alarm_names),
            new_level=(shift.since, shift.due) if shift else None,
        )
        changes = alarm_changes(self._context.store, alarm.start, record.labels, now)
        return explanation and replace(explanation, changes=changes)

    def _past(self, record: SeriesRecord, alarm: Alarm, step: int) -> PastBehaviour | None:
        key = record.id, alarm.start
        if key not in self._pasts:
            start = (alarm.start - PAST_SECONDS) // step * step
            end = alarm.start // step * step - step
            values = self._context.store.samples.values(np.array([record.id]), start, end, step)[0]
            self._pasts[key] = PastBehaviour.of(start + step * np.arange(len(values)), values)
            while len(self._pasts) > MAX_PASTS:
                self._pasts.popitem(last=False)
        return self._pasts[key]


def _row(record: SeriesRecord, explanation: Explanation) -> ExplanationRow:
    alarm = explanation.alarm
    until = explanation.learning_until
    return ExplanationRow(
        time=explanation.time * 1000,
        series=str(record.labels),
        watch=record.watch,
        value=finite(explanation.value),
        expected=finite(explanation.expected),
        lower=finite(explanation.lower),
        upper=finite(explanation.upper),
        score=finite(explanation.score),
        direction=explanation.direction,
        kind=explanation.kind.value if alarm else "",
        since=alarm.start * 1000 if alarm else None,
        unusual=explanation.rank_text,
        related=explanation.related_text,
        changes=explanation.changes,
        text=explanation.text,
        learning_until=until * 1000 if until is not None else None,
    )
