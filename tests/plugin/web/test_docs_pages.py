"""The documentation as the service serves it."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from plugin.web.pages.docs_page import DOCS
from plugin.web.pages.markdown_html import REPOSITORY, markdown_page
from tests.plugin.web.conftest import Service
from tests.plugin.web.test_pages import BROWSER

ROOT = Path(__file__).parents[3]
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
PICTURES = sorted(path.name for path in (DOCS / "pictures").iterdir())


class Page(HTMLParser):
    """Ids and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.addresses: list[str] = []
        self.styles: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.add(found.get("id") or "")
        self.addresses += [found[name] or "" for name in ("href", "src") if name in found]
        self.styles += [found["style"] or ""] if "style" in found else []


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_served_and_its_links_lead_somewhere(client: FlaskClient, name: str) -> None:
    path = "/docs/" if name == "README.md" else f"/docs/{name}"
    shown = client.get(path, headers=BROWSER)
    assert shown.status_code == 200
    page = Page(shown.text)
    assert page.styles == []  # the browser would refuse them
    for address in page.addresses:
        target, anchor = urldefrag(urljoin(f"http://localhost{path}", address))
        if address.startswith(REPOSITORY):
            assert (ROOT / urlsplit(target).path.split("/main/", 1)[1]).exists(), address
        elif urlsplit(target).netloc == "localhost":
            answer = client.get(urlsplit(target).path, headers=BROWSER)
            assert answer.status_code == 200, address
            assert not anchor or anchor in Page(answer.text).ids, address


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_is_served(client: FlaskClient, name: str) -> None:
    shown = client.get(f"/docs/pictures/{name}")
    media = "image/svg+xml" if name.endswith(".svg") else "image/png"
    assert (shown.status_code, shown.mimetype) == (200, media)
    assert shown.data == (DOCS / "pictures" / name).read_bytes()


def test_every_runbook_of_our_rules_is_served(client: FlaskClient) -> None:
    rules = [path.read_text() for path in (ROOT / "grafana").rglob("*.yml")]
    books = {book for text in rules for book in re.findall(r"/main(/docs/runbooks/\S+)", text)}
    assert len(books) >= 6
    for book in books:
        assert client.get(book, headers=BROWSER).status_code == 200
        assert client.get(book.removesuffix(".md"), headers=BROWSER).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/docs/nothing",
        "/docs/../plugin/app.py",
        "/docs/..%2F..%2Fplugin%2Fapp.py",
        "/docs/runbooks",
        "/docs/pictures/page.md",
        "/docs/runbooks/..%2Fpage",
    ],
)
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers=BROWSER).status_code == 404


def test_the_index_is_at_its_folder(client: FlaskClient) -> None:
    led = client.get("/docs", headers=BROWSER)
    assert (led.status_code, led.headers["Location"]) == (303, "./docs/")


def test_who_is_woken_reads_them_without_signing_in(service: Service) -> None:
    client = service.app(read_token=SecretStr("r")).test_client()
    assert client.get("/docs/runbooks/anomaly.md", headers=BROWSER).status_code == 200


def test_markdown_becomes_a_page() -> None:
    page = markdown_page(
        "# A `b` *c*\n\n## Same\n\n## Same\n\n<b>raw</b> [x](../../README.md#top) [y](other.md)"
        " [z](javascript:alert(1))\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n"
        "```console\n$ <pre>\n```\n",
        "runbooks/x.md",
    )
    assert page.title == "A b c"
    assert '<h1 id="a-b-c">' in page.body and '<h2 id="same-1">' in page.body
    assert "&lt;b&gt;raw" in page.body and "javascript:" not in re.sub(r">[^<]*<", "><", page.body)
    assert f'href="{REPOSITORY}README.md#top"' in page.body and 'href="other.md"' in page.body
    assert '<div class="scroll" tabindex="0" role="region"' in page.body
    assert '<td class="number">2</td>' in page.body
    assert '<pre tabindex="0"><code class="language-console">$ &lt;pre&gt;' in page.body
