"""The check of one dashboard: its variables in their order, then each annotation and panel."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from plugin.commands.grafana.findings import (
    Finding,
    Level,
    counted,
    failure,
    ok,
    warning,
    worst_level,
)
from plugin.commands.grafana.frames import QueryResponse
from plugin.commands.grafana.judge import judge
from plugin.commands.grafana.panel_queries import (
    Model,
    PanelQuery,
    annotation_queries,
    model,
    panel_queries,
    time_range,
    variable_query,
    variables,
)
from plugin.commands.grafana.remedies import SCRAPE, SOURCES, WAIT, remedy_for
from plugin.commands.grafana.shipped import INFINITY, PROMETHEUS
from plugin.commands.grafana.variables import (
    LABEL_VALUES,
    QUERY_RESULT,
    Everything,
    escape_matched,
    escape_matcher,
    fill,
    names_in,
    result_texts,
    through_regex,
)
from plugin.errors import GrafanaError

NO_ANSWER = QueryResponse(error="no answer to this query")
# of a variable's `sort`
ASCENDING_SORTS = (1, 5, 7)
DESCENDING_SORTS = (2, 6, 8)


class Asker(Protocol):
    """Runs queries, as Grafana does."""

    def query(self, targets: list[Model], start: int, end: int) -> Mapping[str, QueryResponse]:
        """The answers by refId; times in unix seconds."""

    def label_values(self, source: str, label: str, match: str, start: int, end: int) -> list[str]:
        """The values of a label in a Prometheus data source. Raises GrafanaError."""


@dataclass(frozen=True)
class Sources:
    """The data sources of Grafana: (uid, type), the default ones first; and the types that cannot
    answer now."""

    known: tuple[tuple[str, str], ...]
    unusable_types: tuple[str, ...] = ()

    def first(self, kind: str) -> str | None:
        """The uid of the first data source of a type; None = there is none."""
        return next((uid for uid, source_type in self.known if source_type == kind), None)


@dataclass
class Dashboard:
    """One dashboard under check. `values` fills up with the variables as they are resolved."""

    content: Model
    asker: Asker
    sources: Sources
    now: int  # unix seconds
    values: dict[str, str] = field(default_factory=dict)
    unresolved: set[str] = field(default_factory=set)  # variables without a value
    # variable -> how queries of Prometheus write its value for a bare `$name`
    escapes: dict[str, Callable[[str], str]] = field(default_factory=dict)

    def check(self) -> Iterator[tuple[str, Finding]]:
        """What was looked at, and a finding: of each variable, annotation and panel target."""
        queries = (*annotation_queries(self.content), *panel_queries(self.content))
        kinds = {
            model(target["datasource"]).get("type") for query in queries for target in query.targets
        }
        if kinds & set(self.sources.unusable_types):
            yield "queries", warning("not asked: the data source cannot answer now", SOURCES)
            return
        for variable in variables(self.content):
            yield from (
                (f"variable {variable.get('name')}", finding) for finding in self._resolve(variable)
            )
        answers = 0
        rows = 0
        for query in queries:
            for reference, findings, answer in self._ask(query):
                name = query.name if len(query.targets) == 1 else f"{query.name}, query {reference}"
                yield from ((name, finding) for finding in findings)
                if answer is not None and not answer.error:
                    answers += 1
                    rows += answer.rows
        if answers and not rows:
            yield (
                "all panels",
                warning(f"none of {counted(answers, 'request')} found a row", SCRAPE),
            )

    def _resolve(self, variable: Model) -> list[Finding]:
        name = str(variable.get("name"))
        options, findings = self._options(variable)
        options = through_regex(options, str(variable.get("regex") or ""))
        if variable.get("sort") in (*ASCENDING_SORTS, *DESCENDING_SORTS):
            options = sorted(options, reverse=variable.get("sort") in DESCENDING_SORTS)
        if not options and variable.get("includeAll") and variable.get("allValue"):
            options = [Everything(variable["allValue"])]
        several = variable.get("multi") or variable.get("includeAll")
        self.escapes[name] = escape_matched if several else escape_matcher
        if options:
            self.values[name] = options[0]
        elif variable.get("type") != "adhoc":
            self.unresolved.add(name)
        if worst_level(findings) is not Level.OK:
            return findings
        if not options:
            return [warning("offers no value", WAIT)]
        return [ok(f"{counted(len(options), 'value')}, the first is {options[0]}")]

    def _options(self, variable: Model) -> tuple[list[str], list[Finding]]:
        """What a variable offers, and what is wrong with that."""
        kind = variable.get("type")
        source = model(fill(model(variable.get("datasource")), self.values))
        if kind == "datasource":
            first = self.sources.first(str(variable.get("query")))
            if first:
                return [first], []
            text = f"Grafana has no data source of type {variable.get('query')}"
            return [], [failure(text, SOURCES)]
        if kind == "query" and (query := variable_query(variable)):
            [(_, findings, answer)] = self._ask(query)
            texts = (
                [
                    str(value)
                    for frame in answer.frames
                    for column in frame.fields[:1]
                    for value in column.values
                    if value
                ]
                if answer
                else []
            )
            return texts, findings
        if kind == "query" and source.get("type") == PROMETHEUS:
            return self._prometheus_options(variable, source)
        if kind == "query":
            return [], [warning(f"queries of {source.get('type')} are not checked", SOURCES)]
        current = model(variable.get("current")).get("value")
        if current and isinstance(current, str):
            return [current], []
        first, _, _ = str(variable.get("query") or "").partition(",")
        return [first.split(" : ")[-1].strip()], []

    def _prometheus_options(
        self, variable: Model, source: Model
    ) -> tuple[list[str], list[Finding]]:
        query = variable.get("query")
        definition = str(query.get("query") if isinstance(query, Mapping) else query)
        if missing := sorted(names_in(variable) & self.unresolved):
            return [], [_unasked(missing)]
        text = str(fill(definition, self.values, self.escapes))
        start, end = time_range(self.content, self.now)
        if match := LABEL_VALUES.fullmatch(text):
            try:
                return self.asker.label_values(
                    str(source.get("uid")), match["label"], match["match"] or "", start, end
                ), []
            except GrafanaError as error:
                return [], [failure(error.text, error.remedy)]
        if match := QUERY_RESULT.fullmatch(text):
            target = {
                "refId": "variable",
                "datasource": source,
                "expr": match["expr"],
                "instant": True,
                "range": False,
                "format": "time_series",
            }
            answer = self.asker.query([target], start, end).get("variable", NO_ANSWER)
            findings = (
                [failure(f"Grafana says: {answer.error}", remedy_for(answer.error))]
                if answer.error
                else []
            )
            return result_texts(answer), findings
        return [], [warning(f"{definition} is of no form that is checked", SOURCES)]

    def _ask(self, query: PanelQuery) -> list[tuple[str, list[Finding], QueryResponse | None]]:
        """(refId, findings, answer) of each target."""
        references = [str(target["refId"]) for target in query.targets]
        if missing := sorted(set().union(*map(names_in, query.targets)) & self.unresolved):
            return [(reference, [_unasked(missing)], None) for reference in references]
        targets = [self._filled(target) for target in query.targets]
        start, end = time_range(self.content, self.now)
        if query.seconds is not None:
            start = self.now - query.seconds
            end = self.now
        answers = self.asker.query(targets, start, end)
        return [
            (
                reference,
                judge(answers.get(reference, NO_ANSWER), query.needs[reference]),
                answers.get(reference, NO_ANSWER),
            )
            for reference in references
        ]

    def _filled(self, target: Model) -> Model:
        source = model(fill(model(target["datasource"]), self.values))
        escapes = {} if source.get("type") == INFINITY else self.escapes
        return {**model(fill(target, self.values, escapes)), "datasource": source}


def _unasked(missing: list[str]) -> Finding:
    return warning(f"not asked: no value for {', '.join(missing)}", WAIT)
