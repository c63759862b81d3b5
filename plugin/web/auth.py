"""Who may read and who may change: bearer tokens and basic auth, compared in constant time."""

import hashlib
import hmac
from base64 import b64decode
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
    """Checks the Authorization header of a request.

    Without configured credentials every request may pass.
    """

    def __init__(self, settings: WebSettings) -> None:
        """Reads the password files. Raises ConfigError."""
        tokens = [(settings.read_token, False), (settings.write_token, True)]
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

    def check(self, authorization: str | None, access: Access) -> str:
        """The name of the sender: a user, "token", or "" where no credentials are asked for.

        Raises RequestError: 401 for unknown credentials, 403 for some that may only read.
        """
        if access is Access.OPEN or not self._credentials:
            return ""
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
        callers = [
            credential for ok, credential in zip(matching, self._credentials, strict=True) if ok
        ]
        if access is Access.CHANGE and not any(credential.may_change for credential in callers):
            raise RequestError(
                "these credentials may only read: use web.write_token, or a user with may_write",
                status=403,
                code="forbidden",
            )
        return callers[0].name


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
