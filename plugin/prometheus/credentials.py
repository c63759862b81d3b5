"""Who we are to a server: its headers, a bearer token or basic authentication, TLS; and its address
without secrets."""

import base64
from pathlib import Path
from urllib.parse import unquote, urlsplit

import requests
from requests.auth import AuthBase

from plugin.config.model import BasicAuth, Endpoint
from plugin.errors import QueryRejected


def introduce(session: requests.Session, endpoint: Endpoint, section: str) -> None:
    """Makes a session send what an endpoint is to be told, over TLS as it is set. section: where
    that is set."""
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
    """Sets the Authorization header. Files are read for each request, so that a rotated secret just
    works.

    Given to every session even when there is nothing to send: else requests would look into
    ~/.netrc.
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


def basic(username: str, password: str) -> str:
    """The header of basic authentication, in UTF-8 (requests' own would take Latin-1)."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"


def password(auth: BasicAuth, section: str) -> str:
    if auth.password_file:
        return read_secret(auth.password_file, f"{section}.basic_auth.password_file")
    return auth.password.get_secret_value() if auth.password else ""


def read_secret(path: str, setting: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise QueryRejected(
            f"cannot read `{setting}` {path}: {error}; each request reads it"
        ) from error


def public_url(url: str) -> str:
    """The URL without user, password and trailing slash: what may be shown and logged."""
    return without_user(url).rstrip("/")


def without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
