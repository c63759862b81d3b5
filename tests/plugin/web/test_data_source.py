"""The data source through Flask's client, over a real store."""

import json
from dataclasses import replace

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.config import Watch
from plugin.series import Labels, SeriesState, Tick
from plugin.web import data_source
from tests.plugin.web.conftest import API, CLASH, END, OTHER, START, STEP, Service

RANGE = f"from={START}000&to={END}000"
FIRST = str(Labels.of(API))


def get(client: FlaskClient, url: str, status: int = 200) -> list[dict[str, object]]:
    answer = client.get(url)
    assert answer.status_code == status, answer.text
    return json.loads(answer.data, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def refusal(client: FlaskClient, url: str, status: int = 400) -> tuple[str, str]:
    error = get(client, url, status)["error"]  # type: ignore[call-overload]
    assert set(error) == {"code", "message", "field"}
    return error["field"], error["message"]


def test_bands_are_one_row_per_sample_sorted_by_time_over_all_series(client: FlaskClient) -> None:
    rows = get(client, f"/api/v1/bands?watch=web&{RANGE}")
    assert len(rows) == 30
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert rows[0] == {
        "time": START * 1000,
        "series": FIRST,
        "watch": "web",
        "value": 0.0,
        "expected": 4.0,
        "lower": -1.0,
        "upper": 9.0,
        "score": 0.8,
        "anomaly": None,
        "provisional": None,
        "__name__": "requests",
        "job": "api",
        "instance": "a:9100",
        "code": "500",
        "label_value": "",
        "label_label_value": "",
        "label_alertname": "",
        "severity": "",
    }
    assert len({tuple(sorted(row)) for row in rows}) == 1
    assert {row["code"] for row in rows} == {"500", ""}


def test_bands_include_both_ends_and_take_rfc_3339(client: FlaskClient) -> None:
    url = "/api/v1/bands?watch=node&from={}&to={}"
    assert len(get(client, url.format("2026-11-21T00:01:00Z", "2026-11-21T01:03:00%2B01:00"))) == 3
    assert len(get(client, url.format(f"{START}001", f"{START}999"))) == 0
    assert len(get(client, url.format(f"{START - 1}001", f"{START}999"))) == 1


def test_bands_for_a_panel_of_one_series_hold_numbers_only(client: FlaskClient) -> None:
    rows = client.get(
        "/api/v1/bands",
        query_string={"labels": "none", "series": FIRST, "from": f"{START}000", "to": f"{END}000"},
    ).get_json()
    assert rows[-1] == {
        "time": END * 1000,
        "value": 24.0,
        "expected": 4.0,
        "lower": -1.0,
        "upper": 9.0,
        "score": 4.0,
        "anomaly": 24.0,
        "provisional": None,
    }
    assert refusal(client, "/api/v1/bands?labels=none&watch=web")[0] == "labels"


def test_bands_draw_gaps_and_send_unbounded_sides_as_null(
    service: Service, client: FlaskClient
) -> None:
    record = service.store.series.register("gaps", [Labels.of({"job": "x"})], START)[0]
    column = np.array([[1.0, 2.0]])
    service.store.write(
        [
            Tick(
                watch="gaps",
                ids=np.array([record.id]),
                times=np.array([START, START + 300]),
                value=column,
                expected=column,
                lower=np.full((1, 2), -np.inf),
                upper=column,
                score=np.array([[0.0, np.nan]]),
                model_version=np.ones(1, int),
            )
        ],
        "query",
        (START, START + 300),
    )
    rows = get(client, f"/api/v1/bands?watch=gaps&from={START}000&to={START + 600}000")
    assert [(row["time"], row["value"], row["lower"], row["score"]) for row in rows] == [
        (START * 1000, 1.0, None, 0.0),
        ((START + 300) * 1000, 2.0, None, None),
    ]  # the step is not known here
    service.board.publish(
        replace(service.board.snapshots()["web"], settings=Watch(name="gaps", query="up"))
    )
    rows = get(client, f"/api/v1/bands?watch=gaps&from={START}000&to={START + 600}000")
    assert [(row["time"] // 1000 - START, row["value"]) for row in rows] == [
        (0, 1.0),
        (60, None),
        (300, 2.0),
    ]


def test_bands_thin_but_show_the_anomaly(service: Service, client: FlaskClient) -> None:
    record = service.store.series.register("long", [Labels.of({"job": "x"})], START)[0]
    times = START + STEP * np.arange(500)
    flat = np.ones((1, 500))
    score = np.where(np.arange(500) == 123, 1.001, 0.5)[None]
    service.store.write(
        [
            Tick(
                watch="long",
                ids=np.array([record.id]),
                times=times,
                value=flat,
                expected=flat,
                lower=flat,
                upper=flat,
                score=score,
                model_version=np.ones(1, int),
            )
        ],
        "query",
        (START, int(times[-1])),
    )
    url = f"/api/v1/bands?watch=long&from={START}000&to={times[-1]}000"
    rows = get(client, f"{url}&max_points=10")
    assert len(rows) <= 11 and [row["score"] for row in rows].count(1.001) == 1
    assert len(get(client, url)) == 500
    assert (
        len(get(service.app(max_points=20).test_client(), url)) <= 21
    )  # the default gives way to the limit
    assert refusal(client, "/api/v1/bands?max_points=9")[0] == "max_points"
    assert refusal(client, "/api/v1/bands?max_points=11001")[0] == "max_points"


@pytest.mark.parametrize(
    ("url", "field", "message"),
    [
        (
            "bands?form=1",
            "form",
            "there is no parameter `form`; the nearest is `from`; valid here: watch, match",
        ),
        ("bands?from=1795219200", "from", "looks like seconds; give milliseconds (1795219200000)"),
        (
            "bands?from=yesterday",
            "from",
            "neither milliseconds since 1970 nor a time as 2026-11-21T03:05:00Z",
        ),
        ("bands?from=2026-11-21T00:00:00", "from", "has no time zone"),
        ("bands?to=-5", "to", "outside the years 1970 to 9999"),
        ("bands?from=1795219200001&to=1795219200000", "from", "`from` is after `to`"),
        ("bands?labels=nome", "labels", "`nome` is not one of: all, none; the nearest is `none`"),
        ("alert?field=scor", "field", "the nearest is `score`"),
        ("alert?field=score&field=value", "field", "is given 2 times"),
        ("series?match={job=api}", "match", "expected a label value in quotes at character 6"),
        ('scores?match={job=~"("}', "match", "is not RE2: missing ): ("),
        ("openapi.json?x=1", "x", "this address takes none"),
    ],
)
def test_a_wrong_parameter_is_named(
    client: FlaskClient, url: str, field: str, message: str
) -> None:
    named, text = refusal(client, f"/api/v1/{url}")
    assert named == field and message in text


def test_of_a_range_that_is_too_long_its_end_is_answered_and_a_header_says_so(
    service: Service,
) -> None:
    service.clock = lambda: END + 60.0
    client = service.app().test_client()
    whole = client.get(f"/api/v1/bands?watch=web&from={START}000&to={END}000")
    longer = client.get(f"/api/v1/bands?watch=web&from=1595219200000&to={END}000")
    assert longer.status_code == 200 and longer.json == whole.json
    assert "Bandwatch-Warning" not in whole.headers
    assert longer.headers["Bandwatch-Warning"] == (
        "the range is 2314.8 days long and web.max_range allows 92d: nothing before"
        " 2026-08-21T00:09:00Z is answered"
    )
    ahead = service.app(max_range=3600).test_client()
    service.clock = lambda: END + 9999.0
    short = service.app(max_range=3600).test_client()
    later = f"from={START}000&to={END + 3600}000"
    assert [row["time"] for row in short.get(f"/api/v1/bands?watch=node&{later}").json] == [
        END * 1000
    ]
    far = ahead.get(f"/api/v1/bands?watch=node&from={START - 9999}000&to={END + 9_999_999}000")
    assert len(far.json) == 10 and "Bandwatch-Warning" in far.headers  # the past, not the future
    for path in ("incidents", "regimes", "annotations"):
        assert "Bandwatch-Warning" in short.get(f"/api/v1/{path}?{later}").headers, path
    assert "Bandwatch-Warning" not in short.get("/api/v1/bands?from=x").headers


def test_an_unknown_watch_is_no_quiet_watch(client: FlaskClient) -> None:
    for path in ("bands", "scores", "alert", "series", "labels", "label/job/values"):
        field, message = refusal(client, f"/api/v1/{path}?watch=nide", 404)
        assert field == "watch" and "the nearest is `node`; valid: node, web, young" in message
        assert get(client, f"/api/v1/{path}?watch=young") == []


def test_too_much_is_refused_with_what_to_narrow(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_source, "MAX_ROWS", 25)
    assert "narrow `match`" in refusal(client, f"/api/v1/bands?watch=web&{RANGE}")[1]
    monkeypatch.setattr(data_source, "MAX_SERIES", 2)
    assert (
        "3 series are selected and one answer draws 2"
        in refusal(client, "/api/v1/bands?watch=web")[1]
    )


def test_several_watches_are_one_list(client: FlaskClient) -> None:
    assert {row["watch"] for row in get(client, "/api/v1/scores?watch=node,web,")} == {
        "node",
        "web",
    }
    message = refusal(client, "/api/v1/scores?watch=node,wep", 404)[1]
    assert message.startswith("there is no watch `wep`; the nearest is `web`")


def test_scores_can_be_chosen_by_state_and_by_rank(service: Service, client: FlaskClient) -> None:
    web = service.board.snapshots()["web"]
    service.change(
        series=(replace(web.series[0], state=SeriesState.MISSING), *web.series[1:]),
        score=np.array([0.5, np.nan, 7.0]),
        missing=np.array([True, False, False]),
    )
    assert [row["score"] for row in get(client, "/api/v1/scores?limit=2")] == [7.0, 4.0]
    assert [row["score"] for row in get(client, "/api/v1/scores?watch=web&limit=9")] == [
        7.0,
        0.5,
        None,
    ]
    assert [row["missing"] for row in get(client, "/api/v1/scores?state=missing")] == [1]
    assert len(get(client, "/api/v1/scores?state=missing,ok")) == 4
    assert "the nearest is `stale`" in refusal(client, "/api/v1/scores?state=stal")[1]
    assert refusal(client, "/api/v1/scores?limit=0")[0] == "limit"


def test_scores_have_a_row_for_every_series(service: Service, client: FlaskClient) -> None:
    web = service.board.snapshots()["web"]
    missing = replace(web.series[1], state=SeriesState.MISSING)
    service.change(
        series=(web.series[0], missing, web.series[2]),
        times=np.array([END, END - 600, 0]),
        value=np.array([24.0, -3.0, np.nan]),
        lower=np.array([-np.inf, -1, np.nan]),
    )
    absent, last, first = get(client, "/api/v1/scores?watch=web")[:3]
    assert first["series"] == FIRST and last["series"] == str(Labels.of(OTHER))
    assert (first["state"], first["direction"], first["lower"], first["time"]) == (
        "ok",
        1,
        None,
        END * 1000,
    )
    assert (last["state"], last["direction"], last["code"]) == ("missing", -1, "")
    assert last["age_seconds"] == pytest.approx(first["age_seconds"] + 600)
    assert (absent["time"], absent["value"], absent["age_seconds"], absent["direction"]) == (
        None,
        None,
        None,
        0,
    )
    assert {
        "detector": "lstm",
        "model_version": 1,
        "step": 60,
        "severity": "page",
    }.items() <= first.items()


def test_variables(client: FlaskClient) -> None:
    assert get(client, "/api/v1/series") == sorted(
        str(Labels.of(each))
        for each in (API, OTHER, CLASH, {"__name__": "load", "instance": "a:9100"})
    )
    assert get(client, '/api/v1/series?match=requests{code!=""}') == [FIRST]
    assert get(client, "/api/v1/labels?watch=node") == ["__name__", "instance", "watch"]
    assert get(client, "/api/v1/label/instance/values") == ["a:9100", "b:9100"]
    assert get(client, "/api/v1/label/watch/values") == ["node", "web"]
    assert get(client, "/api/v1/label/label_value/values") == ["v"]
    assert get(client, "/api/v1/label/nothing/values") == []
    assert get(client, "/api/v1/series?watch=&match=") == get(client, "/api/v1/series")


def test_what_the_store_keeps_beside_a_watch_is_shown_nowhere(
    service: Service, client: FlaskClient
) -> None:
    service.store.series.register(
        "web#0123456789ab", [Labels.of({"job": "hidden", "beside": "x"})], END
    )
    assert (
        len(get(client, "/api/v1/series")) == 4 and get(client, "/api/v1/label/beside/values") == []
    )
    assert get(client, "/api/v1/label/watch/values") == ["node", "web"]
    assert client.get("/api/v1/bands?watch=web%230123456789ab").status_code == 404


def test_a_new_series_is_found_after_the_next_tick(service: Service, client: FlaskClient) -> None:
    assert len(get(client, "/api/v1/series?watch=node")) == 1
    service.store.series.register("node", [Labels.of({"job": "new"})], END + STEP)
    service.board.publish(service.board.snapshots()["node"])
    assert len(get(client, "/api/v1/series?watch=node")) == 2
