"""Pages as responses: one template each, one style, one script, nothing from elsewhere.

The templates escape every value. Addresses are relative, so that a proxy may add a prefix.
"""

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from flask import Response, current_app, render_template, request

from plugin.version import VERSION
from plugin.web.queries import NoQuery
from plugin.web.route import HTML

TEMPLATES = Path(__file__).parents[1] / "templates"
# The browser may load what is ours and send forms to us, and nothing else.
CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# Title and address of the pages that every page leads to.
NAVIGATION = (
    ("Now", ""),
    ("Incidents", "incidents"),
    ("Series", "series"),
    ("Watches", "watches"),
    ("Maintenance", "maintenance"),
    ("Report", "report"),
    ("Try", "try"),
    ("Docs", "docs/"),
)


def page(template: str, *, title: str, status: int = 200, **content: object) -> Response:
    """A page made from one of the templates.

    title: of the window; content: what the template shows.
    """
    body = render_template(
        template,
        title=title,
        root=root_address(request.path),
        navigation=_navigation(),
        version=VERSION,
        **content,
    )
    headers = {"Content-Security-Policy": CONTENT_POLICY}
    return Response(body, status, headers, mimetype="text/html")


def root_address(path: str) -> str:
    """The relative address of `/`, seen from a path."""
    return "../" * (path.count("/") - 1) or "./"


def redirection(address: str) -> Response:
    """To another page of ours, which is fetched by GET. address: relative to `/`."""
    location = f"{root_address(request.path)}{address}"
    return Response("", 303, {"Location": location}, mimetype="text/html")


def to_sign_in() -> Response:
    """To the form, which leads back to here."""
    here = request.full_path.lstrip("/").rstrip("?")
    return redirection(f"sign-in?{urlencode({'next': here})}" if here else "sign-in")


def _navigation() -> list[tuple[str, str]]:
    """The pages that this application has."""
    rules = {rule.rule for rule in current_app.url_map.iter_rules()}
    return [(title, address) for title, address in NAVIGATION if f"/{address}" in rules]


def error_page(heading: str, lines: Sequence[str], status: int) -> Response:
    """What is wrong, and what to do about it."""
    return page("page_error.html", title=heading, status=status, heading=heading, lines=lines)


def is_for_people(pages: Collection[str]) -> bool:
    """Whether the answer to this request is shown to a person. pages: rules of pages.

    A program may not say what it accepts; a browser asks for HTML at unknown addresses, too.
    """
    accepted = request.accept_mimetypes
    if request.url_rule is None and request.path not in pages:
        return any(media == HTML for media, _ in accepted)
    rule = request.url_rule.rule if request.url_rule else request.path
    return rule in pages and (not accepted.provided or accepted.accept_html)


def style(_: NoQuery) -> Response:
    """/page.css"""
    return Response(_text("page.css"), mimetype="text/css")


def script(_: NoQuery) -> Response:
    """/page.js"""
    return Response(_text("page.js"), mimetype="text/javascript")


def icon(_: NoQuery) -> Response:
    """/page.svg"""
    return Response(_text("page.svg"), mimetype="image/svg+xml")


@cache
def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")
