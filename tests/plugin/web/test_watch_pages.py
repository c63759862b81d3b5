"""The pages of the watches and the report, through Flask's client and a real store."""

import re
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from plugin.config import Watch, watch_settings
from plugin.domain.times import DAY
from plugin.series import Tick
from tests.plugin.web.conftest import END, START, STEP, Service
from tests.plugin.web.test_budget import NOW, client  # noqa: F401
from tests.plugin.web.test_pages import BROWSER, Document, words

HALF_HOUR = 1800


def shown(client: FlaskClient, path: str, status: int = 200) -> Any:  # noqa: F811
    page = client.get(path, headers=BROWSER)
    assert page.status_code == status, page.text
    document = Document(page.text)
    assert document.open == []
    return page.text


def test_every_watch_has_a_line_with_its_query(client: FlaskClient) -> None:  # noqa: F811
    text = shown(client, "/watches")
    assert re.findall(r'href="watches/(\w+)"', text) == ["node", "web", "young"]
    assert text.count("<code") == 3


def test_a_watch_has_its_settings_and_its_noisiest_series(client: FlaskClient) -> None:  # noqa: F811
    text = words(shown(client, "/watches/web"))
    assert text.index("learn_for 0s") < text.index("are at their default") < text.index("auto")
    assert "The noisiest series of 7 days" in text
    assert "would have removed" in text
    assert "1 a week and series at most" in text
    assert "Not known yet" in text  # ten samples show no shape


def test_the_settings_are_spelled_as_in_the_file() -> None:
    watch = Watch(
        name="web", query="up", persistence=(2, 3), valid_range=(0.0, np.inf), labels={"team": "a"}
    )
    settings = {name: (text, is_default) for name, text, is_default in watch_settings(watch)}
    assert settings["name"] == ("web", False)
    assert settings["step"] == ("1m", True)
    assert settings["labels"] == ("{team: a}", False)
    assert settings["persistence"][1] is False and "2" in settings["persistence"][0]


def test_what_is_learnt_is_drawn_for_the_series_that_is_asked_for(service: Service) -> None:
    days = 8
    times = START + 30 * DAY + HALF_HOUR * np.arange(days * 48)
    season = np.sin(2 * np.pi * times / DAY)[np.newaxis]
    ones = np.ones_like(season)
    ids = np.array([2])
    tick = Tick("web", ids, times, season, season, season - 1, season + 2, 0 * ones, ids)
    service.store.write([tick], "query", (int(times[0]), int(times[-1])))
    service.clock = lambda: float(times[-1])
    text = shown(service.app().test_client(), "/watches/web?id=2")
    labels = [str(svg["aria-label"]) for svg in Document(text).named("svg")]
    assert [label.split(":")[0] for label in labels] == [
        "A day", "A week", "Width of the band over a day"
    ]  # fmt: skip
    assert "highest 1 at 06:15" in labels[0] or "highest 1 at 05:45" in labels[0]
    assert "lowest 3" in labels[2] and "highest 3" in labels[2]
    assert '<option value="2" selected>' in text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/watches/wep", "there is no watch `wep`; the nearest is `web`"),
        ("/watches/web?id=4", "web has no series 4"),
    ],
)
def test_an_unknown_watch_or_series_is_told(client: FlaskClient, path: str, said: str) -> None:  # noqa: F811
    assert said.lower() in words(shown(client, path, 404)).lower()


def test_another_setting_can_be_tried_where_there_is_a_page_for_it(service: Service) -> None:
    app: Flask = service.app()
    app.view_functions.pop("try_page", None)
    assert "Try another setting" not in shown(app.test_client(), "/watches/web")
    app.view_functions["try_page"] = lambda: ""
    assert 'href="../try?watch=web"' in shown(app.test_client(), "/watches/web")


def test_the_report_says_what_the_command_says(client: FlaskClient) -> None:  # noqa: F811
    text = words(shown(client, "/report"))
    assert "How noisy were the last 7 days?" in text and "3 alarms in 7 days" in text
    assert "would have removed" in text
    assert "What could not be scored" in text and "young is" in text
    assert "4 alarms in 30 days" in words(shown(client, "/report?days=30"))
    assert "days" in words(shown(client, "/report?days=8", 400))


def test_an_empty_report_is_told(service: Service) -> None:
    service.clock = lambda: float(NOW)
    text = words(shown(service.app().test_client(), "/report"))
    assert "No series has raised an alarm" in text
    assert END < NOW and STEP
