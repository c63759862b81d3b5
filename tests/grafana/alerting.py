"""How Grafana evaluates an alert rule, as a model small enough to read: what would fire, and when.

Written from what a running Grafana did with Infinity's answers, and from the source of 11.6 to 13
where that one was too old (unloading threshold, keepFiringFor, KeepLast: grafana/grafana,
pkg/services/ngalert/state and pkg/expr). Notifications and screens are left out.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from tests.grafana.infinity import NUMERIC_LONG, QueryError, frame, request_of

Model = Mapping[str, Any]
Answer = tuple[int, str] | None  # status and body; None = nobody answers
Fetch = Callable[[str], Answer]  # a path with its query string
LabelSet = frozenset[
    tuple[str, str]
]  # without empty values: absent, null and "" are the same to Grafana
Table = Mapping[LabelSet, float | None]

NORMAL = "Normal"
PENDING = "Pending"
ALERTING = "Alerting"
RECOVERING = "Recovering"
NO_DATA = "NoData"
ERROR = "Error"
KEEP_LAST = "KeepLast"
OK = "OK"
MISSING = "MissingSeries"
RESERVED = frozenset({"alertname", "grafana_folder"})  # set by Grafana
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
EVALUATIONS_TO_RESOLVE = 2  # without the row of an alert


@dataclass(frozen=True)
class Rule:
    """A rule of a provisioning file; durations in seconds."""

    queries: Mapping[str, Model]  # by refId
    begin: float  # of the queries' range, before the tick
    condition: str  # refId that the threshold reads
    above: float
    below: float | None = None  # once above, normal again only under this
    wait: float = 0  # `for`
    keep: float = 0  # `keepFiringFor`
    no_data: str = NO_DATA
    error: str = ERROR
    interval: float = 60
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, rule: Model, interval: str) -> Self:
        models = {each["refId"]: each["model"] for each in rule["data"]}
        threshold = models.pop(rule["condition"])
        [condition] = threshold["conditions"]
        unload = condition.get("unloadEvaluator")
        return cls(
            queries=models,
            begin=rule["data"][0]["relativeTimeRange"]["from"],
            condition=threshold["expression"],
            above=condition["evaluator"]["params"][0],
            below=unload["params"][0] if unload else None,
            wait=seconds(rule["for"]),
            keep=seconds(rule.get("keepFiringFor", "0s")),
            no_data=rule["noDataState"],
            error=rule["execErrState"],
            interval=seconds(interval),
            labels=rule.get("labels", {}),
        )


@dataclass(frozen=True)
class Result:
    """What one evaluation says of one label set of the answer."""

    labels: LabelSet  # of the answer
    state: str  # NORMAL, ALERTING, NO_DATA or ERROR
    values: Mapping[str, float] = field(
        default_factory=dict
    )  # `$values`, by refId; absent = [no value]


@dataclass(frozen=True)
class Instance:
    """One alert of a rule."""

    labels: LabelSet  # of the answer and of the rule
    source: LabelSet  # of the answer
    state: str = NORMAL
    reason: str = ""
    since: float = 0  # unix seconds
    seen: float = 0  # the last evaluation that had its row
    values: Mapping[str, float] = field(default_factory=dict)

    @property
    def firing(self) -> bool:
        """Whether the Alertmanager has it as an alert; NoData and Error are alerts of other
        names."""
        return self.state in (ALERTING, RECOVERING)


class RuleError(Exception):
    """An evaluation failed as a whole."""


class Evaluator:
    """One rule with its instances."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._instances: dict[LabelSet, Instance] = {}

    def ask(self, fetch: Fetch, at: int) -> list[Instance]:
        """The evaluation of the tick `at` (unix seconds), its queries answered by `fetch`."""
        begin = round(at - self.rule.begin)
        return self.evaluate(
            {
                ref: fetch(request_of(model, begin, at).url)
                for ref, model in self.rule.queries.items()
            },
            at,
        )

    def evaluate(self, answers: Mapping[str, Answer], at: float) -> list[Instance]:
        """All instances after it; those whose row has been gone for too long are Normal
        (MissingSeries), once."""
        results = self._results(answers)
        states = {result.state for result in results}
        as_one = (
            states == {NO_DATA}
            and self.rule.no_data != NO_DATA
            or states == {ERROR}
            and self.rule.error != ERROR
        )
        if as_one and self._instances:
            results = [
                replace(results[0], labels=each.source, values=each.values)
                for each in self._instances.values()
            ]
        for result in results:
            after = self._moved(result, at)
            self._instances[after.labels] = after
        return [*self._drop_missing(at), *self._instances.values()]

    def firing(self) -> set[LabelSet]:
        """What the Alertmanager has as alerts of this rule."""
        return {labels for labels, instance in self._instances.items() if instance.firing}

    def _results(self, answers: Mapping[str, Answer]) -> list[Result]:
        try:
            tables = {
                ref: numbers(self.rule.queries[ref], answer) for ref, answer in answers.items()
            }
        except RuleError:
            return [Result(frozenset(), ERROR)]
        if not all(tables.values()):  # an empty answer to any query is NoData for the rule
            return [Result(frozenset(), NO_DATA)]
        # An alert that recovers, or was kept over an outage, has to pass the upper threshold again.
        loaded = {
            each.source
            for each in self._instances.values()
            if each.state in (ALERTING, PENDING) and not each.reason
        }
        return [
            Result(labels, self._judged(number, labels in loaded), dict(_values(tables, labels)))
            for labels, number in tables[self.rule.condition].items()
        ]

    def _judged(self, number: float | None, loaded: bool) -> str:
        if number is None:
            return NO_DATA
        if loaded and self.rule.below is not None:
            return NORMAL if number < self.rule.below else ALERTING
        return ALERTING if number > self.rule.above else NORMAL

    def _moved(self, result: Result, at: float) -> Instance:
        own = {name: value for name, value in result.labels if name not in RESERVED} | dict(
            self.rule.labels
        )
        labels = frozenset(own.items())
        before = self._instances.get(labels) or Instance(labels, result.labels, since=at)
        aim = {NO_DATA: self.rule.no_data, ERROR: self.rule.error}.get(result.state, result.state)
        state = self._next(before, NORMAL if aim == OK else aim, at - before.since)
        reason = result.state if state != result.state and result.state in (NO_DATA, ERROR) else ""
        return replace(
            before,
            source=result.labels,
            state=state,
            values=result.values,
            seen=at,
            reason=f"{reason}, {KEEP_LAST}" if reason and aim == KEEP_LAST else reason,
            since=before.since if state == before.state else at,
        )

    def _next(self, before: Instance, aim: str, passed: float) -> str:
        """The state that follows; passed: seconds in the state before."""
        if aim == KEEP_LAST:
            if before.state == PENDING:
                return ALERTING if passed >= self.rule.wait else PENDING
            aim = ALERTING if before.state == ALERTING else NORMAL
        if aim == NORMAL:
            recovers = before.state == RECOVERING and passed < self.rule.keep
            return (
                RECOVERING
                if recovers or before.state == ALERTING and self.rule.keep > 0
                else NORMAL
            )
        if aim == ALERTING:
            waits = before.state == PENDING and passed < self.rule.wait
            begins = before.state in (NORMAL, NO_DATA, ERROR) and self.rule.wait > 0
            return PENDING if waits or begins else ALERTING
        return aim

    def _drop_missing(self, at: float) -> Iterator[Instance]:
        for labels, each in list(self._instances.items()):
            if at - each.seen >= EVALUATIONS_TO_RESOLVE * self.rule.interval:
                yield replace(self._instances.pop(labels), state=NORMAL, reason=MISSING, since=at)


