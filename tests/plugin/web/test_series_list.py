"""The list of series: filtered by labels, sorted by each column."""

import re

import numpy as np
import pytest
from flask.testing import FlaskClient

from plugin.config import WebSettings
from plugin.selectors import Matcher
from plugin.web.pages import series_list_page
from plugin.web.parameter_readers import read_label_filter
from tests.plugin.web.conftest import Service
from tests.plugin.web.test_pages import BROWSER, Document, words


def ids(client: FlaskClient, **query: str) -> list[str]:
    page = client.get("/series", query_string=query, headers=BROWSER)
    assert page.status_code == 200, page.text
    return re.findall(r'class="name" href="series/(\d+)"', page.text)


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ("job=api", [("job", "=", "api")]),
        (" job = api , code=~5.. ", [("job", "=", "api"), ("code", "=~", "5..")]),
        ('job!="a,b"', [("job", "!=", "a,b")]),
        ("path=~/x{2},job!~'b.*'", [("path", "=~", "/x{2}"), ("job", "!~", "b.*")]),
        ('up{job="api"}', [("__name__", "=", "up"), ("job", "=", "api")]),
        ("{job=`a`}", [("job", "=", "a")]),
        ("code=", [("code", "=", "")]),
        ('say=a"b\\', [("say", "=", 'a"b\\')]),
    ],
)
def test_labels_are_read_as_people_write_them(
    text: str, matchers: list[tuple[str, str, str]]
) -> None:
    assert read_label_filter(text, WebSettings()) == tuple(Matcher(*each) for each in matchers)


@pytest.mark.parametrize("text", ["job", "=api", "job=~(", "job=api code=5=6{", "{job=api}"])
def test_what_is_no_filter_is_refused(client: FlaskClient, text: str) -> None:
    page = client.get("/series", query_string={"label": text}, headers=BROWSER)
    assert page.status_code in (200, 400)
    if page.status_code == 400:
        assert "`label`" in words(page.text)


def test_series_are_filtered_by_label(client: FlaskClient) -> None:
    assert ids(client, label="job=api, code=500") == ["1"]
    assert set(ids(client, label="job=~api|db")) == {"1", "2", "3"}
    assert ids(client, label='{job="api",code=""}', watch="web") == ["2"]
    assert ids(client, label="job=nothing") == []


def test_series_are_sorted_by_each_column(service: Service, client: FlaskClient) -> None:
    service.change(score=np.array([np.nan, 0.2, 5.0]))
    assert ids(client)[0] == "3"
    assert ids(client, sort="watch") == ["4", *ids(client, sort="name", watch="web")]
    names = ids(client, sort="name")
    assert names.index("1") < names.index("2")  # code= before instance=
    assert len(ids(client, sort="state")) == 4
    assert client.get("/series?sort=size", headers=BROWSER).status_code == 400


def test_only_the_first_in_the_order_are_shown(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = ids(client, sort="name")
    monkeypatch.setattr(series_list_page, "MAX_LINES", 2)
    assert ids(client, sort="name") == everything[:2]
    assert "2 more are not" in words(client.get("/series?sort=name", headers=BROWSER).text)


def test_the_order_keeps_the_filter_and_the_form_keeps_the_order(client: FlaskClient) -> None:
    page = Document(client.get("/series?label=job%3Dapi&sort=name", headers=BROWSER).text)
    assert "series?label=job%3Dapi&sort=watch" in [link["href"] for link in page.named("a")]
    fields = {field["name"]: field["value"] for field in page.named("input") if "value" in field}
    assert fields["label"] == "job=api" and fields["sort"] == "name"
    assert [cell.get("aria-sort") for cell in page.named("th") if cell.get("aria-sort")] == [
        "ascending"
    ]
