"""Who sends a request: by its Authorization header, or by the session of a browser. Wrong
credentials are counted, and too many are not judged any more."""

import logging

from flask import g, request

from plugin.errors import RequestError
from plugin.web.auth import Authenticator, Credential, check_access
from plugin.web.context import WebContext
from plugin.web.credential_attempts import CredentialAttempts
from plugin.web.route import Access
from plugin.web.sessions import Sessions

log = logging.getLogger(__name__)


class Callers:
    """Identifies the sender of the current request, for one application."""

    def __init__(self, context: WebContext) -> None:
        """Raises ConfigError when a password file cannot be read, StoreError when the key of
        sessions cannot."""
        self._context = context
        self._authenticator = Authenticator(context.settings)
        self._attempts = CredentialAttempts()
        self.sessions = Sessions(
            context.settings, self._authenticator.credentials, context.store.folder
        )

    @property
    def asks(self) -> bool:
        """Whether credentials are asked for at all."""
        return bool(self._authenticator.credentials)

    def identify(self, access: Access) -> str:
        """The name of the sender: a user, "token", or "" where no credentials are asked for.

        Keeps in `g` what pages show of the sender. Raises RequestError: 401, 403, or 429 after too
        many mistakes.
        """
        g.may_change = not self.asks
        g.by_session = False
        if not self.asks:
            return ""
        authorization = request.headers.get("Authorization")
        credential = self._of_session() if authorization is None else None
        g.by_session = credential is not None
        if credential is None and access is Access.OPEN:
            return ""
        credential = credential or self.judge(authorization)
        g.may_change = credential.may_change
        check_access(credential, access)
        return credential.name

    def may_read(self) -> bool:
        """Whether the sender of a request to an open route may see what only readers see."""
        try:
            self.identify(Access.READ)
        except RequestError:
            return False
        return True

    def judge(self, authorization: str | None) -> Credential:
        """The credential that a header presents. Raises RequestError: 401, or 429 after too many
        mistakes."""
        if authorization is None:
            return self._authenticator.credential(None)
        address = request.remote_addr or ""
        refusals = self._context.metrics.http_refused_credentials
        try:
            self._attempts.check(address, authorization)
        except RequestError:
            refusals.labels("limited").inc()
            raise
        try:
            credential = self._authenticator.credential(authorization)
        except RequestError:
            refusals.labels("wrong").inc()
            if self._attempts.remember(address, authorization, right=False):
                log.warning("wrong credentials", extra={"address": address})
            raise
        self._attempts.remember(address, authorization, right=True)
        return credential

    def _of_session(self) -> Credential | None:
        return self.sessions.credential(self._context.clock())