def numbers(query: Model, answer: Answer) -> Table:
    """An answer as alerting sees it: a number for each set of labels, which are all its columns of
    text.

    Raises RuleError: no frame, not exactly one column of numbers, or a label set twice.
    """
    if answer is None:
        raise RuleError("nobody answers")
    try:
        columns, kind = frame(query, *answer)
    except QueryError as error:
        raise RuleError(str(error)) from error
    if not columns:
        return {}
    numeric = [column.values for column in columns if column.type == "number"]
    if kind != NUMERIC_LONG or len(numeric) != 1:
        raise RuleError(f"{len(numeric)} columns of numbers")
    found: dict[LabelSet, float | None] = {}
    for row, number in enumerate(numeric[0]):
        labels = frozenset(
            (column.name, column.values[row])
            for column in columns
            if column.type == "string" and column.values[row]
        )
        if labels in found:
            raise RuleError(f"cannot uniquely be identified by its labels: {sorted(labels)}")
        found[labels] = number
    return found


def _values(tables: Mapping[str, Table], labels: LabelSet) -> Iterator[tuple[str, float]]:
    """Of each query the number whose labels are those of the condition, or contain them, or are
    contained in them."""
    for ref, table in tables.items():
        matching = (
            [labels]
            if labels in table
            else [each for each in table if each >= labels or each <= labels]
        )
        number = table[matching[0]] if matching else None
        if number is not None:
            yield ref, number


def seconds(duration: str) -> float:
    """`1h30m` -> 5400."""
    return sum(
        int(number) * SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhd])", duration)
    )
