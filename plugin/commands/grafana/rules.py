"""One alert rule: loaded, evaluated, and its queries asked and judged."""

from collections.abc import Iterator, Mapping

from plugin.commands.grafana.dashboards import Asker, Sources
from plugin.commands.grafana.findings import Finding, counted, failure, ok, warning
from plugin.commands.grafana.frames import QueryResponse
from plugin.commands.grafana.judge import AnswerNeeds, Needs, judge, judge_stable, judge_together
from plugin.commands.grafana.queries import Model, model, models
from plugin.commands.grafana.remedies import SOURCES, remedy_for
from plugin.commands.grafana.shipped import INFINITY, PAUSED

EXPRESSIONS = ("__expr__", "-100")
TICK = 10  # seconds: Grafana evaluates at multiples of it


def check_rule(
    rule: Model, asker: Asker, sources: Sources, now: int
) -> Iterator[tuple[str, Finding]]:
    """Runs the queries of a rule as its evaluation does, all with one `to`, and a second time a
    tick earlier."""
    queries, seconds = rule_queries(rule)
    if INFINITY in sources.out_of_order:
        yield "queries", warning("not asked: the data source cannot answer now", SOURCES)
        return
    end = now // TICK * TICK
    answers = asker.query(queries, end - seconds, end)
    labels = model(rule.get("labels"))
    read = {
        str(query["refId"]): answers.get(
            str(query["refId"]), QueryResponse(error="no answer to this query")
        )
        for query in queries
    }
    for reference, answer in read.items():
        for finding in judge(answer, wanted(queries, reference, labels)):
            yield f"query {reference}", finding
    good = {reference: answer for reference, answer in read.items() if not answer.error}
    if len(good) > 1:
        yield from (("queries together", finding) for finding in judge_together(good))
    if good:
        before = asker.query(queries[:1], end - TICK - seconds, end - TICK)
        reference = next(iter(good))
        if reference in before:
            yield from (
                (f"query {reference}", finding)
                for finding in judge_stable(before[reference], good[reference])
            )


def rule_queries(rule: Model) -> tuple[list[Model], int]:
    """The queries of a rule that go to a data source, the one that the condition reads first; the
    range in seconds."""
    data = models(rule.get("data"))
    condition = next(
        (
            model(entry.get("model"))
            for entry in data
            if entry.get("refId") == rule.get("condition")
        ),
        {},
    )
    first = str(
        condition.get("expression") or condition.get("refId") or rule.get("condition")
    ).lstrip("$")
    asked = [entry for entry in data if entry.get("datasourceUid") not in EXPRESSIONS]
    asked.sort(key=lambda entry: entry.get("refId") != first)
    ranges = [model(entry.get("relativeTimeRange")).get("from") for entry in asked]
    queries: list[Model] = [
        {
            **model(entry.get("model")),
            "refId": entry.get("refId"),
            "datasource": {
                "type": INFINITY,
                **model(model(entry.get("model")).get("datasource")),
                "uid": entry.get("datasourceUid"),
            },
        }
        for entry in asked
    ]
    return queries, max((value for value in ranges if isinstance(value, int)), default=600)


def wanted(queries: list[Model], reference: str, labels: Model) -> AnswerNeeds:
    [query] = [query for query in queries if query["refId"] == reference]
    declared = {
        str(column.get("text") or column.get("selector")): str(column.get("type"))
        for column in models(query.get("columns"))
    }
    return AnswerNeeds(Needs.ALERT, declared, tuple(labels))


def state_of(rule: Model, states: list[Model]) -> Finding:
    """What Grafana says of a rule's last evaluation; found by uid, or by title where Grafana does
    not tell the uid."""
    if rule.get("isPaused") and rule.get("uid") in PAUSED:
        return ok("loaded, paused as it is shipped: docs/alerting.md says when to resume it")
    title = rule.get("title")
    mine = [state for state in states if state.get("uid") == rule.get("uid")]
    mine = mine or [
        state for state in states if not state.get("uid") and state.get("name") == title
    ]
    if not mine:
        return warning(
            "Grafana says nothing of its evaluation", "wait a minute for the first evaluation"
        )
    state = mine[0]
    health = str(mine[0].get("health"))
    said = str(state.get("lastError") or "")
    if health in ("error", "err"):
        return failure(
            f"its last evaluation failed: {said or 'Grafana gives no reason'}", remedy_for(said)
        )
    if rule.get("isPaused"):
        return warning("is paused: it will never fire", "resume it in Grafana, or remove it")
    if health == "unknown":
        return warning("has not been evaluated yet", "wait a minute, and check again")
    alerts = models(state.get("alerts"))
    shown = f", {counted(len(alerts), 'alert')}" if alerts else ""
    return ok(f"loaded, {state.get('state', 'no state')}, health {health}{shown}")


def rule_states(body: Mapping[str, object]) -> list[Model]:
    """The rules of `GET /api/prometheus/grafana/api/v1/rules`, without their groups."""
    return [
        rule
        for group in models(model(body.get("data")).get("groups"))
        for rule in models(group.get("rules"))
    ]
