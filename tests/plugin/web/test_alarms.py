"""Open alarms and their history through Flask's client, over a real store."""

from typing import Any

import msgspec
import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.domain.alarms import Alarm
from plugin.domain.times import HOUR
from plugin.series import Labels
from plugin.web.alarm_types import AlarmCountRow, OpenAlarmRow
from tests.plugin.web.conftest import API, CLASH, END, OTHER, START, Service
from tests.plugin.web.test_data_source import get, refusal
from tests.plugin.web.test_incidents import keep

LABELS = {
    "job",
    "instance",
    "code",
    "__name__",
    "severity",
    "label_value",
    "label_label_value",
    "label_alertname",
    "label_severity",
}


def alarm(series_id: int, start: int, end: int, *, is_open: bool, direction: int = 1) -> Alarm:
    return Alarm(series_id, start, end, is_open, 3, start, 4.0, 24.0, 4.0, -1.0, 9.0, direction)


@pytest.fixture
def alarmed(service: Service) -> Service:
    """The first series of `web` is outside, the second one recovers; that of `node` is outside."""
    keep(
        service,
        alarm(1, START + 180, END, is_open=True),
        alarm(2, START + 60, START + 240, is_open=True, direction=-1),
        alarm(4, START, START + 60, is_open=True),
    )
    web = service.board.snapshots()["web"]
    service.change(alert_score=np.array([5.0, 2.0, web.alert_score[2]]))
    return service


def rows(service: Service, query: str = "", **settings: Any) -> list[dict[str, Any]]:
    return list(get(service.app(**settings).test_client(), f"/api/v1/alarms{query}"))


def test_series_with_an_open_alarm_come_highest_first(alarmed: Service) -> None:
    outside, node, recovering = rows(alarmed)
    assert outside["series"] == str(Labels.of(API))
    assert outside["alarm_start"] == (START + 180) * 1000
    assert outside["time"] == END * 1000
    assert (outside["alarm_state"], outside["score"], outside["direction"]) == ("outside", 5.0, 1)
    assert outside["alarm_text"] == "24; expected -1 to 9; above its band (score 4)"
    assert (outside["severity"], outside["job"]) == ("page", "api")
    assert (outside["promql"], "prometheus_url" in outside) == (str(Labels.of(API)), False)
    assert recovering["series"] == str(Labels.of(OTHER))
    assert (recovering["alarm_state"], recovering["score"]) == ("recovering", 2.0)
    assert (recovering["direction"], recovering["value"]) == (-1, 9.0)
    assert (node["watch"], node["score"]) == ("node", 4.0)


def test_a_series_whose_samples_have_stopped_is_missing(alarmed: Service) -> None:
    alarmed.change(missing=np.array([True, False, False]))
    assert rows(alarmed)[0]["alarm_state"] == "missing"


def test_a_row_is_named_by_what_tells_its_series_apart(alarmed: Service) -> None:
    names = {row["series"]: row["short_name"] for row in rows(alarmed)}
    assert names[str(Labels.of(OTHER))] == "job=api"
    assert names['load{instance="a:9100"}'] == "node"


def test_no_text_holds_a_time(alarmed: Service) -> None:
    for row in rows(alarmed):
        assert "UTC" not in row["alarm_text"]


def test_a_query_narrows(alarmed: Service) -> None:
    assert len(rows(alarmed, "?watch=web")) == 2
    assert len(rows(alarmed, "?limit=1")) == 1
    assert [row["code"] for row in rows(alarmed, '?match={code="500"}')] == ["500"]
    client = alarmed.app().test_client()
    assert "there is no watch `x`" in refusal(client, "/api/v1/alarms?watch=x", 404)[1]


def test_without_an_alarm_there_is_no_row(service: Service) -> None:
    service.change(alert_score=np.array([1.0, np.nan, 0.0]))
    assert rows(service, "?watch=web") == []


def test_addresses_lead_to_prometheus_and_to_the_answer(alarmed: Service) -> None:
    row, *_ = rows(alarmed, external_url="http://bandwatch", prometheus_url="http://prometheus")
    assert row["prometheus_url"].startswith("http://prometheus/graph?g0.expr=requests%7B")
    assert row["feedback_url"].startswith("http://bandwatch/feedback?")


def test_rows_are_what_their_types_say(alarmed: Service) -> None:
    for row in rows(alarmed, external_url="http://bandwatch"):
        msgspec.convert(row, OpenAlarmRow)
        assert set(row) - set(OpenAlarmRow.__struct_encode_fields__) <= LABELS


def counts(client: FlaskClient, start: int, end: int, more: str = "") -> list[dict[str, Any]]:
    found = get(client, f"/api/v1/alarms/history?from={start}000&to={end}000{more}")
    for row in found:
        msgspec.convert(row, AlarmCountRow)
    return list(found)


def test_alarms_are_counted_over_time(alarmed: Service) -> None:
    client = alarmed.app().test_client()
    found = counts(client, START, START + 300)
    assert {row["watch"] for row in found} == {"web", "node"}
    assert [row["alarms"] for row in found if row["watch"] == "web"] == [0, 1, 1, 2, 2, 1]
    assert [row["alarms"] for row in found if row["watch"] == "node"] == [1, 1, 0, 0, 0, 0]
    times = [row["time"] for row in found]
    assert times == sorted(times)
    assert {row["watch"] for row in counts(client, START, START + 300, "&watch=node")} == {"node"}


def test_a_long_range_has_few_points_and_misses_no_alarm(alarmed: Service) -> None:
    found = counts(alarmed.app().test_client(), START - 240 * HOUR, START + HOUR)
    web = [row["alarms"] for row in found if row["watch"] == "web"]
    assert len(web) <= 201
    assert max(web) == 2


def test_a_range_without_alarms_is_empty(alarmed: Service) -> None:
    assert counts(alarmed.app().test_client(), START + 9 * HOUR, START + 10 * HOUR) == []


def test_watches_are_chosen_by_their_labels(service: Service, client: FlaskClient) -> None:
    def found(match: str) -> list[str]:
        return [str(row["watch"]) for row in get(client, f"/api/v1/watches?match={match}")]

    assert found('{severity="page"}') == ["web"]
    assert found('{severity=~"ticket|page",team=~".*"}') == ["node", "web", "young"]
    assert found('{severity="page"}&watch=node') == []
    assert CLASH["severity"] not in found("{}")
