"""Whether frames are what a panel, an annotation or a variable can show. Pure.

The rules are those of Infinity's framing: a panel finds its band by bare field names.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from plugin.commands.grafana.answer_needs import AnswerNeeds
from plugin.commands.grafana.findings import Finding, counted, failure, warning
from plugin.commands.grafana.frames import AnswerFrame, Field
from plugin.commands.grafana.remedies import PROJECT, SHIPPED_FILE

# Type of an Infinity column -> type of a field.
FIELD_TYPES = {
    "string": "string",
    "number": "number",
    "boolean": "boolean",
    "timestamp": "time",
    "timestamp_epoch": "time",
    "timestamp_epoch_s": "time",
}
ANNOTATION_TYPES = {
    "time": "time",
    "timeEnd": "time",
    "title": "string",
    "text": "string",
    "tags": "string",
}


def judge_band(frames: Sequence[AnswerFrame], needs: AnswerNeeds) -> Iterator[Finding]:
    """A panel that fills between the fields `lower` and `upper`."""
    if len(frames) > 1:
        yield failure(
            f"{len(frames)} frames: Grafana puts the frame's name before each field's, and no field"
            " to fill down to is found",
            SHIPPED_FILE,
        )
    labelled = sorted({field.name for frame in frames for field in frame.fields if field.labels})
    if labelled:
        yield failure(
            f"labels on {', '.join(labelled)}: names are no longer bare, and no field to fill down"
            " to is found",
            SHIPPED_FILE,
        )
    yield from judge_series(frames, needs)


def judge_series(frames: Sequence[AnswerFrame], needs: AnswerNeeds) -> Iterator[Finding]:
    """A panel that draws numbers over time."""
    for frame in frames:
        if strings := frame.of_type("string"):
            yield failure(
                f"text in {names_with_types(strings)} where series are drawn: rows are not in order"
                " of time, or a column has no number at all and no declared type",
                SHIPPED_FILE,
            )
        if not frame.of_type("number"):
            yield failure("no number to draw", SHIPPED_FILE)
    yield from _timed(frames, needs)


def judge_states(frames: Sequence[AnswerFrame], needs: AnswerNeeds) -> Iterator[Finding]:
    """A panel that shows numbers or words over time."""
    if not all(frame.of_type("number", "string") for frame in frames):
        yield failure("no number to draw", SHIPPED_FILE)
    yield from _timed(frames, needs)


def _timed(frames: Sequence[AnswerFrame], needs: AnswerNeeds) -> Iterator[Finding]:
    for frame in frames:
        yield from _times(frame)
        yield from _undrawable(frame.of_type("other"))
    yield from _declared(frames, needs)


def _times(frame: AnswerFrame) -> Iterator[Finding]:
    """Each row of a series must have one time, later than that of the row before."""
    times = frame.of_type("time")
    if len(times) != 1:
        yield failure(
            f"{counted(len(times), 'field')} of type time where exactly one belongs: "
            "is the column declared as timestamp_epoch?",
            SHIPPED_FILE,
        )
        return
    row_times = [float(str(time)) for time in times[0].values if time is not None]
    if len(row_times) < frame.rows:
        yield failure(
            f"{frame.rows - len(row_times)} of {counted(frame.rows, 'row')} have no time", PROJECT
        )
    steps = [second - first for first, second in itertools.pairwise(row_times)]
    if any(step < 0 for step in steps):
        yield failure("times go back: Grafana needs rows in order of time", PROJECT)
    elif any(step == 0 for step in steps):
        yield failure(
            "several rows of one time: the rows of several series are mixed", SHIPPED_FILE
        )


def judge_table(frames: Sequence[AnswerFrame], needs: AnswerNeeds) -> Iterator[Finding]:
    """A table."""
    if needs.columns == {}:
        yield warning(
            "no columns declared: their types change with what the first row holds", SHIPPED_FILE
        )
    yield from _undrawable(field for frame in frames for field in frame.of_type("other"))
    yield from _declared(frames, needs)


def judge_annotations(frames: Sequence[AnswerFrame], needs: AnswerNeeds) -> Iterator[Finding]:
    """The marks on the panels of a dashboard."""
    yield from _typed(frames, ANNOTATION_TYPES)
    times = [field for frame in frames for field in frame.fields if field.name == "time"]
    if any(None in field.values for field in times):
        yield failure("an annotation without a time", PROJECT)


def judge_variable(frames: Sequence[AnswerFrame], needs: AnswerNeeds) -> Iterator[Finding]:
    """The values of a variable of a dashboard."""
    fields = [field for frame in frames for field in frame.fields]
    if len(fields) != 1 or fields[0].type != "string":
        yield failure(
            f"one column of text is needed, and there is {names_with_types(fields)}", SHIPPED_FILE
        )


def _declared(frames: Sequence[AnswerFrame], needs: AnswerNeeds) -> Iterator[Finding]:
    """Whether the declared columns have their types; those that Infinity has made labels are no
    fields any more."""
    if needs.columns is None:
        return
    labels = {name for frame in frames for field in frame.fields for name in field.labels}
    yield from _typed(
        frames,
        {
            name: FIELD_TYPES[kind]
            for name, kind in needs.columns.items()
            if kind in FIELD_TYPES and name not in labels
        },
    )


def _typed(frames: Sequence[AnswerFrame], types: Mapping[str, str]) -> Iterator[Finding]:
    for frame in frames:
        for name, kind in types.items():
            field = frame.field(name)
            if field is None:
                yield failure(f"no column {name}", SHIPPED_FILE)
            elif field.type != kind:
                yield failure(
                    f"{name} is of type {field.type} and has to be of type {kind}", SHIPPED_FILE
                )


def _undrawable(fields: Iterable[Field]) -> Iterator[Finding]:
    if unknown_fields := list(fields):
        yield failure(
            f"{names_with_types(unknown_fields)} of a type that no panel shows", SHIPPED_FILE
        )


def names_with_types(fields: Sequence[Field]) -> str:
    """`time (time), value (number)`."""
    return ", ".join(f"{field.name} ({field.type})" for field in fields) or "none"
