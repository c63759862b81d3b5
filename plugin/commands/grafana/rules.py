"""The check of one alert rule: is it loaded and evaluated, and do its queries get what it needs?"""

from collections.abc import Iterator, Mapping

from plugin.commands.grafana.alert_judges import judge_stable, judge_together
from plugin.commands.grafana.answer_needs import AnswerNeeds, Purpose
from plugin.commands.grafana.dashboards import Asker, Sources
from plugin.commands.grafana.findings import Finding, counted, failure, ok, warning
from plugin.commands.grafana.frames import QueryResponse
from plugin.commands.grafana.judge import judge
from plugin.commands.grafana.panel_queries import Model, model, models
from plugin.commands.grafana.remedies import SOURCES, remedy_for
from plugin.commands.grafana.shipped import INFINITY, PAUSED_RULES

EXPRESSIONS = ("__expr__", "-100")
TICK_SECONDS = 10  # Grafana evaluates at multiples of it


def check_rule(
    rule: Model, asker: Asker, sources: Sources, now: int
) -> Iterator[tuple[str, Finding]]:
    """Runs the queries of a rule as its evaluation does, all with one `to`, and a second time a
    tick earlier."""
    queries, seconds = rule_queries(rule)
    if INFINITY in sources.unusable_types:
        yield "queries", warning("not asked: the data source cannot answer now", SOURCES)
        return
    end = now // TICK_SECONDS * TICK_SECONDS
    answers = asker.query(queries, end - seconds, end)
    labels = model(rule.get("labels"))
    by_reference = {
        str(query["refId"]): answers.get(
            str(query["refId"]), QueryResponse(error="no answer to this query")
        )
        for query in queries
    }
    for reference, answer in by_reference.items():
        for finding in judge(answer, rule_needs(queries, reference, labels)):
            yield f"query {reference}", finding
    answered = {reference: answer for reference, answer in by_reference.items() if not answer.error}
    if len(answered) > 1:
        yield from (("queries together", finding) for finding in judge_together(answered))
    if answered:
        earlier_end = end - TICK_SECONDS
        earlier = asker.query(queries[:1], earlier_end - seconds, earlier_end)
        reference = next(iter(answered))
        if reference in earlier:
            yield from (
                (f"query {reference}", finding)
                for finding in judge_stable(earlier[reference], answered[reference])
            )


def rule_queries(rule: Model) -> tuple[list[Model], int]:
    """The queries of a rule that go to a data source, and their range in seconds.

    The query that the condition reads comes first.
    """
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
    entries = [entry for entry in data if entry.get("datasourceUid") not in EXPRESSIONS]
    entries.sort(key=lambda entry: entry.get("refId") != first)
    ranges = [model(entry.get("relativeTimeRange")).get("from") for entry in entries]
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
        for entry in entries
    ]
    return queries, max((value for value in ranges if isinstance(value, int)), default=600)


def rule_needs(queries: list[Model], reference: str, labels: Model) -> AnswerNeeds:
    """What a rule with these labels needs of one of its queries."""
    [query] = [query for query in queries if query["refId"] == reference]
    declared = {
        str(column.get("text") or column.get("selector")): str(column.get("type"))
        for column in models(query.get("columns"))
    }
    return AnswerNeeds(Purpose.ALERT, declared, tuple(labels))


def state_of(rule: Model, states: list[Model]) -> Finding:
    """What Grafana says of a rule's last evaluation.

    The rule is found by uid, or by title where Grafana does not tell the uid.
    """
    if rule.get("isPaused") and rule.get("uid") in PAUSED_RULES:
        return ok("loaded, paused as it is shipped: docs/alerting.md says when to resume it")
    title = rule.get("title")
    matching = [state for state in states if state.get("uid") == rule.get("uid")] or [
        state for state in states if not state.get("uid") and state.get("name") == title
    ]
    if not matching:
        return warning(
            "Grafana says nothing of its evaluation", "wait a minute for the first evaluation"
        )
    state = matching[0]
    health = str(state.get("health"))
    message = str(state.get("lastError") or "")
    if health in ("error", "err"):
        return failure(
            f"its last evaluation failed: {message or 'Grafana gives no reason'}",
            remedy_for(message),
        )
    if rule.get("isPaused"):
        return warning("is paused: it will never fire", "resume it in Grafana, or remove it")
    if health == "unknown":
        return warning("has not been evaluated yet", "wait a minute, and check again")
    alerts = models(state.get("alerts"))
    alert_count = f", {counted(len(alerts), 'alert')}" if alerts else ""
    return ok(f"loaded, {state.get('state', 'no state')}, health {health}{alert_count}")


def rule_states(body: Mapping[str, object]) -> list[Model]:
    """The rules of `GET /api/prometheus/grafana/api/v1/rules`, without their groups."""
    return [
        rule
        for group in models(model(body.get("data")).get("groups"))
        for rule in models(group.get("rules"))
    ]
