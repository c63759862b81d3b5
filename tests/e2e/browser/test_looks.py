"""Every page by axe, in both themes and on a phone. BANDWATCH_PICTURES=folder keeps pictures."""

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browser.shop import Shop
from tests.e2e.browser.visits import (
    DESK,
    PHONE,
    Complaints,
    grave_faults,
    is_wider_than_its_window,
    keep_picture,
    visit,
)

PAGES = {
    "now": "/",
    "incidents": "/incidents",
    "incident": "",  # the address depends on the store
    "maintenance": "/maintenance",
    "docs": "/docs/",
    "docs-page": "/docs/page.md",
    "runbook": "/docs/runbooks/anomaly.md",
    "not-found": "/nowhere",
}
LOOKS = {
    "light": {"viewport": DESK, "color_scheme": "light"},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "has_touch": True},
}


@pytest.mark.parametrize("look", LOOKS)
def test_no_page_has_a_grave_fault(
    chromium: Browser, shop: Shop, complaints: Complaints, look: str
) -> None:
    complaints.expected.append("404")
    with visit(chromium, shop.url, complaints, **LOOKS[look]) as page:
        for name, path in PAGES.items():
            page.goto(path or _incident(page))
            assert grave_faults(page) == [], name
            assert not is_wider_than_its_window(page), name
            keep_picture(page, f"{name}-{look}")


def _incident(page: Page) -> str:
    page.goto("/incidents")
    return str(page.locator("tbody a").nth(1).get_attribute("href"))
