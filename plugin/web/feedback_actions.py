"""Feedback on alarms: finds what it is about, gives it and takes it back.

The API and the page both use these actions.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from plugin.domain.alarms import Alarm
from plugin.domain.times import instant
from plugin.domain.tolerances import FeedbackEntry, FeedbackSpan, Verdict, false_alarm
from plugin.domain.windows import one_line
from plugin.errors import RequestError
from plugin.nearest_name import nearest
from plugin.series import SeriesRecord
from plugin.store import FeedbackNote
from plugin.store.feedback import Receipt
from plugin.web import audit
from plugin.web.context import WebContext
from plugin.web.series_catalog import SeriesCatalog

MOMENT_SECONDS = 600  # around a moment: an alarm in it is the one that is meant
MAX_PARTS = 1000  # alarms of one incident that feedback is about


@dataclass(frozen=True)
class FeedbackTarget:
    """What feedback is about: series and a range of each."""

    parts: tuple[FeedbackSpan, ...]
    incident: str = ""  # "" = named by series and range

    @property
    def start(self) -> int:
        return min(part.start for part in self.parts)

    @property
    def end(self) -> int:
        return max(part.end for part in self.parts)

    def described(self, watches: Collection[str]) -> Mapping[str, object]:
        """For the audit: where and when. watches: those of its series."""
        return {
            "watch": ",".join(sorted(watches)),
            "incident": self.incident,
            "series": len({part.series_id for part in self.parts}),
            "start": instant(self.start),
            "end": instant(self.end),
        }

    def holds(self, entry: FeedbackEntry) -> bool:
        """Whether feedback that is in force is about nothing else, but for minutes around it."""
        return all(
            any(
                part.series_id == own.series_id
                and part.start >= own.start - MOMENT_SECONDS
                and part.end <= own.end + MOMENT_SECONDS
                for own in self.parts
            )
            for part in entry.parts
            if part.ended_at is None
        )


class FeedbackActions:
    """Finds what a person names, gives feedback and withdraws it."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog

    def records(self) -> Mapping[int, SeriesRecord]:
        return {record.id: record for record in self._catalog.find()}

    def incident(self, incident_id: str) -> FeedbackTarget:
        """The alarms of an incident, or the one alarm `<series id>-<start>`.

        Raises RequestError.
        """
        records_by_id = self.records()
        alarms = [
            alarm
            for alarm in _alarms_of(self._context, incident_id)
            if alarm.series_id in records_by_id
        ]
        if not alarms:
            raise RequestError(
                f"there is no incident `{one_line(incident_id)[:80]}`: it never was, or it is "
                "older than store.retention; `GET /api/v1/incidents` lists them",
                field="incident",
                status=404,
                code="unknown_incident",
            )
        return FeedbackTarget(
            tuple(
                FeedbackSpan(alarm.series_id, alarm.start, alarm.end)
                for alarm in alarms[:MAX_PARTS]
            ),
            incident_id,
        )

    def series(self, watch: str, series: str) -> SeriesRecord:
        """Raises RequestError naming the nearest one."""
        if not watch or not series:
            raise RequestError(
                "name what the answer is about: `incident`, or `watch` and `series` with `from` and"
                " `to`",
                field="series",
            )
        records = self._catalog.find((watch,))
        record = next((record for record in records if str(record.labels) == series), None)
        if record is None:
            hint = nearest(series, (str(record.labels) for record in records))
            raise RequestError(
                f"there is no series `{one_line(series)}` in `{watch}`"
                f"{hint or '; `GET /api/v1/series` lists them'}",
                field="series",
                status=404,
                code="unknown_series",
            )
        return record

    def range(self, record: SeriesRecord, start: int | None, end: int | None) -> FeedbackTarget:
        """start, end: unix seconds, included.

        Raises RequestError for one that no answer can be about.
        """
        now = int(self._context.clock())
        end = now if end is None else end
        if start is None:
            raise RequestError("say from when: `from`, in milliseconds or RFC 3339", field="from")
        for field, time in (("from", start), ("to", end)):
            if time > now:
                raise RequestError(
                    f"`{field}` has not come yet, {instant(time)}: an answer is about what has "
                    "happened, and for what is planned there are maintenance windows",
                    field=field,
                )
        if start > end:
            raise RequestError(
                f"`from` is after `to`: {instant(start)} > {instant(end)}", field="from"
            )
        return FeedbackTarget((FeedbackSpan(record.id, start, end),))

    def moment(self, record: SeriesRecord, time: int) -> FeedbackTarget:
        """The alarm of a series at a moment, or the minutes around it where there was none."""
        alarms = self._context.store.alarms.between(
            time - MOMENT_SECONDS, time + MOMENT_SECONDS, [record.id]
        )
        if alarms:
            alarm = min(alarms, key=lambda alarm: max(alarm.start - time, time - alarm.end, 0))
            return FeedbackTarget((FeedbackSpan(record.id, alarm.start, alarm.end),))
        return self.range(
            record, time - MOMENT_SECONDS, min(time + MOMENT_SECONDS, int(self._context.clock()))
        )

    def give(
        self, verdict: Verdict, target: FeedbackTarget, *, comment: str, author: str
    ) -> Receipt:
        """Raises RequestError when there is nothing that the answer could have an effect on."""
        store = self._context.store
        now = int(self._context.clock())
        records_by_id = self.records()
        parts = (
            target.parts
            if verdict is not Verdict.FALSE_ALARM
            else self._sized(target.parts, records_by_id)
        )
        watches = {records_by_id[part.series_id].watch for part in parts}
        scored = {name: store.samples.scored_until(name) or now for name in watches}
        receipt = store.feedback.give(
            verdict,
            parts,
            FeedbackNote(author, now, comment, target.incident),
            scored_until={
                part.series_id: scored[records_by_id[part.series_id].watch] for part in parts
            },
        )
        audit.note(
            by=author, answer=receipt.answer.id, verdict=verdict.value, **target.described(watches)
        )
        if receipt.again:
            return receipt
        for watch in watches:
            self._context.metrics.feedback.labels(watch, verdict.value).inc()
        return receipt

    def withdraw(self, entry_id: int, author: str) -> FeedbackEntry:
        """The feedback as it was before. Raises RequestError for an unknown number."""
        entry = self._context.store.feedback.withdraw(
            entry_id, author=author, time=int(self._context.clock())
        )
        if entry is None:
            raise RequestError(
                f"there is no answer {entry_id}: `GET /api/v1/feedback` lists them",
                field="id",
                status=404,
                code="unknown_feedback",
            )
        audit.note(by=author, answer=entry_id)
        return entry

    def _sized(
        self, parts: Sequence[FeedbackSpan], records_by_id: Mapping[int, SeriesRecord]
    ) -> tuple[FeedbackSpan, ...]:
        """Those of which something was outside, with their tolerances.

        An alarm begins with the sample that makes its watch's `persistence` full: those before it
        count, too.
        """
        store = self._context.store
        watches = self._context.watches()
        names = {records_by_id[part.series_id].watch for part in parts}
        tolerances = {name: store.feedback.tolerances(name) for name in names}
        lead = {
            name: (watches[name].persistence[1] - 1) * watches[name].step
            for name in names
            if name in watches
        }
        tolerated = []
        for part in parts:
            name = records_by_id[part.series_id].watch
            samples = store.samples.of(part.series_id, part.start - lead.get(name, 0), part.end)
            tolerated.append(
                false_alarm(part.series_id, part.start, part.end, samples, tolerances[name])
            )
        sized = tuple(part for part in tolerated if part is not None)
        if not sized:
            raise RequestError(
                "nothing of it was outside its band then, as far as is stored: there is no alarm"
                " that could be false",
                field="from",
                code="no_alarm",
            )
        return sized


def _alarms_of(context: WebContext, incident_id: str) -> list[Alarm]:
    """The alarms of an incident, or the one alarm `<series id>-<start>`."""
    incident = context.store.incidents.get(incident_id)
    if incident is not None:
        return [alarm for _, alarm in context.store.incidents.alarms([incident.id])]
    series_id, _, start = incident_id.partition("-")
    if not (series_id.isdecimal() and start.isdecimal() and len(incident_id) < 40):
        return []
    alarms = context.store.alarms.between(int(start), int(start), [int(series_id)])
    return [alarm for alarm in alarms if alarm.start == int(start)]
