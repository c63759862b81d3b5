"""Answers to alarms: what they are about, given and taken back.

The API and the page both come through here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from plugin.domain.alarms import Alarm
from plugin.domain.tolerances import (
    HALF_LIFE,
    HOLD_SECONDS,
    MAX_BRIEF_SAMPLES,
    MAX_FACTOR,
    RETURN_SECONDS,
    FeedbackEntry,
    FeedbackSpan,
    Verdict,
    false_alarm,
)
from plugin.domain.windows import plain
from plugin.domain.wording import duration, instant
from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.store.feedback import Receipt
from plugin.web.context import WebContext
from plugin.web.parameters import QueryParameters, nearest
from plugin.web.series_catalog import SeriesCatalog

NEAR = 600  # seconds around a moment in which an alarm is meant
MOST_PARTS = 1000  # alarms of one incident that an answer speaks of


@dataclass(frozen=True)
class FeedbackTarget:
    """What an answer is about: series and a range of each."""

    parts: tuple[FeedbackSpan, ...]
    incident: str = ""  # "" = named by series and range

    @property
    def start(self) -> int:
        return min(part.start for part in self.parts)

    @property
    def end(self) -> int:
        return max(part.end for part in self.parts)


class FeedbackActions:
    """Resolves what people name, gives and withdraws."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog

    def records(self) -> Mapping[int, SeriesRecord]:
        return {record.id: record for record in self._catalog.find(QueryParameters())}

    def incident(self, id: str) -> FeedbackTarget:
        """The alarms of an incident, or the one alarm `<series id>-<start>`.

        Raises RequestError.
        """
        known = self.records()
        alarms = [alarm for alarm in _alarms_of(self._context, id) if alarm.series_id in known]
        if not alarms:
            raise RequestError(
                f"there is no incident `{plain(id)[:80]}`: it never was, or it is older than "
                "store.retention; `GET /api/v1/incidents` lists them",
                field="incident",
                status=404,
                code="unknown_incident",
            )
        return FeedbackTarget(
            tuple(
                FeedbackSpan(alarm.series_id, alarm.start, alarm.end)
                for alarm in alarms[:MOST_PARTS]
            ),
            id,
        )

    def series(self, watch: str, series: str) -> SeriesRecord:
        """Raises RequestError naming the nearest one."""
        if not watch or not series:
            raise RequestError(
                "name what the answer is about: `incident`, or `watch` and `series` with `from` and"
                " `to`",
                field="series",
            )
        records = self._catalog.find(QueryParameters(watch=(watch,)))
        found = next((record for record in records if str(record.labels) == series), None)
        if found is None:
            close = nearest(series, (str(record.labels) for record in records))
            raise RequestError(
                f"there is no series `{plain(series)}` in `{watch}`"
                f"{close or '; `GET /api/v1/series` lists them'}",
                field="series",
                status=404,
                code="unknown_series",
            )
        return found

    def range(self, record: SeriesRecord, begin: int | None, end: int | None) -> FeedbackTarget:
        """begin, end: unix seconds, included.

        Raises RequestError for one that no answer can be about.
        """
        now = int(self._context.clock())
        end = now if end is None else end
        if begin is None:
            raise RequestError("say from when: `from`, in milliseconds or RFC 3339", field="from")
        for field, time in (("from", begin), ("to", end)):
            if time > now:
                raise RequestError(
                    f"`{field}` has not come yet, {instant(time)}: an answer is about what has "
                    "happened, and for what is planned there are maintenance windows",
                    field=field,
                )
        if begin > end:
            raise RequestError(
                f"`from` is after `to`: {instant(begin)} > {instant(end)}", field="from"
            )
        return FeedbackTarget((FeedbackSpan(record.id, begin, end),))

    def moment(self, record: SeriesRecord, at: int) -> FeedbackTarget:
        """The alarm of a series at a moment, or the minutes around it where there was none."""
        near = self._context.store.alarms(at - NEAR, at + NEAR, [record.id])
        if near:
            alarm = min(near, key=lambda alarm: max(alarm.start - at, at - alarm.end, 0))
            return FeedbackTarget((FeedbackSpan(record.id, alarm.start, alarm.end),))
        return self.range(record, at - NEAR, min(at + NEAR, int(self._context.clock())))

    def give(self, verdict: Verdict, target: FeedbackTarget, *, comment: str, by: str) -> Receipt:
        """Raises RequestError when there is nothing that the answer could have an effect on."""
        store = self._context.store
        now = int(self._context.clock())
        known = self.records()
        parts = (
            target.parts if verdict is not Verdict.FALSE_ALARM else self._sized(target.parts, known)
        )
        watches = {known[part.series_id].watch for part in parts}
        scored = {name: store.scored_until(name) or now for name in watches}
        given = store.feedback.give(
            verdict,
            parts,
            incident=target.incident,
            comment=comment,
            by=by,
            at=now,
            seen={part.series_id: scored[known[part.series_id].watch] for part in parts},
        )
        if given.again:
            return given
        for watch in watches:
            self._context.metrics.feedback.labels(watch, verdict.value).inc()
        return given

    def withdraw(self, id: int, by: str) -> FeedbackEntry:
        """What the answer was. Raises RequestError for one that is not known."""
        found = self._context.store.feedback.withdraw(id, by=by, at=int(self._context.clock()))
        if found is None:
            raise RequestError(
                f"there is no answer {id}: `GET /api/v1/feedback` lists them",
                field="id",
                status=404,
                code="unknown_feedback",
            )
        return found

    def _sized(
        self, parts: Sequence[FeedbackSpan], known: Mapping[int, SeriesRecord]
    ) -> tuple[FeedbackSpan, ...]:
        """Those of which something was outside, with their tolerances.

        An alarm begins with the sample that makes its watch's `persistence` full: those before it
        count, too.
        """
        store = self._context.store
        watches = self._context.watches()
        names = {known[part.series_id].watch for part in parts}
        tolerances = {name: store.feedback.tolerances(name) for name in names}
        lead = {
            name: (watches[name].persistence[1] - 1) * watches[name].step
            for name in names
            if name in watches
        }
        found = []
        for part in parts:
            name = known[part.series_id].watch
            samples = store.samples(part.series_id, part.start - lead.get(name, 0), part.end)
            found.append(
                false_alarm(part.series_id, part.start, part.end, samples, tolerances[name])
            )
        sized = tuple(part for part in found if part is not None)
        if not sized:
            raise RequestError(
                "nothing of it was outside its band then, as far as is stored: there is no alarm"
                " that could be false",
                field="from",
                code="no_alarm",
            )
        return sized


