"""The documentation under /docs/: what is in the package, so that a link to a runbook leads
somewhere without a network."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from flask import Response, request

from plugin.domain.windows import one_line
from plugin.errors import RequestError
from plugin.nearest_name import nearest
from plugin.web.pages.markdown_html import MarkdownPage, markdown_page
from plugin.web.pages.page_html import page, redirection
from plugin.web.pages.page_queries import DocumentQuery
from plugin.web.queries import NoQuery
from plugin.web.responses import View

DOCS = Path(__file__).parents[2] / "docs"
INDEX = "README.md"
RUNBOOKS = "runbooks"
PICTURES = "pictures"
MEDIA: Mapping[str, str] = MappingProxyType({".png": "image/png", ".svg": "image/svg+xml"})
PICTURE_SECONDS = 3600  # that a browser need not ask again


def docs_views() -> Mapping[str, View]:
    """By the name of the route."""
    return {
        "docs_index": _index,
        "docs_page": lambda query: _document(query, ""),
        "runbook_page": lambda query: _document(query, RUNBOOKS),
        "docs_picture": _picture,
    }


def _index(_: NoQuery) -> Response:
    if not request.path.endswith("/"):
        return redirection("docs/")  # its links are relative to that
    return _page(INDEX)


def _document(query: DocumentQuery, folder: str) -> Response:
    name = f"{query.name.removesuffix('.md')}.md"
    return _page(_known(name, folder, "page"))


def _page(path: str) -> Response:
    document = _rendered(path)
    return page(
        "page_docs.html",
        title=f"{document.title} · Bandwatch",
        document=document,
        is_index=path == INDEX,
    )


def _picture(query: DocumentQuery) -> Response:
    path = _known(query.name, PICTURES, "picture")
    headers = {"Cache-Control": f"public, max-age={PICTURE_SECONDS}"}
    return Response((DOCS / path).read_bytes(), headers=headers, mimetype=MEDIA[Path(path).suffix])


def _known(name: str, folder: str, noun: str) -> str:
    """The path of a file within the documentation. Raises RequestError where there is none."""
    names = _names(folder)
    if name not in names:
        raise RequestError(
            f"there is no {noun} `{one_line(name)[:80]}`{nearest(name, names)}; /docs/ lists them",
            field="name",
            status=404,
            code="not_found",
        )
    return f"{folder}/{name}" if folder else name


@cache
def _names(folder: str) -> tuple[str, ...]:
    """The files in a folder of the documentation."""
    return tuple(sorted(path.name for path in (DOCS / folder).iterdir() if path.is_file()))


@cache
def _rendered(path: str) -> MarkdownPage:
    return markdown_page((DOCS / path).read_text(encoding="utf-8"), path)
