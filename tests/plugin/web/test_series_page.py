"""The page of one series: what it says is unusual, and the facts about its model."""

import re
from html import unescape

import numpy as np
import pytest

from plugin.config import Watch
from plugin.domain.explanation import Explanation
from plugin.domain.times import DAY, HOUR
from plugin.web.pages.unusual_words import unusual_lines
from tests.plugin.web.conftest import END, STEP, Service
from tests.plugin.web.test_feedback import ALARM
from tests.plugin.web.test_incidents import keep
from tests.plugin.web.test_models import crown
from tests.plugin.web.test_pages import BROWSER, words


def section(service: Service, name: str, path: str) -> str:
    """The words of a section of a page."""
    page = service.app().test_client().get(path, headers=BROWSER).text
    found = re.search(rf'<section aria-labelledby="{name}">(.*?)</section>', page, re.DOTALL)
    assert found is not None
    return unescape(words(found[1])).strip()


@pytest.mark.parametrize(
    ("series", "later", "said"),
    [
        (2, STEP, "What is unusual Nothing unusual now: 9; expected -1 to 9"),
        (1, STEP, "What is unusual 24 expected -1 to 9 above its band (score 4)"),
        (
            2,
            2 * HOUR,
            "What is unusual No sample since 00:09 UTC, 2 h ago. The latest one: 9; expected -1"
            " to 9",
        ),
        (2, 2 * DAY, "What is unusual There is no recent sample."),
    ],
)
def test_a_normal_series_is_said_to_be_one(
    service: Service, series: int, later: int, said: str
) -> None:
    service.clock = lambda: END + later
    assert section(service, "words", f"/series/{series}") == said


def test_the_words_are_about_the_time_that_is_shown(service: Service) -> None:
    service.clock = lambda: END + 3 * DAY
    shown = f"/series/2?range=6h&to={END * 1000}"
    assert section(service, "words", shown).startswith("What is unusual Nothing unusual at this")
    before = f"/series/2?range=6h&to={(END - DAY) * 1000}"
    assert section(service, "words", before).endswith("There is no sample shortly before.")
    gap = f"/series/2?range=6h&to={(END + HOUR) * 1000}"
    assert "No sample since 00:09 UTC, 1 h earlier" in section(service, "words", gap)


def test_an_alarm_is_never_nothing(service: Service) -> None:
    keep(service, ALARM)
    service.clock = lambda: END + STEP
    text = section(service, "words", "/series/1")
    assert "Nothing" not in text and "above since 00:09 UTC" in text


def test_a_series_without_a_band_is_not_said_to_be_normal() -> None:
    unknown = Explanation(END, 9.0, np.nan, np.nan, np.nan, np.nan, "")
    assert unknown.parts == ["9", "no band yet"]
    lines = unusual_lines(unknown, Watch(name="web", query="up"), END, is_latest=True)
    assert lines == ["9", "no band yet"]


def test_times_of_the_model_are_those_of_the_page(service: Service) -> None:
    crown(service, 1)
    service.clock = lambda: END + STEP
    text = section(service, "model", "/series/1")
    assert "First sample 00:00 UTC (10 min ago) Latest sample 00:09 UTC (1 min ago)" in text
    assert "Fitted 00:00 UTC (10 min ago)" in text
    assert "Learnt from 10 min, up to 00:00 UTC (10 min ago)" in text
    assert not re.search(r"\d{2}Z", text)
