"""Signing in by the form, in a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from plugin.config import User
from tests.e2e.browser.shop import Shop, opened
from tests.e2e.browser.test_now import REFRESH
from tests.e2e.browser.visits import (
    PHONE,
    Complaints,
    grave_faults,
    is_wider_than_its_window,
    keep_picture,
    visit,
)

EXPIRY = 3600


@pytest.fixture
def shop(seeded: Path, tmp_path: Path) -> Iterator[Shop]:
    """With a token and with two users."""
    users = (
        User(username="anna", password=SecretStr("a"), may_write=True),
        User(username="bert", password=SecretStr("b")),
    )
    settings = {"write_token": SecretStr("w"), "basic_auth": users, "session_expiry": EXPIRY}
    with opened(seeded, tmp_path / "store", **settings) as shop:
        yield shop


def sign_in(page: Page, name: str, secret: str) -> None:
    page.get_by_label("User").fill(name)
    page.get_by_label("Password or token").fill(secret)
    page.get_by_role("button", name="Sign in").click()


def test_one_signs_in_by_name_and_comes_to_the_page_asked_for(
    page: Page, shop: Shop, complaints: Complaints
) -> None:
    complaints.expected.append("403")
    page.goto("/series?text=cart&watch=latency")
    assert page.url.startswith(f"{shop.url}/sign-in")
    assert grave_faults(page) == []
    keep_picture(page, "sign-in")
    sign_in(page, "anna", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("is not known")
    assert page.get_by_label("User").input_value() == "anna"
    sign_in(page, "anna", "a")
    assert page.url == f"{shop.url}/series?text=cart&watch=latency"
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_text("anna")).to_be_visible()


def test_one_signs_in_by_a_token_and_out(page: Page, shop: Shop) -> None:
    page.goto("/")
    sign_in(page, "", "w")
    page.locator(".card").first.get_by_role("button", name="Real").click()
    expect(page.get_by_text("Real, by token")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    assert page.url == f"{shop.url}/sign-in"
    page.goto("/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_one_who_may_only_read_cannot_change(page: Page, shop: Shop) -> None:
    page.goto("/")
    sign_in(page, "bert", "b")
    expect(page.get_by_text("bert, may read")).to_be_visible()
    page.set_viewport_size(PHONE)
    assert grave_faults(page) == [] and not is_wider_than_its_window(page)
    keep_picture(page, "signed-in-phone")
    expect(page.locator(".card")).to_have_count(2)
    assert page.get_by_role("button", name="Real").count() == 0
    page.goto("/maintenance")
    assert page.get_by_role("button", name="Plan it").count() == 0


def test_a_session_that_is_over_leads_back_to_the_form_and_then_to_the_page(
    page: Page, shop: Shop
) -> None:
    page.goto("/")
    sign_in(page, "anna", "a")
    page.goto("/incidents?range=1d")
    page.locator("tbody a").nth(1).click()
    here = page.url
    shop.now += EXPIRY + 1
    page.evaluate(REFRESH)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, "anna", "a")
    expect(page.get_by_role("heading", name="What moved first")).to_be_visible()
    assert page.url == here


def test_an_answer_after_the_session_is_over_is_asked_for_again(page: Page, shop: Shop) -> None:
    page.goto("/")
    sign_in(page, "anna", "a")
    shop.now += EXPIRY + 1
    page.locator(".card").first.get_by_role("button", name="Real").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in(page, "anna", "a")
    page.get_by_role("button", name="Real").click()
    expect(page.locator(".given")).to_contain_text("Real, by anna")


def test_a_session_outlasts_a_restart(page: Page, shop: Shop, complaints: Complaints) -> None:
    complaints.expected.append("ERR_CONNECTION_REFUSED")  # the page refreshes itself meanwhile
    page.goto("/")
    sign_in(page, "anna", "a")
    shop.restart()
    page.reload()
    expect(page.locator(".card")).to_have_count(2)


def test_a_link_from_a_message_is_followed_with_the_session(
    chromium: Browser, shop: Shop, complaints: Complaints
) -> None:
    with visit(chromium, shop.url, complaints) as page:
        page.goto("/")
        sign_in(page, "anna", "a")
        complaints.expected.append("asks http://localhost")
        # localhost is another site than 127.0.0.1
        page.route(
            "http://localhost/**",
            lambda route: route.fulfill(
                body=f"<a href='{shop.url}/incidents'>open</a>"
                f"<form method=post action='{shop.url}/maintenance'>"
                "<input name=match value='{}'><input name=duration value=1h><button>plan</button>",
                content_type="text/html",
            ),
        )
        page.goto("http://localhost/mail")
        page.get_by_role("link", name="open").click()
        expect(page.get_by_role("heading", name="Incidents")).to_be_visible()
        page.goto("http://localhost/mail")
        windows = shop.context.maintenance.windows()
        page.get_by_role("button", name="plan").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert shop.context.maintenance.windows() == windows
