"""The pages for people, through Flask's client and a real store."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import numpy as np
import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from plugin.board import Board, LevelShift
from plugin.config import User
from plugin.series import Samples, SeriesState
from plugin.store import Store
from plugin.web.application import create_app
from plugin.web.pages.band_chart import condensed
from plugin.web.pages.elapsed_time import elapsed
from plugin.web.pages.incident_cards import MAX_CARDS
from plugin.web.pages.page_html import CONTENT_POLICY, root_address
from tests.benchmarks.bench_page import INCIDENTS, context, crowded
from tests.plugin.web.conftest import END, START, STEP, Service
from tests.plugin.web.test_feedback import ALARM, NOW, SERIES
from tests.plugin.web.test_incidents import keep

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PAGES = ("/", "/series", "/series/1")
MAX_PAGE_BYTES = 200_000
VOID = {"meta", "link", "input", "wbr", "br"}


class Document(HTMLParser):
    """What a browser would see: tags, addresses, and whether tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


@pytest.fixture
def outside(service: Service) -> FlaskClient:
    """With one open incident, of series 1."""
    keep(service, ALARM)
    service.clock = lambda: NOW
    return service.app().test_client()


def words(text: str) -> str:
    """The text of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_an_open_incident_is_a_card_in_words_with_its_chart_and_three_answers(
    outside: FlaskClient,
) -> None:
    page = outside.get("/", headers=BROWSER)
    assert page.status_code == 200 and page.mimetype == "text/html"
    text = words(page.text)
    assert "1 incident is open" in text and "above its band" in text
    assert "24 at 00:09 UTC; expected -1 to 9" in text and "since 00:09 UTC (2 min)" in text
    document = Document(page.text)
    assert [svg["aria-label"] for svg in document.named("svg")] == [
        "The last 6 h of the worst series in its band"
    ]
    links = [str(link["href"]) for link in document.named("a")]
    [incident] = [link for link in links if link.startswith("incidents/")]
    assert outside.get(f"/{incident}").status_code == 200
    assert "series/1" in links
    assert [button["value"] for button in document.named("button") if button.get("name")] == [
        "false_alarm",
        "real",
        "new_normal",
    ]


def test_a_signed_link_is_offered_where_people_are_known_to_reach_us(service: Service) -> None:
    keep(service, ALARM)
    service.clock = lambda: NOW
    client = service.app(
        external_url="https://bandwatch.test/x",
        read_token=SecretStr("r"),
        write_token=SecretStr("w"),
    ).test_client()
    for path in ("/", "/series/1"):
        page = client.get(path, headers={"Authorization": "Bearer r"})
        links = [str(link["href"]) for link in Document(page.text).named("a")]
        [answer] = [link for link in links if "/feedback?" in link]
        assert client.get(answer.removeprefix("https://bandwatch.test/x")).status_code == 200


def test_each_state_that_needs_a_word_has_a_list(service: Service) -> None:
    board = service.board.snapshots()["web"]
    records = [replace(board.series[0], state=SeriesState.MISSING), *board.series[1:]]
    learning = board.settings.model_copy(update={"learn_for": 86_400})
    service.clock = lambda: END + 600
    service.change(
        series=tuple(records),
        settings=learning,
        missing=np.array([True, False, False]),
        learning=np.array([False, True, False]),
        score=np.array([np.nan, 0.2, 0.5]),
        alert_score=np.array([np.nan, np.nan, 2.5]),
        shifts={  # what went away ten minutes ago may be a spike
            records[1].id: LevelShift(END, END + 3600),
            records[2].id: LevelShift(END - 3600, END + 3600),
        },
    )
    text = words(service.app().test_client().get("/", headers=BROWSER).text)
    assert "No incident is open" in text
    assert "Missing 1" in text and "no sample for 10 min" in text
    assert "Recovering 1" in text and "inside its band again" in text
    assert "At a new level 1" in text and "accepted as normal at 01:09 UTC" in text
    assert "Learning 1" in text and "learning until 2026-11-22 00:00 UTC" in text


def test_a_watch_has_a_line_with_state_reason_lag_and_alarms(outside: FlaskClient) -> None:
    text = words(outside.get("/", headers=BROWSER).text)
    assert "young ticket starting not scored since the service started 0 0 not scored yet" in text
    assert "web page ok 3 1 2 min 1 in 7 d; too early to judge" in text


def test_series_are_searched_filtered_and_sorted_by_score(
    outside: FlaskClient, service: Service
) -> None:
    def names(query: str) -> list[str]:
        page = outside.get(f"/series?{query}", headers=BROWSER)
        assert page.status_code == 200
        return re.findall(r'class="name" href="series/(\d+)"', page.text)

    assert set(names("")) == {"1", "2", "3", "4"} and names("")[0] in ("1", "4")
    assert names("text=&watch=&state=") == names("")
    assert names("text=REQUESTS b:9100") == ["2"] and names("text=web requests code") == ["1"]
    assert names("watch=node") == ["4"] and names("state=missing") == []
    text = words(outside.get("/series?state=missing", headers=BROWSER).text)
    assert "0 series" in text and "No series is like this" in text


def test_a_search_is_given_back_as_text(client: FlaskClient) -> None:
    page = client.get("/series", query_string={"text": '"><script>alert(1)</script>'})
    assert "<script>alert" not in page.text
    assert Document(page.text).named("input")[1]["value"] == '"><script>alert(1)</script>'


@pytest.mark.parametrize("length", ["6h", "1d", "7d", "30d"])
def test_the_page_of_a_series_has_its_chart_for_each_length(
    outside: FlaskClient, length: str
) -> None:
    page = outside.get(f"/series/1?range={length}", headers=BROWSER)
    text = words(page.text)
    document = Document(page.text)
    [svg] = document.named("svg")
    assert SERIES in str(svg["aria-label"])
    assert {path["class"] for path in document.named("path")} == {
        "band", "expected", "value", "outside", "frame"
    }  # fmt: skip
    assert len(document.named("rect")) == 1  # the alarm
    assert "above since 00:09 UTC" in text and "First sample 00:00 UTC (11 min ago)" in text
    [current] = [link for link in document.named("a") if link.get("aria-current") == "true"]
    assert current["href"] == f"?range={length}"


def test_an_earlier_chart_ends_where_it_is_asked_to(outside: FlaskClient) -> None:
    page = outside.get(f"/series/1?range=6h&to={START * 1000}", headers=BROWSER).text
    assert "page.js" not in page  # the past needs no refresh
    assert "2026-11-20T18:00:00Z to 2026-11-21T00:00:00Z" in page
    assert (
        "There is no sample in this time"
        in outside.get(f"/series/1?to={(START - 86_400) * 1000}", headers=BROWSER).text
    )


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/series/99", 404, "there is no series 99"),
        ("/series/x", 404, "there is no series x"),
        ("/series/1?range=2d", 400, "`2d` is not one of: 6h, 1d, 7d, 30d"),
        ("/series?watch=wep", 404, "there is no watch `wep`"),
        ("/series?colour=red", 400, "there is no parameter `colour`"),
        ("/nowhere", 404, "there is nothing at /nowhere"),
    ],
)
def test_an_error_is_a_page_for_people_and_says_what_to_do(
    client: FlaskClient, path: str, status: int, said: str
) -> None:
    page = client.get(path, headers=BROWSER)
    assert (page.status_code, page.mimetype) == (status, "text/html")
    assert said.lower() in words(page.text).lower()
    assert page.headers["Content-Security-Policy"] == CONTENT_POLICY


@pytest.mark.parametrize("path", ["/", "/series/99", "/nowhere"])
def test_a_program_gets_json(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "application/json"})
    assert answer.status_code == 404 and answer.get_json()["error"]["message"]


def test_an_api_error_stays_json_in_a_browser(client: FlaskClient) -> None:
    answer = client.get("/api/v1/scores?watch=wep", headers=BROWSER)
    assert answer.status_code == 404 and answer.get_json()["error"]["code"] == "unknown_watch"


@pytest.mark.parametrize("path", PAGES)
def test_reading_needs_credentials_where_they_are_set(service: Service, path: str) -> None:
    client = service.app(
        read_token=SecretStr("r"), basic_auth=(User(username="anna", password=SecretStr("a")),)
    ).test_client()
    led = client.get(path, headers=BROWSER)
    assert led.status_code == 303 and "sign-in" in led.headers["Location"]
    refused = client.get(path, headers=BROWSER, auth=("anna", "x"))
    assert (refused.status_code, refused.mimetype) == (401, "text/html")
    assert any(value.startswith("Basic") for value in refused.headers.getlist("WWW-Authenticate"))
    assert "the password is web.read_token" in words(refused.text)
    assert "requests" not in refused.text
    for credentials in (("anna", "a"), ("token", "r")):
        assert client.get(path, headers=BROWSER, auth=credentials).status_code == 200
    assert client.get("/page.css").status_code == 200  # of the page that refuses


@pytest.mark.parametrize("path", [*PAGES, "/nowhere"])
def test_a_page_loads_only_what_is_ours_and_names_its_parts(
    outside: FlaskClient, path: str
) -> None:
    page = outside.get(path, headers=BROWSER)
    assert page.headers["Content-Security-Policy"] == CONTENT_POLICY
    assert "unsafe" not in CONTENT_POLICY and page.headers["X-Frame-Options"] == "DENY"
    document = Document(page.text)
    assert document.open == []
    for tag, attributes in document.tags:
        assert tag != "style" and not any(name.startswith(("on", "style")) for name in attributes)
        for name in ("src", "href", "action"):
            address = attributes.get(name) or ""
            assert "//" not in address and not address.startswith("/"), address
    assert all(script.get("src") for script in document.named("script"))
    for link in document.named("link"):
        assert outside.get(urljoin(path, str(link["href"]))).status_code == 200
    assert {"header", "nav", "main", "footer", "h1"} <= {tag for tag, _ in document.tags}
    assert document.named("html")[0]["lang"] == "en"
    assert all(cell.get("scope") for cell in document.named("th"))
    ids = [attributes["id"] for _, attributes in document.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for _, attributes in document.tags:
        assert (attributes.get("aria-labelledby") or ids[0]) in ids


def test_fifty_incidents_are_shown_in_few_bytes(tmp_path: Path) -> None:
    """Charts come with the first pages that have time for them; then all are there."""
    store = Store.open(tmp_path)
    board = Board()
    now = END // STEP * STEP
    watches = crowded(store, board, now, series=2000, hours=2)
    client = create_app(replace(context(store, board, watches), clock=lambda: now)).test_client()
    pages = [client.get("/", headers=BROWSER) for _ in range(INCIDENTS)]
    store.close()
    assert f"{INCIDENTS} incidents are open" in pages[-1].text and INCIDENTS == MAX_CARDS
    assert len(Document(pages[-1].text).named("svg")) == INCIDENTS
    assert len(pages[-1].data) <= MAX_PAGE_BYTES


def test_a_chart_stays_small_though_every_sample_is_outside() -> None:
    times = START + STEP * np.arange(20_000)
    ones = np.ones(len(times))
    value = 5 + np.sin(times / 1000)
    samples = Samples(times, value, ones, 0 * ones, 2 * ones, 4 * ones, np.ones(len(times), int))
    few = condensed(samples, 100)
    assert len(few) <= 100 and (few.score > 1).all()
    assert few.value.max() == value.max() and few.value.min() == value.min()


def test_addresses_are_relative_so_that_a_proxy_may_add_a_prefix() -> None:
    assert [root_address(path) for path in ("/", "/series", "/series/1", "/series/")] == [
        "./", "./", "../", "../"
    ]  # fmt: skip


def test_elapsed_time_is_in_whole_minutes() -> None:
    assert [elapsed(0, seconds) for seconds in (-5, 59, 61, 3725)] == [
        "0 s", "59 s", "1 min", "1 h 2 min"
    ]  # fmt: skip
