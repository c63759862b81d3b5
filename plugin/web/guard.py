"""What is checked before a view runs: the length of a body, who sends it, and from which site."""

import time
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from plugin.errors import RequestError
from plugin.web.callers import Callers
from plugin.web.context import WebContext
from plugin.web.error_responses import PAGES
from plugin.web.links import SignedLinks
from plugin.web.pages.page_html import is_for_people, to_sign_in
from plugin.web.route import HTML, Access
from plugin.web.routes import ROUTES

MAX_BODY = 1 << 16  # bytes; no honest request is longer
OWN_SITE = ("same-origin", "none")  # what a browser says of a page of ours, and of a person


class Guard:
    """Refuses a request before anything of its body is read."""

    def __init__(self, context: WebContext, links: SignedLinks, callers: Callers) -> None:
        self._context = context
        self._links = links
        self._callers = callers
        self._routes = {route.name: route for route in ROUTES}

    def register(self, app: Flask) -> None:
        """Puts itself before every view.

        An unknown address is an error for readers only; others learn that they need credentials.
        """
        app.config["MAX_CONTENT_LENGTH"] = MAX_BODY  # no more is read of a body without a length
        app.before_request(self._check)

    def _check(self) -> Response | None:
        g.start = time.perf_counter()
        if (request.content_length or 0) > MAX_BODY:
            raise RequestError(
                f"a body of {request.content_length} bytes; {MAX_BODY} are the most",
                status=413,
                code="body_too_large",
            )
        route = self._routes.get(request.endpoint or "")
        access = route.access if route is not None else Access.READ
        try:
            g.by = self._sender(access)
        except RequestError as error:
            if error.status != 401 or "Authorization" in request.headers or not _is_browser():
                raise
            return to_sign_in()
        if access is Access.CHANGE:
            is_form = route is not None and route.media == HTML
            refuse_other_sites(
                self._context.settings.external_url, by_browser=is_form or g.by_session
            )
        return None

    def _sender(self, access: Access) -> str:
        """The name of the sender, as `Callers.identify` returns it; "" = by a signed link.

        The signature is in the address, so that a stranger's form is refused unread.
        """
        if access is not Access.LINK:
            return self._callers.identify(access)
        try:
            return self._callers.identify(Access.CHANGE)
        except RequestError as error:
            if error.status == 429 or "signature" not in request.args:
                raise
        self._links.check(request.args, self._context.clock())
        return ""


def _is_browser() -> bool:
    """Whether a person waits for a page, who can fill in a form."""
    return request.accept_mimetypes.provided and is_for_people(PAGES)


def refuse_other_sites(own_url: str | None, *, by_browser: bool = False) -> None:
    """Raises RequestError for a request that a page of another site has made a browser send.

    A browser sends a password or a session that it remembers with every request. It does not
    remember a token. own_url: where people reach us, if that is known. by_browser: nothing else
    sends such a request, so it has to say from which site it comes.
    """
    if (request.headers.get("Authorization") or "").lower().startswith("bearer "):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is None and origin is not None:  # no browser says its site over plain HTTP
        own_hosts = {request.host, urlsplit(own_url or "").netloc}
        host = urlsplit(origin).netloc
        site = OWN_SITE[0] if host and host in own_hosts else "cross-site"
    if (site is None and by_browser) or (site is not None and site not in OWN_SITE):
        raise RequestError(
            "this was sent by a page of another site: open Bandwatch itself and do it there",
            status=403,
            code="cross_site",
        )
