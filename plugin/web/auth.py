"""Who may read and who may change: bearer tokens and basic auth, compared in constant time."""

import hashlib
import hmac
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from plugin.config import BasicAuth, WebSettings
from plugin.errors import ConfigError, RequestError
from plugin.web.route import Access

CHALLENGES = ('Bearer realm="bandwatch"', 'Basic realm="bandwatch", charset="UTF-8"')


@dataclass(frozen=True)
class Credential:
    """One way to be let in."""

    digest: bytes  # of scheme and secret: all have one length, so comparing tells nothing
    name: str  # of the user; "token"
    may_change: bool


class Authenticator:
    """Finds the credential that a request presents, and says what it allows.

    Without configured credentials every request may pass.
    """

    def __init__(self, settings: WebSettings) -> None:
        """Reads the password files. Raises ConfigError."""
        tokens = [(settings.write_token, True), (settings.read_token, False)]
        # A browser asks for a name and a password: a token is the password of the user `token`.
        self._credentials = [
            Credential(_digest(scheme, f"{name}{token.get_secret_value()}".encode()), "token", may)
            for token, may in tokens
            if token is not None
            for scheme, name in (("bearer", ""), ("basic", "token:"))
        ]
        self._credentials += [
            Credential(
                _digest("basic", f"{user.username}:{_password(user)}".encode()),
                user.username,
                user.may_write,
            )
            for user in settings.basic_auth
        ]

    @property
    def credentials(self) -> Sequence[Credential]:
        """Those that are configured; none = every request may pass."""
        return self._credentials

    def credential(self, authorization: str | None) -> Credential:
        """The one that an Authorization header presents; of several with one secret one that may
        change.

        Raises RequestError 401 for unknown credentials.
        """
        presented = _presented(authorization or "")
        matching = [
            hmac.compare_digest(credential.digest, presented) for credential in self._credentials
        ]
        if not any(matching):
            raise RequestError(
                "a bearer token or basic auth is needed"
                if authorization is None
                else "this token, or this user and password, is not known",
                status=401,
                code="unauthorized",
            )
        found = [each for ok, each in zip(matching, self._credentials, strict=True) if ok]
        return max(found, key=lambda credential: credential.may_change)


def check_access(credential: Credential, access: Access) -> None:
    """Raises RequestError 403 where a change is asked for by one who may only read."""
    if access is Access.CHANGE and not credential.may_change:
        raise RequestError(
            "these credentials may only read: use web.write_token, or a user with may_write",
            status=403,
            code="forbidden",
        )


def _presented(authorization: str) -> bytes:
    scheme, _, rest = authorization.partition(" ")
    secret = rest.strip().encode()
    if scheme.lower() == "basic":
        try:
            secret = b64decode(secret, validate=True)
        except ValueError:
            return b""
    return _digest(scheme.lower(), secret)


def _digest(scheme: str, secret: bytes) -> bytes:
    return hashlib.sha256(scheme.encode() + b"\0" + secret).digest()


def _password(user: BasicAuth) -> str:
    if user.password is not None:
        return user.password.get_secret_value()
    try:
        password = Path(user.password_file or "").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"web.basic_auth: the password file of `{user.username}` cannot be read: {error}"
        ) from error
    if not password:
        raise ConfigError(
            f"web.basic_auth: the password file of `{user.username}` is empty: anyone could come in"
        )
    return password
