"""The page at `/`: it refreshes itself and disturbs nobody, and takes answers."""

from playwright.sync_api import Browser, Page, expect

from plugin.domain.tolerances import Verdict
from tests.e2e.browser.shop import NOW, Shop
from tests.e2e.browser.visits import NAME, Complaints, visit

LATER = NOW + 5 * 60
# What the timer of the page does every 15 seconds.
REFRESH = "document.dispatchEvent(new Event('visibilitychange'))"


def refresh(page: Page, shop: Shop) -> None:
    """Moves time on, and has the page fetched again."""
    shop.now += 5 * 60
    page.evaluate(REFRESH)
    expect(page.get_by_text("As of 14:35 UTC")).to_be_visible()


def test_it_refreshes_and_keeps_scroll_focus_and_what_is_open(page: Page, shop: Shop) -> None:
    page.set_viewport_size({"width": 400, "height": 500})
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 incidents are open")
    page.locator("summary").click()
    page.get_by_role("button", name="Real").last.focus()
    focused = page.evaluate("document.activeElement.id")
    page.evaluate("scrollTo(0, 333)")
    refresh(page, shop)
    assert page.evaluate("[document.activeElement.id, scrollY]") == [focused, 333]
    expect(page.locator("details li").first).to_be_visible()


def test_it_leaves_alone_what_someone_is_writing(page: Page, shop: Shop) -> None:
    page.goto("/incidents")
    page.locator("tbody a").nth(1).click()
    page.get_by_label("Comment").fill("a load test")
    page.evaluate(REFRESH)
    page.get_by_role("button", name="False alarm").click()
    expect(page.locator(".given")).to_contain_text("False alarm, by anyone")
    expect(page.locator(".given")).to_contain_text("a load test")


def test_an_incident_is_answered_and_the_answer_is_taken_back(page: Page, shop: Shop) -> None:
    page.goto("/")
    card = page.locator(".card").nth(1)
    card.get_by_role("button", name="False alarm").click()
    expect(card.get_by_text("False alarm, by anyone")).to_be_visible()
    assert page.url.startswith(f"{shop.url}/#incident-")
    entries = [e for e in shop.store.feedback.between(0, LATER) if e.verdict is Verdict.FALSE_ALARM]
    assert len(entries) == 1 and entries[0].in_force
    card.get_by_role("button", name="Take it back").click()
    expect(card.get_by_text("False alarm, by anyone")).to_have_count(0)
    entries = [e for e in shop.store.feedback.between(0, LATER) if e.verdict is Verdict.FALSE_ALARM]
    assert not entries[0].in_force


def test_a_card_leads_to_its_incident_and_what_moved_first(page: Page) -> None:
    page.goto("/")
    page.locator(".card h2 a").nth(1).click()
    expect(page.get_by_role("heading", name="What moved first")).to_be_visible()
    expect(page.locator(".members li")).to_have_count(3)
    expect(page.locator(".timeline li").first).to_contain_text("checkout v1.42")
    assert page.get_by_role("link", name="checkout v1.42").get_attribute("rel") == "noreferrer"


def test_the_summary_is_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/incidents")
    page.locator("tbody a").nth(1).click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.startswith("## 3 of 3 series of shop") and text == page.input_value("#summary")


def test_series_are_searched_from_every_page(page: Page) -> None:
    page.goto("/docs/page.md")
    page.get_by_role("searchbox", name="Search series").fill("search b:9100")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody a").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text('service="search"')


def test_an_address_without_a_page_is_told(page: Page, complaints: Complaints) -> None:
    complaints.expected.append("404")
    page.goto("/nowhere")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    page.get_by_role("link", name="Now").click()
    expect(page.locator(".card")).to_have_count(2)


def test_it_says_that_the_service_is_gone_and_goes_on_when_it_is_back(
    page: Page, shop: Shop, complaints: Complaints
) -> None:
    complaints.expected.append("ERR_CONNECTION_REFUSED")
    page.goto("/")
    shop.stop()
    page.evaluate(REFRESH)
    expect(page.get_by_role("status")).to_contain_text("the service does not answer")
    expect(page.locator(".card")).to_have_count(2)
    shop.start()
    refresh(page, shop)
    expect(page.get_by_role("status")).to_have_text("")


def test_forms_are_taken_over_plain_http(
    chromium: Browser, shop: Shop, complaints: Complaints
) -> None:
    complaints.expected.append("Cross-Origin-Opener-Policy header has been ignored")
    url = shop.url.replace("127.0.0.1", NAME)
    with visit(chromium, url, complaints) as page:
        page.goto("/")
        card = page.locator(".card").first
        card.get_by_role("button", name="Real").click()
        expect(card.get_by_text("Real, by anyone")).to_be_visible()
        number = card.get_attribute("id").removeprefix("incident-")
        page.goto(f"/feedback?incident={number}")
        page.get_by_role("button", name="False alarm").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Noted: false alarm")
