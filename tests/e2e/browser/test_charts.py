"""The chart of a series in a browser: zoom by pointer and keyboard, both themes, a phone, no
script; and the pages of series, watches and the report."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from plugin.web.parameters import CHART_LENGTHS
from tests.e2e.browser.shop import NOW, Shop
from tests.e2e.browser.visits import (
    DESK,
    PHONE,
    Complaints,
    grave_faults,
    is_wider_than_its_window,
    keep_picture,
    visit,
)

SIX_HOURS = 6 * 3600
PATHS = ("/series/1?range=1d", "/series", "/watches", "/watches/latency", "/report")


@pytest.fixture
def chart(page: Page) -> Iterator[Page]:
    """The page of the series that is outside, with its chart."""
    page.goto("/series/1")
    expect(page.locator(".plot canvas")).to_be_visible()
    yield page


def shown_range(page: Page) -> str:
    return page.locator(".period").inner_text()


def drag(page: Page, start: float, end: float) -> None:
    """Over a part of the chart; start, end: 0 = its left edge, 1 = its right one."""
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], height)
    page.mouse.down()
    page.mouse.move(box["x"] + (start + end) / 2 * box["width"], height)
    page.mouse.move(box["x"] + end * box["width"], height)
    page.mouse.up()


def test_dragging_zooms_in_and_a_double_click_goes_back(chart: Page) -> None:
    whole = shown_range(chart)
    with chart.expect_response(lambda answer: "/chart?" in answer.url) as answered:
        drag(chart, 0.5, 0.75)
    finer = answered.value.json()
    assert finer["end"] - finer["start"] < SIX_HOURS * 1000 / 3
    expect(chart.locator(".period")).not_to_have_text(whole)
    assert chart.locator("#zoom-back").get_attribute("aria-disabled") == "false"
    keep_picture(chart, "chart-zoomed")
    chart.locator(".u-over").dblclick()
    expect(chart.locator(".period")).to_have_text(whole)


def test_the_keyboard_zooms_and_moves(chart: Page) -> None:
    whole = shown_range(chart)
    chart.locator("#zoom-in").focus()
    for key, button in (("Enter", "zoom-in"), ("Space", "zoom-earlier")):
        before = shown_range(chart)
        chart.locator(f"#{button}").press(key)
        expect(chart.locator(".period")).not_to_have_text(before)
    for _ in range(2):
        before = shown_range(chart)
        chart.locator("#zoom-back").press("Enter")
        expect(chart.locator(".period")).not_to_have_text(before)
    assert shown_range(chart) == whole
    assert chart.locator("#zoom-out").get_attribute("aria-disabled") == "true"
    chart.locator("#zoom-out").press("Enter")
    assert shown_range(chart) == whole


def test_what_lies_under_the_pointer_is_told(chart: Page) -> None:
    chart.locator(".u-over").hover()
    expect(chart.locator(".reading")).to_contain_text("expected")


def test_a_refresh_keeps_the_zoom_and_the_focus(chart: Page, shop: Shop) -> None:
    chart.locator("#zoom-in").press("Enter")
    expect(chart.locator("#zoom-back")).to_have_attribute("aria-disabled", "false")
    zoomed = shown_range(chart)
    chart.locator("#zoom-in").focus()
    shop.now += 60
    chart.evaluate("document.querySelector('#words').textContent = 'old'")
    chart.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(chart.locator("#words")).to_have_text("What is unusual")
    assert shown_range(chart) == zoomed and chart.locator(".plot canvas").count() == 1
    assert chart.evaluate("document.activeElement.id") == "zoom-in"
    end = int(chart.locator("#plot").get_attribute("data-to") or 0)
    assert end >= (NOW + 60) * 1000


def test_a_chart_that_cannot_be_read_is_told(
    chart: Page, shop: Shop, complaints: Complaints
) -> None:
    complaints.expected.append("Failed to load resource")
    shop.stop()
    chart.locator("#zoom-in").press("Enter")
    expect(chart.locator(".reading")).to_contain_text("cannot be read")


def test_each_length_is_drawn(page: Page) -> None:
    for length in CHART_LENGTHS:
        page.goto(f"/series/5?range={length}")
        expect(page.locator(".plot canvas")).to_be_visible()
        expect(page.locator(".drawn svg")).to_be_hidden()
        keep_picture(page, f"chart-{length}")


def test_without_javascript_the_chart_is_a_picture(
    chromium: Browser, shop: Shop, complaints: Complaints
) -> None:
    with visit(chromium, shop.url, complaints, java_script_enabled=False) as page:
        page.goto("/series/1")
        expect(page.locator(".drawn svg")).to_be_visible()
        expect(page.locator(".plot")).to_be_hidden()
        keep_picture(page, "chart-no-script")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_and_a_phone_are_fit_for_people(
    chromium: Browser, shop: Shop, complaints: Complaints, scheme: str
) -> None:
    with visit(chromium, shop.url, complaints, color_scheme=scheme) as page:
        for path in PATHS:
            page.set_viewport_size(DESK)
            page.goto(path, wait_until="networkidle")
            assert grave_faults(page) == []
            keep_picture(page, f"{path.partition('?')[0][1:].replace('/', '-')}-{scheme}")
            page.set_viewport_size(PHONE)
            assert not is_wider_than_its_window(page), path
            keep_picture(page, f"{path.partition('?')[0][1:].replace('/', '-')}-{scheme}-phone")


def test_series_are_searched_filtered_and_sorted(page: Page) -> None:
    page.goto("/")
    page.locator("#search").fill("checkout")
    page.locator("#search").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_label("Labels").fill("instance=~a.*")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Labels").fill("")
    page.get_by_label("Watch").select_option("errors")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto("/series")
    page.get_by_role("link", name="Series", exact=True).last.click()
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "ascending")


def test_a_watch_shows_another_series(page: Page) -> None:
    page.goto("/watches")
    page.get_by_role("link", name="latency").click()
    expect(page.locator(".pictures svg")).to_have_count(3)
    page.get_by_label("Of the series").select_option(index=2)
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".pictures svg")).to_have_count(3)
