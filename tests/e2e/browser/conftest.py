"""One Chromium per process of tests; each test has its own shop and its own page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.browser.shop import Shop, opened, seed
from tests.e2e.browser.visits import CHROMIUM, NAME, SHOWN_SECONDS, Complaints, visit


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's. It finds no other host than this one, which has a second name."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: as root, deploy/install-servers.sh installs it")
    expect.set_options(timeout=SHOWN_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                f"--host-resolver-rules=MAP {NAME} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a filled store; tests work on copies."""
    folder = tmp_path_factory.mktemp("shop") / "store"
    seed(folder)
    return folder


@pytest.fixture
def shop(seeded: Path, tmp_path: Path) -> Iterator[Shop]:
    """Without credentials, as on one's own machine."""
    with opened(seeded, tmp_path / "store") as shop:
        yield shop


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Fails the test at its end for each complaint that it does not expect."""
    found = Complaints()
    yield found
    assert found.unexpected() == []


@pytest.fixture
def page(chromium: Browser, shop: Shop, complaints: Complaints) -> Iterator[Page]:
    with visit(chromium, shop.url, complaints) as page:
        yield page
