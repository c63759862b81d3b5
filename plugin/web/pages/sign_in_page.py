"""Signing in by a form, and signing out.

The form takes what the Authorization header takes: a token, or a user of web.basic_auth with the
password. Wrong ones count as they do there.
"""

import re
from base64 import b64encode
from collections.abc import Mapping

from flask import Response, request

from plugin.errors import RequestError
from plugin.web import audit
from plugin.web.callers import Callers
from plugin.web.context import WebContext
from plugin.web.feedback_html import sentence
from plugin.web.guard import refuse_other_sites
from plugin.web.pages.page_html import page, redirection
from plugin.web.pages.page_queries import SignInQuery
from plugin.web.queries import NoQuery
from plugin.web.responses import View

# A page of ours with its query, relative to `/`.
ADDRESS = re.compile(r"(?![/\\])[\w.~!$&'()*+,;=:@%/?{}\"-]*", re.ASCII)
MAX_ADDRESS = 2000  # characters


class SignInPageViews:
    """The views at /sign-in and /sign-out."""

    def __init__(self, context: WebContext, callers: Callers) -> None:
        self._context = context
        self._callers = callers

    @property
    def views(self) -> Mapping[str, View]:
        return {"sign_in_page": self.show, "sign_in": self.start, "sign_out": self.end}

    def show(self, query: SignInQuery) -> Response:
        """The form; where nobody has to sign in, the page that it would lead to."""
        if not self._callers.asks:
            return redirection(_safe(query.next))
        return _form(query.next)

    def start(self, query: SignInQuery) -> Response:
        """A session, and on to the page that was asked for; or the form again, with what is
        wrong."""
        refuse_other_sites(self._context.settings.external_url, by_browser=True)
        if not self._callers.asks:
            return redirection(_safe(query.next))
        name = request.form.get("name", "").strip()
        secret = request.form.get("secret", "")
        try:
            credential = self._callers.judge(_authorization(name, secret))
        except RequestError as error:
            # Not 401: the browser would ask for a name and a password itself.
            status = 403 if error.status == 401 else error.status
            return _form(query.next, name=name, fault=sentence(str(error)), status=status)
        response = redirection(_safe(query.next))
        self._callers.sessions.start(response, credential, self._context.clock())
        audit.record_session("signed in", credential.name)
        return response

    def end(self, _: NoQuery) -> Response:
        """Without a session, at the form."""
        refuse_other_sites(self._context.settings.external_url, by_browser=True)
        response = redirection("sign-in")
        self._callers.sessions.end(response)
        audit.record_session("signed out")
        return response


def _form(address: str, *, name: str = "", fault: str = "", status: int = 200) -> Response:
    """address: the page to go to then."""
    return page(
        "page_sign_in.html",
        title="Sign in · Bandwatch",
        status=status,
        next=_safe(address),
        name=name,
        fault=fault,
    )


def _authorization(name: str, secret: str) -> str:
    """The header that says the same."""
    if not name:
        return f"Bearer {secret}"
    return f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"


def _safe(address: str) -> str:
    """The address, if it leads to a page of ours; else "", which is `/`."""
    is_ours = len(address) <= MAX_ADDRESS and ADDRESS.fullmatch(address) is not None
    return address if is_ours else ""
