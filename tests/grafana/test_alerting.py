"""The model of Grafana's alerting against what a running Grafana did, and what the source of newer
ones says."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.grafana.alerting import (
    ALERTING,
    ERROR,
    KEEP_LAST,
    MISSING,
    NO_DATA,
    NORMAL,
    OK,
    PENDING,
    RECOVERING,
    Answer,
    Evaluator,
    Rule,
    RuleError,
    numbers,
    seconds,
)

QUERY = {
    "refId": "A",
    "type": "json",
    "source": "url",
    "parser": "backend",
    "format": "table",
    "root_selector": "",
    "url": "/alert",
    "url_options": {"params": [{"key": "to", "value": "${__timeTo}"}]},
    "columns": [],
}
STEP = 10  # seconds between evaluations
RULE = Rule(queries={"A": QUERY}, begin=900, condition="A", above=1, interval=STEP)
NOBODY: Answer = None


def rows(*given: Mapping[str, Any]) -> Answer:
    return 200, json.dumps(given)


def scores(**scored: float | None) -> Answer:
    """A row for each job."""
    return rows(*({"job": job, "score": score} for job, score in scored.items()))


def run(rule: Rule, *answers: Answer) -> list[dict[str, str]]:
    """The state of each job after each evaluation, with its reason; "-" for what has no job."""
    evaluator = Evaluator(rule)
    return [
        {
            dict(each.labels).get("job", "-"): f"{each.state} {each.reason}".strip()
            for each in evaluator.evaluate({"A": answer}, at)
        }
        for at, answer in zip(range(0, STEP * len(answers), STEP), answers, strict=True)
    ]


def states(rule: Rule, *given: float) -> list[str]:
    """The state of one job after each evaluation."""
    return [after["a"] for after in run(rule, *(scores(a=score) for score in given))]


def test_each_row_is_an_alert_of_its_own() -> None:
    assert run(RULE, scores(a=2.5, b=1.4, c=0.2)) == [{"a": ALERTING, "b": ALERTING, "c": NORMAL}]


def test_it_resolves_with_the_next_evaluation_and_waits_for_as_long_as_it_is_told() -> None:
    assert states(RULE, 2, 0.5) == [ALERTING, NORMAL]
    assert states(replace(RULE, wait=30), 2, 2, 2, 2, 0.5, 2) == [PENDING] * 3 + [
        ALERTING,
        NORMAL,
        PENDING,
    ]


def test_a_row_that_vanishes_resolves_at_the_second_evaluation_and_fires_at_once_when_back() -> (
    None
):
    both = scores(a=2, b=2)
    alone = scores(b=2)
    assert run(replace(RULE, keep=600), both, alone, alone, alone, both) == [
        {"a": ALERTING, "b": ALERTING},
        {"a": ALERTING, "b": ALERTING},
        {"a": f"{NORMAL} {MISSING}", "b": ALERTING},
        {"b": ALERTING},
        {"a": ALERTING, "b": ALERTING},
    ]


@pytest.mark.parametrize(
    ("answer", "state"), [(rows(), NO_DATA), (NOBODY, ERROR), ((500, "{}"), ERROR)]
)
def test_an_outage_resolves_what_fires_unless_told_otherwise(answer: Answer, state: str) -> None:
    """It adds an alert of another name at once and resolves the others with the second; both end
    with the outage."""
    fires = scores(a=2)
    assert run(RULE, fires, answer, answer, fires, fires, fires) == [
        {"a": ALERTING},
        {"a": ALERTING, "-": state},
        {"a": f"{NORMAL} {MISSING}", "-": state},
        {"a": ALERTING, "-": state},
        {"a": ALERTING, "-": f"{NORMAL} {MISSING}"},
        {"a": ALERTING},
    ]


@pytest.mark.parametrize(("answer", "state"), [(rows(), NO_DATA), (NOBODY, ERROR)])
def test_keep_last_keeps_all_as_it_was_for_as_long_as_it_takes(answer: Answer, state: str) -> None:
    rule = replace(RULE, no_data=KEEP_LAST, error=KEEP_LAST)
    kept = f" {state}, {KEEP_LAST}"
    assert run(rule, scores(a=2, b=0), *[answer] * 50, scores(a=2, b=0)) == [
        {"a": ALERTING, "b": NORMAL},
        *[{"a": ALERTING + kept, "b": NORMAL + kept}] * 50,
        {"a": ALERTING, "b": NORMAL},
    ]
    assert run(rule, answer, scores(a=2)) == [
        {"-": NORMAL + kept},
        {"a": ALERTING, "-": NORMAL + kept},
    ]


def test_keep_last_lets_the_clocks_run() -> None:
    rule = replace(RULE, error=KEEP_LAST, wait=20, keep=20)
    waiting = [after["a"] for after in run(rule, scores(a=2), NOBODY, NOBODY)]
    assert waiting == [
        PENDING,
        f"{PENDING} {ERROR}, {KEEP_LAST}",
        f"{ALERTING} {ERROR}, {KEEP_LAST}",
    ]
    recovering = [
        after["a"] for after in run(replace(rule, wait=0), scores(a=2), scores(a=0), NOBODY, NOBODY)
    ]
    assert recovering == [
        ALERTING,
        RECOVERING,
        f"{RECOVERING} {ERROR}, {KEEP_LAST}",
        f"{NORMAL} {ERROR}, {KEEP_LAST}",
    ]


@pytest.mark.parametrize("choice", ["no_data", "error"])
def test_no_data_and_errors_can_alert_or_count_as_fine(choice: str) -> None:
    answer, state = (rows(), NO_DATA) if choice == "no_data" else (NOBODY, ERROR)
    alerting = replace(RULE, no_data=ALERTING, error=ALERTING, wait=20)
    assert run(alerting, answer, answer, answer) == [{"-": f"{PENDING} {state}"}] * 2 + [
        {"-": f"{ALERTING} {state}"}
    ]
    assert run(replace(RULE, no_data=OK, error=OK), scores(a=2), answer)[1] == {
        "a": f"{NORMAL} {state}"
    }


def test_one_row_without_a_number_is_without_data_alone() -> None:
    assert run(RULE, scores(a=None, b=2)) == [{"a": NO_DATA, "b": ALERTING}]
    kept = run(replace(RULE, no_data=KEEP_LAST), scores(a=2, b=2), scores(a=None, b=2))[1]
    assert kept == {"a": f"{ALERTING} {NO_DATA}, {KEEP_LAST}", "b": ALERTING}


def test_the_second_threshold_keeps_an_alert_until_it_is_passed() -> None:
    after = states(replace(RULE, below=0.8), 0.9, 1, 1.1, 0.9, 0.8, 0.79, 0.9)
    assert after == [NORMAL, NORMAL, ALERTING, ALERTING, ALERTING, NORMAL, NORMAL]


def test_the_second_threshold_is_not_for_what_recovers_nor_for_what_was_kept() -> None:
    assert states(replace(RULE, below=0.8, keep=20), 2, 0.7, 0.9, 1.1, 0.9) == [
        ALERTING,
        RECOVERING,
        RECOVERING,
        ALERTING,
        ALERTING,
    ]
    rule = replace(RULE, below=0.8, error=KEEP_LAST)
    assert [after["a"] for after in run(rule, scores(a=2), NOBODY, scores(a=0.9))][-1] == NORMAL


def test_an_alert_is_kept_firing_after_its_last() -> None:
    assert states(replace(RULE, keep=30), 2, 0, 0, 2, 0, 0, 0, 0) == [
        ALERTING,
        RECOVERING,
        RECOVERING,
        ALERTING,
        RECOVERING,
        RECOVERING,
        RECOVERING,
        NORMAL,
    ]


@pytest.mark.parametrize(
    "given",
    [
        [{"job": "a", "score": 1}, {"job": "a", "score": 2}],
        [{"job": "a", "score": 1, "value": 2}],
        [{"job": "a", "code": "", "score": 1}, {"job": "a", "score": 2}],
        [{"job": "a", "score": None}],
        [{"job": "a", "score": "2.5"}],
        [{"score": 1}, {"score": 2}],
    ],
)
def test_what_cannot_be_told_apart_or_is_not_one_number_is_an_error(
    given: Sequence[Mapping[str, Any]],
) -> None:
    with pytest.raises(RuleError):
        numbers(QUERY, rows(*given))
    assert run(RULE, rows(*given)) == [{"-": ERROR}]


def test_text_is_a_label_whatever_it_says_and_empty_text_is_none() -> None:
    found = numbers(
        QUERY,
        rows({"code": "500", "zone": "", "up": True, "score": 1}, {"code": "007", "score": 2}),
    )
    assert found == {frozenset({("code", "500")}): 1, frozenset({("code", "007")}): 2}


def test_a_label_of_the_rule_swallows_a_column() -> None:
    """And rows that only this column told apart become one alert, without a word."""
    answer = rows(
        {"severity": "page", "alertname": "x", "score": 0}, {"severity": "ticket", "score": 2}
    )
    [instance] = Evaluator(replace(RULE, labels={"severity": "ticket"})).evaluate({"A": answer}, 0)
    assert (instance.labels, instance.state) == (frozenset({("severity", "ticket")}), ALERTING)


def test_a_second_query_is_matched_by_labels_whatever_its_order() -> None:
    rule = replace(RULE, queries={"A": QUERY, "B": QUERY})
    values = rows({"job": "b", "value": 7}, {"job": "a", "code": "500", "value": 5})
    found = {
        dict(each.labels)["job"]: each.values
        for each in Evaluator(rule).evaluate({"A": scores(a=2, b=2, c=2), "B": values}, 0)
    }
    assert found == {"a": {"A": 2, "B": 5}, "b": {"A": 2, "B": 7}, "c": {"A": 2}}


@pytest.mark.parametrize(("second", "state"), [(rows(), NO_DATA), (NOBODY, ERROR)])
def test_a_second_query_without_rows_takes_the_rule_along(second: Answer, state: str) -> None:
    evaluator = Evaluator(replace(RULE, queries={"A": QUERY, "B": QUERY}))
    [instance] = evaluator.evaluate({"A": scores(a=2), "B": second}, 0)
    assert instance.state == state and not evaluator.firing()


def test_all_queries_of_an_evaluation_carry_its_tick() -> None:
    asked: list[str] = []

    def fetch(url: str) -> Answer:
        asked.append(url)
        return scores(a=2)

    evaluator = Evaluator(replace(RULE, queries={"A": QUERY, "B": QUERY}))
    evaluator.ask(fetch, 1_795_219_200)
    assert asked == ["/alert?to=1795219200000"] * 2
    assert evaluator.firing() == {frozenset({("job", "a")})}


def test_two_thousand_rows_are_two_thousand_alerts() -> None:
    [after] = run(RULE, rows(*({"job": str(i), "score": i % 2 * 2} for i in range(2000))))
    assert len(after) == 2000 and sum(state == ALERTING for state in after.values()) == 1000


def test_durations() -> None:
    assert [seconds(text) for text in ("0s", "90s", "5m", "1h30m")] == [0, 90, 300, 5400]
