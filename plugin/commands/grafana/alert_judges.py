"""Whether frames are what an alert rule can evaluate. Pure.

The rules are those of Grafana's alerting: a rule takes one number per row, whose labels are all
string columns; the queries of a rule are joined by equal labels.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from plugin.commands.grafana.answer_needs import AnswerNeeds
from plugin.commands.grafana.findings import Finding, counted, failure, ok
from plugin.commands.grafana.frames import AnswerFrame, QueryResponse
from plugin.commands.grafana.panel_judges import names_with_types
from plugin.commands.grafana.remedies import PROJECT, SHIPPED_FILE

RESERVED_LABELS = ("alertname", "grafana_folder")  # Grafana sets them on every alert
LabelSet = frozenset[tuple[str, str]]


def judge_alert(frames: Sequence[AnswerFrame], needs: AnswerNeeds) -> Iterator[Finding]:
    """The rows of one query of a rule."""
    if len(frames) != 1:
        yield failure(f"{len(frames)} frames where a rule takes one", SHIPPED_FILE)
    for frame in frames:
        yield from _one_number(frame)
        for kind in ("time", "boolean", "other"):
            if fields := frame.of_type(kind):
                yield failure(
                    f"{names_with_types(fields)} of type {kind} beside the number", SHIPPED_FILE
                )
        names = {field.name for field in frame.of_type("string")}
        if overwritten := sorted(names & {*RESERVED_LABELS, *needs.rule_labels}):
            yield failure(
                f"{', '.join(overwritten)} is set by Grafana or the rule itself: the column is"
                " lost, and rows that differ only there become one",
                PROJECT,
            )
    counts = Counter(label_sets(QueryResponse(tuple(frames))))
    repeated = [labels for labels, count in counts.items() if count > 1]
    if repeated:
        yield failure(
            f"{counted(len(repeated), 'label set')} more than once, such as {_text(repeated[0])}:"
            " Grafana makes the whole rule an error",
            PROJECT,
        )


def _one_number(frame: AnswerFrame) -> Iterator[Finding]:
    numbers = frame.of_type("number")
    if len(numbers) != 1:
        yield failure(
            f"{counted(len(numbers), 'number')} in a row ({names_with_types(numbers)}) where a rule"
            " takes exactly one",
            SHIPPED_FILE,
        )
    elif frame.type != "numeric-long":
        yield failure(
            f"a frame of type {frame.type or 'none'} where a rule takes numeric-long", SHIPPED_FILE
        )
    if any(
        value is None or not math.isfinite(float(str(value)))
        for field in numbers
        for value in field.values
    ):
        yield failure("a number is missing: that row would be NoData", PROJECT)


def judge_together(answers: Mapping[str, QueryResponse]) -> list[Finding]:
    """Whether all queries of one rule have the same label sets.

    answers: by refId, first the one that the condition reads. A set that the others lack makes
    `[no value]` in a text; if one is empty, newer Grafana makes the rule NoData.
    """
    sets = {name: set(label_sets(answer)) for name, answer in answers.items() if not answer.error}
    first, *other_names = sets
    findings = []
    for other in other_names:
        only_first = sets[first] - sets[other]
        only_other = sets[other] - sets[first]
        if only_first or only_other:
            findings.append(
                failure(
                    f"queries {first} and {other} have different rows: {len(only_first)} only in"
                    f" {first}, {len(only_other)} only in {other}, such as"
                    f" {_text(next(iter(only_first or only_other)))}",
                    PROJECT,
                )
            )
    return findings or [
        ok(f"queries {', '.join(sets)} have the same {counted(len(sets[first]), 'row')}")
    ]


def judge_stable(first: QueryResponse, second: QueryResponse) -> list[Finding]:
    """Two answers to one query of a rule, a moment apart: strings of a series must not have
    changed.

    Each new value would be a new alert, and the old one would resolve.
    """
    old, new = (
        {_identity(labels): labels for labels in label_sets(answer)} for answer in (first, second)
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
    """The labels of each row: all its strings; "" is the same as none (DP sdata/numeric)."""
    return [
        frozenset(
            (field.name, str(field.values[row]))
            for field in frame.of_type("string")
            if field.values[row]
        )
        for frame in answer.frames
        for row in range(frame.rows)
    ]


def _text(labels: LabelSet) -> str:
    return f"{{{', '.join(f'{name}={value}' for name, value in sorted(labels))}}}"


def _identity(labels: LabelSet) -> LabelSet:
    return frozenset(pair for pair in labels if pair[0] in ("watch", "series"))
