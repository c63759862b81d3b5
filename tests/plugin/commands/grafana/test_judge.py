"""The judgement, case by case: what a panel, a rule, a table, an annotation or a variable does not
get."""

import math
from typing import Any

import pytest

from plugin.commands.grafana.alert_judges import judge_stable, judge_together
from plugin.commands.grafana.answer_needs import AnswerNeeds, Purpose
from plugin.commands.grafana.findings import Finding, Level
from plugin.commands.grafana.frames import AnswerFrame, Field, QueryResponse
from plugin.commands.grafana.judge import judge

TIME = Field("time", "time", (1000, 2000), {})
VALUE = Field("value", "number", (1.0, None), {})
WATCH = Field("watch", "string", ("w", "w"), {})
SERIES = Field("series", "string", ("a", "b"), {})
SCORE = Field("score", "number", (0.5, 2.0), {})
LONG = "numeric-long"


def answer(*fields: Field, kind: str = "") -> QueryResponse:
    return QueryResponse((AnswerFrame(kind, fields),))


def texts(findings: list[Finding]) -> list[str]:
    return [finding.text for finding in findings if finding.level is Level.FAILURE]


def only(needs: Purpose, made: QueryResponse, **settings: Any) -> str:
    """The one failure."""
    [text] = texts(judge(made, AnswerNeeds(needs, **settings)))
    return text


def field(name: str, *values: object, kind: str = "number", **labels: str) -> Field:
    return Field(name, kind, values, labels)


@pytest.mark.parametrize(
    ("needs", "made", "shown"),
    [
        (Purpose.BAND, answer(TIME, VALUE), "2 rows: time, value"),
        (
            Purpose.SERIES,
            answer(TIME, field("value", 1, 2, job="a"), kind="timeseries-wide"),
            "2 rows: time, value",
        ),
        (
            Purpose.SERIES,
            QueryResponse((AnswerFrame("", (TIME, VALUE)), AnswerFrame("", (TIME, VALUE)))),
            "2 frames, 4 rows: time, value",
        ),
        (
            Purpose.STATES,
            answer(TIME, field("state", "ok", "late", kind="string")),
            "2 rows: time, state",
        ),
        (Purpose.TABLE, answer(WATCH, VALUE), "2 rows: watch, value"),
        (Purpose.ALERT, answer(WATCH, SERIES, SCORE, kind=LONG), "2 rows: watch, series, score"),
        (Purpose.ALERT, answer(field("age", 3.0), kind=LONG), "1 row: age"),
        (Purpose.VARIABLE, answer(SERIES), "2 rows: series"),
    ],
)
def test_what_is_good(needs: Purpose, made: QueryResponse, shown: str) -> None:
    assert judge(made, AnswerNeeds(needs)) == [Finding(Level.OK, shown)]


@pytest.mark.parametrize(
    ("needs", "columns", "level", "text"),
    [
        (Purpose.BAND, {}, Level.WARNING, "no rows in this range"),
        (Purpose.SERIES, None, Level.OK, "no rows now"),
        (Purpose.TABLE, {}, Level.OK, "no rows now"),
        (Purpose.ALERT, {}, Level.OK, "no rows, which a rule takes as NoData"),
        (Purpose.ANNOTATIONS, {}, Level.OK, "no rows now"),
        (Purpose.VARIABLE, {}, Level.WARNING, "offers no value"),
    ],
)
def test_nothing(needs: Purpose, columns: dict[str, str] | None, level: Level, text: str) -> None:
    for made in (QueryResponse(), answer()):
        [finding] = judge(made, AnswerNeeds(needs, columns))
        assert (finding.level, finding.text) == (level, text)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (
            "unsuccessful HTTP response code\nstatus code : 401",
            "BANDWATCH_TOKEN in Grafana's environment",
        ),
        (
            "unsuccessful HTTP response code\nstatus code : 404",
            "are its version and that of the dashboards",
        ),
        ("unsuccessful HTTP response code\nstatus code : 503", "see its log"),
        (
            "requested URL not allowed. To allow this URL, update the datasource config",
            "`allowedHosts`",
        ),
        (
            'Get "http://b": dial tcp 10.0.0.1:8642: connect: connection refused',
            "Grafana does not reach Bandwatch",
        ),
        (
            "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            "`timeoutInSeconds`",
        ),
        ("empty response body received for the URL http://b", "the address of Bandwatch itself"),
        ("Data source not found", "the data source of this query is missing"),
        ("something that nobody has seen", "Grafana's log"),
    ],
)
def test_an_error_says_what_to_do(text: str, remedy: str) -> None:
    [finding] = judge(QueryResponse(error=text), AnswerNeeds(Purpose.TABLE))
    assert finding.level is Level.FAILURE and text in finding.text and remedy in finding.remedy


