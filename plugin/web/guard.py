"""What is checked before a view runs: the length of a body, who sends it, and from which site."""

import logging
import time
from urllib.parse import urlsplit

from flask import Flask, g, request

from plugin.errors import RequestError
from plugin.web.auth import Authenticator
from plugin.web.context import WebContext
from plugin.web.credential_attempts import CredentialAttempts
from plugin.web.links import SignedLinks
from plugin.web.route import Access
from plugin.web.routes import ROUTES

log = logging.getLogger(__name__)

MAX_BODY = 1 << 16  # bytes; no honest request is longer
OWN_SITE = ("same-origin", "none")  # what a browser says of a page of ours, and of a person


class Guard:
    """Refuses a request before anything of its body is read."""

    def __init__(self, context: WebContext, links: SignedLinks) -> None:
        """Raises ConfigError when a password file cannot be read."""
        self._context = context
        self._links = links
        self._authenticator = Authenticator(context.settings)
        self._attempts = CredentialAttempts()
        self._access = {route.name: route.access for route in ROUTES}

    def register(self, app: Flask) -> None:
        """Puts itself before every view.

        An unknown address is an error for readers only; others learn that they need credentials.
        """
        app.config["MAX_CONTENT_LENGTH"] = MAX_BODY  # no more is read of a body without a length
        app.before_request(self._check)

    def _check(self) -> None:
        g.start = time.perf_counter()
        if (request.content_length or 0) > MAX_BODY:
            raise RequestError(
                f"a body of {request.content_length} bytes; {MAX_BODY} are the most",
                status=413,
                code="body_too_large",
            )
        access = self._access.get(request.endpoint or "", Access.READ)
        g.by = self._sender(access)
        if access is Access.CHANGE:
            refuse_other_sites(self._context.settings.external_url)

    def _sender(self, access: Access) -> str:
        """The name of the sender, as `Authenticator.check` returns it; "" = by a signed link.

        The signature is in the address, so that a stranger's form is refused unread.
        """
        if access is not Access.LINK:
            return self._authenticated(access)
        try:
            return self._authenticated(Access.CHANGE)
        except RequestError as error:
            if error.status == 429 or "signature" not in request.args:
                raise
        self._links.check(request.args, self._context.clock())
        return ""

    def _authenticated(self, access: Access) -> str:
        """The name of the sender. Raises RequestError: 401, 403, or 429 after too many mistakes."""
        authorization = request.headers.get("Authorization")
        if authorization is None or access is Access.OPEN:
            return self._authenticator.check(authorization, access)
        address = request.remote_addr or ""
        refusals = self._context.metrics.http_refused_credentials
        try:
            self._attempts.check(address, authorization)
            sender = self._authenticator.check(authorization, access)
        except RequestError as error:
            if error.status == 429:
                refusals.labels("limited").inc()
            else:  # 403: they are known, and may only read
                right = error.status == 403
                new = self._attempts.remember(address, authorization, right=right)
                if not right:
                    refusals.labels("wrong").inc()
                if new and not right:
                    log.warning("wrong credentials", extra={"address": address})
            raise
        self._attempts.remember(address, authorization, right=True)
        return sender


def refuse_other_sites(own_url: str | None) -> None:
    """Raises RequestError for a request that a page of another site has made a browser send.

    A browser sends a password that it remembers with every request. It does not remember a token.
    own_url: where people reach us, if that is known.
    """
    if (request.headers.get("Authorization") or "").lower().startswith("bearer "):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is None and origin is not None:  # no browser says its site over plain HTTP
        own_hosts = {request.host, urlsplit(own_url or "").netloc}
        host = urlsplit(origin).netloc
        site = OWN_SITE[0] if host and host in own_hosts else "cross-site"
    if site is not None and site not in OWN_SITE:
        raise RequestError(
            "this was sent by a page of another site: open Bandwatch itself and do it there",
            status=403,
            code="cross_site",
        )
