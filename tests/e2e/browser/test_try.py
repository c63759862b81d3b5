"""The page /try in a browser: a setting that is wrong, progress without a reload, the outcome, a
preview that is cancelled. The previews are real."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from plugin.config import Config, PrometheusSettings
from plugin.domain.times import DAY, HOUR
from plugin.metrics import Metrics
from plugin.preview.orders import PreviewOrders
from plugin.series import FloatArray, IntArray
from plugin.store import Store
from plugin.web.preview_orders import PreviewOrder, PreviewState
from tests.computed_source import ComputedSeries, ComputedSource
from tests.e2e.browser.shop import NOW, WATCHES, Shop, opened
from tests.e2e.browser.test_looks import LOOKS
from tests.e2e.browser.visits import (
    Complaints,
    grave_faults,
    is_wider_than_its_window,
    keep_picture,
)

OUTAGE = NOW - 20 * HOUR
PATIENCE_SECONDS = 300  # for a preview on a busy machine


def load(times: IntArray) -> FloatArray:
    """A day of people, and an outage of three hours."""
    calm = 100 + 20 * np.sin(2 * np.pi * times / DAY) + np.sin(times.astype(float))
    return calm + 60 * ((times >= OUTAGE) & (times < OUTAGE + 3 * HOUR))


def quiet(times: IntArray) -> FloatArray:
    return np.asarray(10 + np.sin(2 * np.pi * times / DAY) + 0.1 * np.sin(times.astype(float)))


class BaselineOrders(PreviewOrders):
    """With the detector that learns without torch: a fit takes no time."""

    def start(self, order: PreviewOrder) -> PreviewState:
        watch = order.watch.model_copy(update={"detector": "baseline"})
        return super().start(replace(order, watch=watch))


@pytest.fixture
def shop(seeded: Path, tmp_path: Path) -> Iterator[Shop]:
    """With previews of a source that has two series."""
    series = (ComputedSeries({"job": "api"}, load), ComputedSeries({"job": "db"}, quiet))
    source = ComputedSource({"load": series}).serve()
    config = Config(prometheus=PrometheusSettings(url=source.url), watches=tuple(WATCHES.values()))

    def desk(store: Store, metrics: Metrics) -> PreviewOrders:
        parts = SimpleNamespace(config=config, store=store, metrics=metrics)
        return BaselineOrders(cast(Any, parts), lambda: float(NOW))

    shop = opened(seeded, tmp_path / "store")
    shop.desk = desk
    with shop:
        yield shop
    cast(PreviewOrders, shop.context.previews).close()
    source.close()


def fill(page: Page, **fields: str) -> None:
    for label, text in fields.items():
        page.locator(f"#{label}").fill(text)


def look(page: Page, name: str) -> None:
    """In both themes, and on a phone."""
    for theme, settings in LOOKS.items():
        page.emulate_media(color_scheme=settings["color_scheme"])
        page.set_viewport_size(settings["viewport"])
        assert grave_faults(page) == [], f"{name}, {theme}"
        assert not is_wider_than_its_window(page), f"{name}, {theme}"
        keep_picture(page, f"{name}-{theme}")


def test_a_setting_is_tried(page: Page, complaints: Complaints) -> None:
    complaints.expected.append("400")
    page.goto("/try")
    look(page, "try")
    fill(page, query="load", since="2d", step="often")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("alert")).to_contain_text("valid is a duration")
    expect(page.locator("#step")).to_be_focused()
    look(page, "try-fault")
    fill(page, step="30m")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "It would have alerted once", timeout=PATIENCE_SECONDS * 1000
    )
    expect(page.locator("figure")).to_have_count(2)
    expect(page.locator("tbody tr")).to_contain_text("api above its band")
    assert "query: load" in page.input_value("#yaml")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    look(page, "try-outcome")


def test_a_preview_is_cancelled(page: Page) -> None:
    page.goto("/try")
    fill(page, query="load", since="30d", step="1m")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    look(page, "try-at-work")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status").first).to_have_text("It was cancelled.")
    assert page.input_value("#query") == "load"