def test_a_notice_is_a_warning() -> None:
    [finding] = judge(
        QueryResponse((AnswerFrame("", (WATCH,), ("missing allowed hosts",)),)),
        AnswerNeeds(Purpose.TABLE),
    )
    assert finding.level is Level.WARNING and "`allowedHosts`" in finding.remedy


@pytest.mark.parametrize(
    ("needs", "made", "text"),
    [
        (
            Purpose.SERIES,
            answer(field("time", 1.0, 2.0), VALUE),
            "0 fields of type time where exactly one belongs",
        ),
        (
            Purpose.SERIES,
            answer(TIME, field("end", 1, 2, kind="time"), VALUE),
            "2 fields of type time",
        ),
        (
            Purpose.SERIES,
            answer(field("time", 1000, None, kind="time"), VALUE),
            "1 of 2 rows have no time",
        ),
        (Purpose.SERIES, answer(field("time", 2000, 1000, kind="time"), VALUE), "times go back"),
        (
            Purpose.SERIES,
            answer(field("time", 1000, 1000, kind="time"), VALUE),
            "several rows of one time",
        ),
        (
            Purpose.SERIES,
            answer(TIME, SERIES, VALUE, kind=LONG),
            "text in series (string) where series are drawn",
        ),
        (Purpose.SERIES, answer(TIME), "no number to draw"),
        (
            Purpose.SERIES,
            answer(TIME, VALUE, field("x", {}, {}, kind="other")),
            "x (other) of a type that no panel shows",
        ),
        (
            Purpose.BAND,
            answer(TIME, field("upper", 1, 2, job="a")),
            "labels on upper: names are no longer bare",
        ),
        (
            Purpose.BAND,
            QueryResponse((AnswerFrame("", (TIME, VALUE)), AnswerFrame("", (TIME, VALUE)))),
            "2 frames: Grafana puts the frame's",
        ),
        (Purpose.STATES, answer(TIME), "no number to draw"),
        (
            Purpose.TABLE,
            answer(field("x", {}, {}, kind="other")),
            "x (other) of a type that no panel shows",
        ),
        (Purpose.VARIABLE, answer(SERIES, WATCH), "one column of text is needed"),
        (
            Purpose.VARIABLE,
            answer(SCORE),
            "one column of text is needed, and there is score (number)",
        ),
        (
            Purpose.ALERT,
            answer(SERIES, SCORE, field("value", 1, 2), kind=LONG),
            "2 numbers in a row (score (number), value",
        ),
        (Purpose.ALERT, answer(SERIES), "0 numbers in a row (none)"),
        (
            Purpose.ALERT,
            answer(SERIES, SCORE),
            "a frame of type none where a rule takes numeric-long",
        ),
        (
            Purpose.ALERT,
            answer(SERIES, SCORE, TIME, kind=LONG),
            "time (time) of type time beside the number",
        ),
        (
            Purpose.ALERT,
            answer(SERIES, SCORE, field("on", True, True, kind="boolean"), kind=LONG),
            "on (boolean)",
        ),
        (
            Purpose.ALERT,
            answer(SERIES, field("score", 1.0, None), kind=LONG),
            "a number is missing",
        ),
        (
            Purpose.ALERT,
            answer(SERIES, field("score", 1.0, math.nan), kind=LONG),
            "a number is missing",
        ),
        (
            Purpose.ALERT,
            answer(WATCH, SCORE, kind=LONG),
            "1 label set more than once, such as {watch=w}",
        ),
        (
            Purpose.ALERT,
            answer(SERIES, field("alertname", "x", "y", kind="string"), SCORE, kind=LONG),
            "alertname is set by",
        ),
        (
            Purpose.ALERT,
            answer(SERIES, field("team", "x", "y", kind="string"), SCORE, kind=LONG),
            "team is set by Grafana",
        ),
    ],
)
def test_what_is_wrong(needs: Purpose, made: QueryResponse, text: str) -> None:
    assert only(needs, made, rule_labels=("team",)).startswith(text)


