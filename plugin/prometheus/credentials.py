"""How we authenticate at a server: headers, a bearer token or basic authentication, TLS; and its
address without secrets."""

import base64
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests
from requests.auth import AuthBase

from plugin.config.model import BasicAuth, Endpoint
from plugin.errors import QueryRejected
from plugin.public_addresses import public_url as public_url
from plugin.public_addresses import without_user as without_user


def configure_session(session: requests.Session, endpoint: Endpoint, section: str) -> None:
    """Gives a session the headers, the credentials and the TLS settings of an endpoint.

    section: where the configuration holds them, for messages.
    """
    session.auth = Credentials(endpoint, section)
    session.headers.update(
        {name: secret.get_secret_value() for name, secret in endpoint.headers.items()}
    )
    session.verify = endpoint.ca_file or True
    if endpoint.cert_file:
        session.cert = (
            (endpoint.cert_file, endpoint.key_file) if endpoint.key_file else endpoint.cert_file
        )


class Credentials(AuthBase):
    """Sets the Authorization header. Secret files are read at each request, so a new secret needs
    no restart.

    Every session has one, even without credentials: otherwise requests would read ~/.netrc.
    """

    def __init__(self, settings: Endpoint, section: str) -> None:
        self._settings = settings
        self._section = section

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        value = self._authorization()
        if value:
            request.headers["Authorization"] = value
        return request

    def _authorization(self) -> str:
        settings = self._settings
        url = urlsplit(self._settings.url)
        if settings.bearer_token_file:
            return (
                "Bearer"
                f" {read_secret(settings.bearer_token_file, f'{self._section}.bearer_token_file')}"
            )
        if settings.bearer_token:
            return f"Bearer {settings.bearer_token.get_secret_value().strip()}"
        if settings.basic_auth:
            return basic(settings.basic_auth.username, password(settings.basic_auth, self._section))
        if url.username:
            return basic(unquote(url.username), unquote(url.password or ""))
        return ""


def basic(username: str, secret: str) -> str:
    """The header of basic authentication, in UTF-8; requests would encode it as Latin-1."""
    return f"Basic {base64.b64encode(f'{username}:{secret}'.encode()).decode()}"


def password(auth: BasicAuth, section: str) -> str:
    """The password of a user, from the configuration or from a file. Raises QueryRejected."""
    if auth.password_file:
        return read_secret(auth.password_file, f"{section}.basic_auth.password_file")
    return auth.password.get_secret_value() if auth.password else ""


def read_secret(path: str, setting: str) -> str:
    """The content of a secret file. setting: its name, for the message. Raises QueryRejected."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise QueryRejected(
            f"cannot read `{setting}` {path}: {error}; each request reads it"
        ) from error
