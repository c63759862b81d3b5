"""Judges what came back for one query by what its panel, rule or variable needs. Pure.

The rules are those of Infinity's framing and of Grafana's alerting: a panel finds its band by bare
field names, a rule takes one number per row whose labels are all string columns, a rule's queries
are joined by equal labels.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from plugin.commands.grafana.findings import Finding, Level, counted, failure, ok, warning
from plugin.commands.grafana.frames import Field, Frame, QueryResponse
from plugin.commands.grafana.remedies import PROJECT, WAIT, remedy_for

RESERVED = ("alertname", "grafana_folder")  # Grafana sets these labels on every alert itself
FIELD_TYPES = {
    "string": "string",
    "number": "number",
    "boolean": "boolean",
    "timestamp": "time",
    "timestamp_epoch": "time",
    "timestamp_epoch_s": "time",
}  # of an Infinity column -> of a field
ANNOTATION = {
    "time": "time",
    "timeEnd": "time",
    "title": "string",
    "text": "string",
    "tags": "string",
}
MATERIAL = "in Grafana, use the file that this version of Bandwatch ships"

LabelSet = frozenset[tuple[str, str]]


class Needs(Enum):
    """What a query is for."""

    BAND = "band"  # time series whose names must stay bare
    SERIES = "series"  # time series
    STATES = "states"  # over time, as numbers or words
    TABLE = "table"
    ALERT = "alert"
    ANNOTATIONS = "annotations"
    VARIABLE = "variable"


@dataclass(frozen=True)
class AnswerNeeds:
    """What is asked of an answer."""

    needs: Needs
    columns: Mapping[str, str] | None = (
        None  # declared in an Infinity query: field name -> type; None = no such query
    )
    taken: Collection[str] = ()  # labels that the rule itself sets


def judge(answer: QueryResponse, wanted: AnswerNeeds) -> list[Finding]:
    """What is wrong with an answer; one `ok` that says what is there when nothing is."""
    if answer.error:
        return [failure(f"Grafana says: {answer.error}", remedy_for(answer.error))]
    if answer.rows == 0:
        return [_nothing(wanted)]
    found = list(JUDGES[wanted.needs](answer.frames, wanted))
    found += [
        warning(f"notice: {text}", remedy_for(text))
        for frame in answer.frames
        for text in frame.notices
    ]
    return found or [ok(_summary(answer))]


def judge_together(answers: Mapping[str, QueryResponse]) -> list[Finding]:
    """The queries of one rule, by refId, the one that the condition reads first: the same label
    sets in all.

    A set that the others lack makes `[no value]` in a text; if one is empty, newer Grafana makes
    the rule NoData.
    """
    sets = {name: set(label_sets(answer)) for name, answer in answers.items() if not answer.error}
    first, *others = sets
    found = []
    for other in others:
        missing = sets[first] - sets[other]
        beyond = sets[other] - sets[first]
        if missing or beyond:
            shown = ", ".join(
                f"{name}={value}" for name, value in sorted(next(iter(missing or beyond))) if value
            )
            found.append(
                failure(
                    f"queries {first} and {other} have different rows: {len(missing)} only in"
                    f" {first}, {len(beyond)} only in {other}, such as {{{shown}}}",
                    PROJECT,
                )
            )
    return found or [
        ok(f"queries {', '.join(sets)} have the same {counted(len(sets[first]), 'row')}")
    ]


def judge_stable(before: QueryResponse, after: QueryResponse) -> list[Finding]:
    """Two answers to one query of a rule, a moment apart: strings of a series must not have
    changed.

    Each new value would be a new alert, and the old one would resolve.
    """
    old, new = (
        {_identity(labels): labels for labels in label_sets(answer)} for answer in (before, after)
    )
    changed = sorted({name for key in old.keys() & new.keys() for name, _ in old[key] ^ new[key]})
    if not changed:
        return []
    return [
        failure(
            f"{', '.join(changed)} changed from one moment to the next: each value is an alert of"
            " its own",
            PROJECT,
        )
    ]


def label_sets(answer: QueryResponse) -> list[LabelSet]:
    """The labels of each row: all its strings, "" and nothing being the same (DP sdata/numeric)."""
    return [
        frozenset(
            (field.name, str(field.values[row]))
            for field in frame.of_type("string")
            if field.values[row]
        )
        for frame in answer.frames
        for row in range(frame.rows)
    ]


def _identity(labels: LabelSet) -> LabelSet:
    return frozenset(pair for pair in labels if pair[0] in ("watch", "series"))


def _nothing(wanted: AnswerNeeds) -> Finding:
    if wanted.needs is Needs.VARIABLE:
        return warning("offers no value", WAIT)
    if wanted.needs in (Needs.BAND, Needs.SERIES) and wanted.columns is not None:
        return warning("no rows in this range", WAIT)
    return ok(
        "no rows, which a rule takes as NoData" if wanted.needs is Needs.ALERT else "no rows now"
    )


def _summary(answer: QueryResponse) -> str:
    names = list(dict.fromkeys(field.name for frame in answer.frames for field in frame.fields))
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    many = f"{counted(len(answer.frames), 'frame')}, " if len(answer.frames) > 1 else ""
    return f"{many}{counted(answer.rows, 'row')}: {shown}"


def _band(frames: Sequence[Frame], wanted: AnswerNeeds) -> Iterator[Finding]:
    if len(frames) > 1:
        yield failure(
            f"{len(frames)} frames: Grafana puts the frame's name before each field's, and no field"
            " to fill down to is found",
            MATERIAL,
        )
    labelled = sorted({field.name for frame in frames for field in frame.fields if field.labels})
    if labelled:
        yield failure(
            f"labels on {', '.join(labelled)}: names are no longer bare, and no field to fill down"
            " to is found",
            MATERIAL,
        )
    yield from _series(frames, wanted)


def _series(frames: Sequence[Frame], wanted: AnswerNeeds, words: bool = False) -> Iterator[Finding]:
    for frame in frames:
        yield from _times(frame)
        strings = frame.of_type("string")
        if strings and not words:
            why = (
                "rows are not in order of time, or a column has no number at all and no declared"
                " type"
            )
            yield failure(f"text in {_names(strings)} where series are drawn: {why}", MATERIAL)
        if not frame.of_type("number") and not (words and strings):
            yield failure("no number to draw", MATERIAL)
        yield from _undrawable(frame.of_type("other"))
    yield from _declared(frames, wanted)


def _states(frames: Sequence[Frame], wanted: AnswerNeeds) -> Iterator[Finding]:
    yield from _series(frames, wanted, words=True)


def _times(frame: Frame) -> Iterator[Finding]:
    """A series has one time per row: known, and later than the one before."""
    times = frame.of_type("time")
    if len(times) != 1:
        yield failure(
            f"{counted(len(times), 'field')} of type time where exactly one belongs: "
            "is the column declared as timestamp_epoch?",
            MATERIAL,
        )
        return
    known = [float(str(time)) for time in times[0].values if time is not None]
    if len(known) < frame.rows:
        yield failure(
            f"{frame.rows - len(known)} of {counted(frame.rows, 'row')} have no time", PROJECT
        )
    steps = [later - earlier for earlier, later in zip(known, known[1:], strict=False)]
    if any(step < 0 for step in steps):
        yield failure("times go back: Grafana needs rows in order of time", PROJECT)
    elif any(step == 0 for step in steps):
        yield failure("several rows of one time: the rows of several series are mixed", MATERIAL)


def _table(frames: Sequence[Frame], wanted: AnswerNeeds) -> Iterator[Finding]:
    if wanted.columns == {}:
        yield warning(
            "no columns declared: their types change with what the first row holds", MATERIAL
        )
    yield from _undrawable(field for frame in frames for field in frame.of_type("other"))
    yield from _declared(frames, wanted)


def _annotations(frames: Sequence[Frame], wanted: AnswerNeeds) -> Iterator[Finding]:
    yield from _typed(frames, ANNOTATION)
    times = [field for frame in frames for field in frame.fields if field.name == "time"]
    if any(None in field.values for field in times):
        yield failure("an annotation without a time", PROJECT)


def _variable(frames: Sequence[Frame], wanted: AnswerNeeds) -> Iterator[Finding]:
    fields = [field for frame in frames for field in frame.fields]
    if len(fields) != 1 or fields[0].type != "string":
        yield failure(f"one column of text is needed, and there is {_names(fields)}", MATERIAL)


def _alert(frames: Sequence[Frame], wanted: AnswerNeeds) -> Iterator[Finding]:
    if len(frames) != 1:
        yield failure(f"{len(frames)} frames where a rule takes one", MATERIAL)
    for frame in frames:
        yield from _one_number(frame)
        for kind in ("time", "boolean", "other"):
            if fields := frame.of_type(kind):
                yield failure(f"{_names(fields)} of type {kind} beside the number", MATERIAL)
        names = {field.name for field in frame.of_type("string")}
        if swallowed := sorted(names & {*RESERVED, *wanted.taken}):
            yield failure(
                f"{', '.join(swallowed)} is set by Grafana or the rule itself: the column is lost,"
                " and rows that differ only there become one",
                PROJECT,
            )
    twice = [
        labels
        for labels, count in Counter(label_sets(QueryResponse(tuple(frames)))).items()
        if count > 1
    ]
    if twice:
        shown = ", ".join(f"{name}={value}" for name, value in sorted(twice[0]))
        yield failure(
            f"{counted(len(twice), 'label set')} more than once, such as {{{shown}}}: Grafana makes"
            " the whole rule an error",
            PROJECT,
        )


def _one_number(frame: Frame) -> Iterator[Finding]:
    numbers = frame.of_type("number")
    if len(numbers) != 1:
        yield failure(
            f"{counted(len(numbers), 'number')} in a row ({_names(numbers)}) where a rule takes"
            " exactly one",
            MATERIAL,
        )
    elif frame.type != "numeric-long":
        yield failure(
            f"a frame of type {frame.type or 'none'} where a rule takes numeric-long", MATERIAL
        )
    if any(
        value is None or not math.isfinite(float(str(value)))
        for field in numbers
        for value in field.values
    ):
        yield failure("a number is missing: that row would be NoData", PROJECT)


def _declared(frames: Sequence[Frame], wanted: AnswerNeeds) -> Iterator[Finding]:
    """Declared columns that Infinity turned into labels are gone from the fields."""
    if wanted.columns is None:
        return
    labels = {name for frame in frames for field in frame.fields for name in field.labels}
    yield from _typed(
        frames,
        {
            name: FIELD_TYPES[kind]
            for name, kind in wanted.columns.items()
            if kind in FIELD_TYPES and name not in labels
        },
    )


def _typed(frames: Sequence[Frame], types: Mapping[str, str]) -> Iterator[Finding]:
    for frame in frames:
        for name, kind in types.items():
            field = frame.field(name)
            if field is None:
                yield failure(f"no column {name}", MATERIAL)
            elif field.type != kind:
                yield failure(
                    f"{name} is of type {field.type} and has to be of type {kind}", MATERIAL
                )


def _undrawable(fields: Collection[Field] | Iterator[Field]) -> Iterator[Finding]:
    if others := list(fields):
        yield failure(f"{_names(others)} of a type that no panel shows", MATERIAL)


def _names(fields: Sequence[Field]) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in fields) or "none"


JUDGES: Mapping[Needs, Callable[[Sequence[Frame], AnswerNeeds], Iterator[Finding]]] = {
    Needs.BAND: _band,
    Needs.SERIES: _series,
    Needs.STATES: _states,
    Needs.TABLE: _table,
    Needs.ALERT: _alert,
    Needs.ANNOTATIONS: _annotations,
    Needs.VARIABLE: _variable,
}


def worst(findings: Collection[Finding]) -> Level:
    """The gravest level of some findings."""
    return max((finding.level for finding in findings), key=list(Level).index, default=Level.OK)