def test_a_label_that_is_empty_or_absent_does_not_tell_rows_apart() -> None:
    """Grafana makes the whole rule an error."""
    made = answer(WATCH, field("code", "", None, kind="string"), SCORE, kind=LONG)
    assert only(Purpose.ALERT, made).startswith("1 label set more than once")


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"time": "timestamp_epoch", "value": "number"}, []),
        ({"time": "timestamp_epoch", "value": "number", "job": "string"}, []),  # has become a label
        ({"time": "timestamp_epoch", "score": "number"}, ["no column score"]),
        (
            {"time": "timestamp_epoch", "value": "string"},
            ["value is of type number and has to be of type string"],
        ),
    ],
)
def test_declared_columns(columns: dict[str, str], expected: list[str]) -> None:
    made = answer(TIME, field("value", 1, 2, job="a"))
    assert texts(judge(made, AnswerNeeds(Purpose.SERIES, columns))) == expected


def test_a_table_without_declared_columns() -> None:
    [finding] = judge(answer(WATCH, VALUE), AnswerNeeds(Purpose.TABLE, {}))
    assert finding.level is Level.WARNING and "no columns declared" in finding.text


def test_annotations() -> None:
    good = [
        TIME,
        field("timeEnd", 3, None, kind="time"),
        *(field(name, "x", "y", kind="string") for name in ("title", "text", "tags")),
    ]
    assert texts(judge(answer(*good), AnswerNeeds(Purpose.ANNOTATIONS))) == []
    assert only(Purpose.ANNOTATIONS, answer(*good[:-1])) == "no column tags"
    assert (
        only(Purpose.ANNOTATIONS, answer(field("time", 1, 2), *good[1:]))
        == "time is of type number and has to be of type time"
    )
    assert (
        only(Purpose.ANNOTATIONS, answer(field("time", 1, None, kind="time"), *good[1:]))
        == "an annotation without a time"
    )


def test_queries_of_a_rule_have_the_same_rows() -> None:
    first = answer(WATCH, SERIES, SCORE, kind=LONG)
    turned = answer(
        field("series", "b", "a", kind="string"), WATCH, field("value", 1, 2), kind=LONG
    )
    [good] = judge_together({"A": first, "B": turned})
    assert good == Finding(Level.OK, "queries A, B have the same 2 rows")
    fewer = answer(
        field("watch", "w", kind="string"), field("series", "a", kind="string"), field("value", 1)
    )
    assert texts(judge_together({"A": first, "B": fewer, "C": turned})) == [
        "queries A and B have different rows: 1 only in A, 0 only in B, such as {series=b, watch=w}"
    ]
    [finding] = judge_together({"A": first, "B": QueryResponse()})
    assert finding.level is Level.FAILURE and "2 only in A" in finding.text


def test_strings_of_a_series_must_not_change() -> None:
    def seen(*versions: str) -> QueryResponse:
        return answer(WATCH, SERIES, field("version", *versions, kind="string"), SCORE, kind=LONG)

    assert judge_stable(seen("1", "1"), seen("1", "1")) == []
    assert judge_stable(seen("1", "1"), QueryResponse()) == []  # a row that has gone is no change
    assert texts(judge_stable(seen("1", "1"), seen("1", "2"))) == [
        "version changed from one moment to the next: each value is an alert of its own"
    ]
