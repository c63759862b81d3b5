"""Maintenance planned and ended by the forms of the page, with and without JavaScript."""

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser.shop import Shop
from tests.e2e.browser.visits import Complaints, visit


@pytest.mark.parametrize("script", [True, False])
def test_a_window_is_planned_and_ended(
    chromium: Browser, shop: Shop, complaints: Complaints, script: bool
) -> None:
    complaints.expected.append("400")
    with visit(chromium, shop.url, complaints, java_script_enabled=script) as page:
        page.goto("/")
        page.get_by_role("link", name="Maintenance").click()
        page.get_by_label("Name", exact=True).fill("a new rack")
        page.get_by_label("Series", exact=True).fill('{service="cart"}')
        page.get_by_label("Lasts").fill("soon")
        page.get_by_role("button", name="Plan it").click()
        expect(page.get_by_role("alert")).to_contain_text("soon")
        page.get_by_label("Lasts").fill("2h")
        page.get_by_role("button", name="Plan it").click()
        expect(page.get_by_role("status").first).to_contain_text("Added: a new rack")
        row = page.locator("tr", has_text="a new rack")
        expect(row).to_contain_text("14:30 UTC to 16:30 UTC")
        expect(row).to_contain_text("active")
        shop.now += 60
        row.get_by_role("button", name="End a new rack").click()
        expect(row).to_contain_text("14:30 UTC to 14:31 UTC")
        expect(row).to_contain_text("ended")
        expect(row.get_by_role("button")).to_have_count(0)
