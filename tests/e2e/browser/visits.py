"""A page of the browser that is watched: what it complains of, and whom it asks."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request

NAME = "bandwatch.test"  # of this host: over plain HTTP a browser says less of a page than here
CHROMIUM = shutil.which("chromium")
SHOWN_SECONDS = 60  # for which a page may take to show what it is asked for, on a busy machine
PHONE = {"width": 360, "height": 780}
DESK = {"width": 1280, "height": 900}
GRAVE = ("serious", "critical")
PICTURES = os.environ.get("BANDWATCH_PICTURES", "")  # a folder; "" = pictures are not kept


@dataclass
class Complaints:
    """What a page has complained of, and requests to other hosts."""

    expected: list[str] = field(default_factory=list)  # parts of messages that a test provokes
    messages: list[str] = field(default_factory=list)

    def unexpected(self) -> list[str]:
        return [
            message
            for message in self.messages
            if not any(part in message for part in self.expected)
        ]

    def watch(self, page: Page, url: str) -> None:
        """url: of the service, the only one that may be asked."""

        def asked(request: Request) -> None:
            if not request.url.startswith((url, "data:", "blob:")):
                self.messages.append(f"asks {request.url}")

        def said(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                self.messages.append(f"{message.type}: {message.text}")

        def failed(error: Error) -> None:
            self.messages.append(f"thrown: {error}")

        page.on("request", asked)
        page.on("console", said)
        page.on("pageerror", failed)


@contextmanager
def visit(browser: Browser, url: str, complaints: Complaints, **context: Any) -> Iterator[Page]:
    """A page in a context of its own, with no cookie. context: as of `Browser.new_context`."""
    settings: dict[str, Any] = {"viewport": DESK, "base_url": url, "reduced_motion": "reduce"}
    own = browser.new_context(**{**settings, **context})
    own.set_default_timeout(SHOWN_SECONDS * 1000)
    page = own.new_page()
    complaints.watch(page, url)
    try:
        yield page
    finally:
        own.close()


def grave_faults(page: Page) -> list[str]:
    """What axe finds to be serious or critical, each with the first element."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {fault['nodes'][0]['html']}"
        for fault in violations
        if fault["impact"] in GRAVE
    ]


def is_wider_than_its_window(page: Page) -> bool:
    """Whether the whole page has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def keep_picture(page: Page, name: str) -> None:
    """Of the whole page, where BANDWATCH_PICTURES names a folder."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
