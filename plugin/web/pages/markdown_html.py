"""Markdown of our own documentation as HTML: headings with the anchors of GitHub, tables that can
be scrolled, and links to files of the repository that are no pages."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

REPOSITORY = "https://github.com/bandwatch/bandwatch/blob/main/"
FOLDER = "docs"  # of the pages, in the repository


@dataclass(frozen=True)
class MarkdownPage:
    """A page of the documentation."""

    title: str
    body: str  # HTML


def markdown_page(text: str, path: str) -> MarkdownPage:
    """path: of the file within the documentation, such as `runbooks/anomaly.md`.

    Raw HTML in the text is shown as text.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    title = next((_words(head) for head in _headings(tokens)), path)
    _set_anchors(tokens)
    for token in tokens:
        if token.type in ("th_open", "td_open") and "style" in token.attrs:
            del token.attrs["style"]  # a browser refuses it
            token.attrSet("class", "number")
        for child in token.children or ():
            if child.type == "link_open":
                _set_link(child, path)
    body = parser.renderer.render(list(_scrolled(tokens)), parser.options, {})
    return MarkdownPage(title, body.replace("<pre>", '<pre tabindex="0">'))  # it can be scrolled


def _headings(tokens: Sequence[Token]) -> Iterator[Token]:
    """The content of each heading."""
    for before, token in zip(tokens, tokens[1:], strict=False):
        if before.type == "heading_open":
            yield token


def _set_anchors(tokens: Sequence[Token]) -> None:
    """As GitHub does, so that links into a page lead to the same place here and there."""
    seen: dict[str, int] = {}
    for before, token in zip(tokens, tokens[1:], strict=False):
        if before.type == "heading_open":
            anchor = re.sub(r"[^\w\- ]", "", _words(token).lower()).replace(" ", "-")
            number = seen.get(anchor, 0)
            seen[anchor] = number + 1
            before.attrSet("id", f"{anchor}-{number}" if number else anchor)


def _words(token: Token) -> str:
    """The text of a heading."""
    return "".join(child.content for child in token.children or ())


def _set_link(token: Token, path: str) -> None:
    target = str(token.attrGet("href") or "")
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        token.attrSet("rel", "noreferrer")
        return
    place = posixpath.normpath(posixpath.join(FOLDER, posixpath.dirname(path), parts.path))
    if parts.path and not place.startswith(f"{FOLDER}/"):
        anchor = f"#{parts.fragment}" if parts.fragment else ""
        token.attrSet("href", f"{REPOSITORY}{place}{anchor}")
        token.attrSet("rel", "noreferrer")


def _scrolled(tokens: Sequence[Token]) -> Iterator[Token]:
    """Each table in a region that can be scrolled, also by keyboard."""
    region: dict[str, Any] = {
        "class": "scroll",
        "tabindex": "0",
        "role": "region",
        "aria-label": "Table",
    }
    for token in tokens:
        if token.type == "table_open":
            yield Token("scroll_open", "div", 1, attrs=dict(region), block=True)
        yield token
        if token.type == "table_close":
            yield Token("scroll_close", "div", -1, block=True)