def _alarms_of(context: WebContext, id: str) -> list[Alarm]:
    """The alarms that an incident is made of; the one place that knows what its name looks like."""
    found = context.store.incidents.one(id)
    if found is not None:
        return [alarm for _, alarm in context.store.incidents.alarms([found.id])]
    series_id, _, start = id.partition("-")
    if not (series_id.isdecimal() and start.isdecimal() and len(id) < 40):
        return []
    near = context.store.alarms(int(start), int(start), [int(series_id)])
    return [alarm for alarm in near if alarm.start == int(start)]


UNDONE = {
    Verdict.FALSE_ALARM: "its tolerance ends with the next sample",
    Verdict.REAL: "the next fit may learn from it",
    Verdict.NEW_NORMAL: (
        "a level that was accepted by it stays until the next fit, which `bandwatch models refit` "
        "asks for"
    ),
}


def undone(answer: FeedbackEntry) -> str:
    """What follows from taking an answer back that was as given, in words."""
    if answer.withdrawn_at is None:
        return f"withdrawn; {UNDONE[answer.verdict]}"
    return (
        f"had no effect any more: withdrawn or replaced by {answer.withdrawn_by} at "
        f"{instant(answer.withdrawn_at)}"
    )


def effect(given: Receipt) -> str:
    """What follows from an answer, in words."""
    answer = given.answer
    said = [
        f"answer {id} said something else of the same time and is replaced" for id in given.replaced
    ]
    if given.again:
        said.append(f"said before, as answer {answer.id}: nothing was added")
    elif answer.verdict is Verdict.REAL:
        said.append("it is not learnt from, and a new model that would not see it is refused")
    elif answer.verdict is Verdict.NEW_NORMAL:
        said.append("the level that it has now is accepted with its next sample, and learnt from")
    else:
        said += _tolerated(answer.parts)
    return "; ".join(said)


def _tolerated(parts: Sequence[FeedbackSpan]) -> list[str]:
    said = []
    widest = max(max(part.brief) for part in parts)
    if widest > 1:
        side = " and ".join(
            name
            for name, column in (("below", 0), ("above", 1))
            if any(part.brief[column] > 1 for part in parts)
        )
        quiet = "the like of it stays quiet, as " if widest < MAX_FACTOR else ""
        said.append(
            f"{quiet}its band reaches up to {widest:.3g} times as far {side}; half of that is"
            f" forgotten in {duration(HALF_LIFE)}, at its own hour of the day"
            f" {duration(RETURN_SECONDS)} later"
        )
    longest = max(max(part.lasting) for part in parts)
    if longest > 1:
        said.append(
            f"more than {MAX_BRIEF_SAMPLES} samples were outside: the like of it is tolerated until"
            f" {duration(HOLD_SECONDS)} after it only; if it stays, say new_normal, if it was"
            " planned, add a maintenance window"
        )
    if max(widest, longest) >= MAX_FACTOR:
        said.append(
            f"it was farther out than the {MAX_FACTOR:.0f} half-widths up to which anything is"
            " tolerated: the like of it alerts again"
        )
    return said
