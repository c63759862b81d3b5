"""The chart of one series: its numbers, its marks, its files, and where else the page leads."""

from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from plugin.config import Watch
from plugin.domain.tolerances import FeedbackSpan, Verdict
from plugin.series import Tick
from plugin.store import FeedbackNote
from plugin.web.pages.chart_assets import ASSETS, KEEP_A_YEAR, WEB, asset_addresses
from tests.plugin.web.conftest import END, START, STEP, Service
from tests.plugin.web.test_feedback import ALARM, NOW, SERIES
from tests.plugin.web.test_forecast import published
from tests.plugin.web.test_incidents import keep
from tests.plugin.web.test_pages import BROWSER, Document, words

MAX_SCRIPT_BYTES = 50_000  # of a chart, before compression
RANGE = {"from": START * 1000, "to": (END + 10 * STEP) * 1000}


@pytest.fixture
def outside(service: Service) -> FlaskClient:
    """With one open incident, of series 1."""
    keep(service, ALARM)
    service.clock = lambda: NOW
    return service.app().test_client()


def chart(client: FlaskClient, series: int = 1, **query: Any) -> dict[str, Any]:
    answer = client.get(f"/series/{series}/chart", query_string={**RANGE, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def test_columns_have_the_samples_and_the_axis(outside: FlaskClient) -> None:
    found = chart(outside)
    assert found["time"] == [(START + STEP * i) * 1000 for i in range(10)]
    assert found["value"] == [*map(float, range(9)), 24.0]
    assert found["lower"] == [-1.0] * 10 and found["upper"] == [9.0] * 10
    assert found["score"][-1] == 4.0
    assert (found["low"], found["high"], found["scale"], found["unit"]) == (-1.0, 24.0, 1.0, "")
    assert (found["start"], found["step"]) == (START * 1000, STEP)


def test_a_unit_scales_the_axis(service: Service) -> None:
    board = service.board.snapshots()["web"]
    service.change(settings=board.settings.model_copy(update={"unit": "ms"}))
    found = chart(service.app().test_client())
    assert (found["scale"], found["unit"]) == (1.0, " ms")
    service.change(settings=board.settings.model_copy(update={"unit": "h"}))
    assert chart(service.app().test_client())["unit"] == " d"


def test_the_forecast_follows_without_a_value(service: Service) -> None:
    published(service)
    ahead = chart(service.app().test_client(), 2)
    assert ahead["value"][-3:] == [None] * 3 and None not in ahead["expected"][-3:]
    assert ahead["lower"][-3:] == [None] * 3 and None not in ahead["upper"][-3:]  # one side is open


def test_a_gap_is_a_row_without_numbers(service: Service) -> None:
    time = END + 60 * STEP
    one = np.ones((1, 1))
    ids = np.array([1])
    tick = Tick("web", ids, np.array([time]), one, one, 0 * one, 2 * one, 0 * one, ids)
    service.store.write([tick], "query", (END, time))
    found = chart(service.app().test_client(), to=(END + 90 * STEP) * 1000)
    assert found["value"][-2:] == [None, 1.0] and found["expected"][-2] is None


def test_few_points_keep_what_is_outside(outside: FlaskClient) -> None:
    found = chart(outside, max_points=10)
    assert len(found["time"]) <= 15 and 24.0 in found["value"]


def test_marks_tell_what_happened(service: Service, outside: FlaskClient) -> None:
    service.store.feedback.give(
        Verdict.REAL, [FeedbackSpan(1, END, END)], FeedbackNote("anna", NOW, "a bad release")
    )
    window = {
        "begin": "2026-11-21T00:00:00Z",
        "duration": "1h",
        "match": '{job="api"}',
        "name": "disk",
    }
    assert outside.post("/api/v1/maintenance", json=window).status_code == 200
    outside.post("/api/v1/changes", json={"title": "v1.42", "time": (END - STEP) * 1000})
    marks = {mark["kind"]: mark for mark in chart(outside)["marks"]}
    assert marks["alarm"]["text"].startswith("above its band; 24 at 00:09 UTC")
    assert "above its band" in marks["incident"]["text"]
    assert marks["feedback"]["text"] == "answered as real by anna: a bad release"
    assert marks["maintenance"]["time"] == START * 1000 and "disk" in marks["maintenance"]["text"]
    assert marks["change"]["time"] == (END - STEP) * 1000
    text = words(outside.get("/series/1", headers=BROWSER).text)
    assert "What else happened in this time" in text and "a bad release" in text
    rectangles = Document(outside.get("/series/1", headers=BROWSER).text).named("rect")
    assert {rectangle["class"] for rectangle in rectangles} == {"mark", "shade"}


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/series/99/chart", 404, "id"),
        (f"/series/1/chart?from={END * 1000}&to={START * 1000}", 400, "from"),
        ("/series/1/chart?max_points=9", 400, "max_points"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    client: FlaskClient, path: str, status: int, field: str
) -> None:
    answer = client.get(path, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.get_json()["error"]["field"]) == (status, field)


def test_reading_a_chart_needs_credentials_and_its_files_do_not(service: Service) -> None:
    client = service.app(read_token=SecretStr("r")).test_client()
    assert client.get("/series/1/chart").status_code == 401
    assert all(client.get(f"/{name}").status_code == 200 for name in ASSETS)


def test_files_of_a_chart_are_kept_for_a_year_under_the_hash_that_the_page_names(
    outside: FlaskClient,
) -> None:
    page = outside.get("/series/1", headers=BROWSER).text
    for name, address in asset_addresses().items():
        assert f'"../{address}"' in page
        assert outside.get(f"/{address}").headers["Cache-Control"] == KEEP_A_YEAR
        for other in (name, f"{name}?v=x"):
            assert outside.get(f"/{other}").headers["Cache-Control"] == "no-store"


def test_the_scripts_of_a_chart_are_small(outside: FlaskClient) -> None:
    sizes = [len(outside.get(f"/{name}").data) for name in ASSETS if name.endswith(".js")]
    assert sum(sizes) <= MAX_SCRIPT_BYTES


def test_our_script_is_the_one_that_was_minified() -> None:
    """`make page-scripts` makes it anew."""
    source = (WEB / "templates" / "page_chart.js").read_bytes()
    made = (WEB / "templates" / "page_chart.min.js").read_text()
    assert made.startswith(f"/*! of page_chart.js, SHA-256 {sha256(source).hexdigest()} */")


def test_the_library_is_the_one_that_is_declared() -> None:
    folder = WEB / "vendor" / "uplot"
    declared = (folder / "README.md").read_text()
    for path in folder.iterdir():
        if path.name != "README.md":
            assert sha256(path.read_bytes()).hexdigest() in declared, path.name
    assert "MIT" in (folder / "LICENSE").read_text()


@pytest.mark.parametrize(
    ("query", "expression"), [("up", SERIES), ("sum by (job) (up)", "sum by (job) (up)")]
)
def test_the_page_leads_to_prometheus_and_grafana(
    service: Service, query: str, expression: str
) -> None:
    board = service.board.snapshots()["web"]
    service.change(settings=replace_query(board.settings, query))
    service.clock = lambda: NOW
    client = service.app(
        prometheus_url="https://prometheus.test/p", grafana_url="https://grafana.test"
    ).test_client()
    page = Document(client.get("/series/1?range=1d", headers=BROWSER).text)
    links = {urlsplit(str(link["href"])).netloc: str(link["href"]) for link in page.named("a")}
    prometheus = urlsplit(links["prometheus.test"])
    assert prometheus.path == "/p/graph"
    assert parse_qs(prometheus.query)["g0.expr"] == [expression]
    assert parse_qs(prometheus.query)["g0.range_input"] == ["86400s"]
    grafana = urlsplit(links["grafana.test"])
    assert grafana.path == "/d/bandwatch-series"
    variables = parse_qs(grafana.query)
    assert variables["var-series"] == [SERIES] and variables["var-watch"] == ["web"]
    assert variables["to"] == [str(NOW * 1000)]


def replace_query(watch: Watch, query: str) -> Watch:
    return watch.model_copy(update={"query": query})


def test_without_these_settings_it_leads_nowhere_else(outside: FlaskClient) -> None:
    page = Document(outside.get("/series/1", headers=BROWSER).text)
    assert [link for link in page.named("a") if "//" in str(link["href"])] == []
