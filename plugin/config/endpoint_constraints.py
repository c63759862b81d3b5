"""The rules for servers that we ask, and for the one that we are."""

import re
from collections.abc import Iterator

from plugin.config.conflicts import Conflict, conflict, repeated_names
from plugin.config.locations import WITH_CREDENTIALS, is_loopback
from plugin.config.model import BasicAuth, Endpoint, WebSettings
from plugin.config.problems import InvalidValue, Path, display_text, path_text
from plugin.config.web_settings import TlsServerSettings


def check_endpoint(section: Path, endpoint: Endpoint) -> Iterator[Conflict]:
    """The conflicts between the settings of one server. section: its path."""
    if "@" in endpoint.url:
        yield conflict(
            (*section, "url"),
            WITH_CREDENTIALS,
            f"a URL without them; they belong in {path_text(section)}.basic_auth",
        )
    yield from _authentication(section, endpoint)
    yield from _tls(section, endpoint)


def _authentication(section: Path, endpoint: Endpoint) -> Iterator[Conflict]:
    settings = ("bearer_token", "bearer_token_file", "basic_auth")
    paths = [(*section, name) for name in settings if getattr(endpoint, name)]
    paths += [
        (*section, "headers", name) for name in endpoint.headers if name.lower() == "authorization"
    ]
    if len(paths) > 1:
        names = " and ".join(".".join(map(str, path[len(section) :])) for path in paths)
        yield conflict(
            paths[-1], f"{names} together", "one way to authenticate", also=tuple(paths[:-1])
        )
    if endpoint.basic_auth:
        yield from _password((*section, "basic_auth"), endpoint.basic_auth)


def _tls(section: Path, endpoint: Endpoint) -> Iterator[Conflict]:
    for name, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if getattr(endpoint, name) and not getattr(endpoint, other):
            yield conflict(
                (*section, name),
                f"{name} without {other}",
                f"both or none: set {other}",
                also=((*section, other),),
            )
    files = [name for name in ("ca_file", "cert_file", "key_file") if getattr(endpoint, name)]
    if files and endpoint.url.startswith("http://"):
        https = endpoint.url.replace("http", "https", 1)
        yield conflict(
            (*section, "url"),
            f"http:// with {files[0]}",
            "https:// where files for TLS are set",
            None if re.search("[@?]", https) else display_text(https),
            also=((*section, files[0]),),
        )


def check_web(web: WebSettings) -> Iterator[Conflict]:
    """The conflicts between the settings of our own server."""
    read = ("web", "read_token")
    write = ("web", "write_token")
    users = ("web", "basic_auth")
    refusal = unprotected_address(web)
    if refusal:
        address = ("web", "listen_address")
        allowed = ("web", "allow_unauthenticated")
        yield Conflict((address, read, write, users, allowed), refusal)
    if web.read_token and web.read_token == web.write_token:
        yield conflict(
            write,
            "the same token as read_token",
            "another token: with this one, everyone who may read may also write",
            also=(read,),
        )
    if web.tls_server_config is not None:
        yield from _client_certificates(web.tls_server_config)
    for i, user in enumerate(web.basic_auth):
        yield from _password((*users, i), user)
    yield from repeated_names(
        [(*users, i, "username") for i in range(len(web.basic_auth))],
        [user.username for user in web.basic_auth],
        "a name that no other user has",
    )


def _client_certificates(tls: TlsServerSettings) -> Iterator[Conflict]:
    kind = ("web", "tls_server_config", "client_auth_type")
    file = ("web", "tls_server_config", "client_ca_file")
    if tls.client_auth_type != "NoClientCert" and tls.client_ca_file is None:
        yield conflict(
            kind,
            f"{tls.client_auth_type} without client_ca_file",
            "client_ca_file set: the certificates of who may sign those of clients",
            also=(file,),
        )
    if tls.client_auth_type == "NoClientCert" and tls.client_ca_file is not None:
        yield conflict(
            file,
            "client_ca_file without client_auth_type: no client is asked for a certificate",
            "client_auth_type: RequireAndVerifyClientCert, or no client_ca_file",
            also=(kind,),
        )


def unprotected_address(web: WebSettings) -> InvalidValue | None:
    """Why the service must not listen on this address; None = it may."""
    if is_loopback(web.listen_address) or web.guarded or web.allow_unauthenticated:
        return None
    return InvalidValue(
        f"{display_text(web.listen_address)}, which other machines can reach, without any "
        "authentication",
        "an address of this machine only such as 127.0.0.1:8642, or web.read_token, "
        "web.write_token or web.basic_auth set, or web.allow_unauthenticated: true",
    )


def _password(section: Path, auth: BasicAuth) -> Iterator[Conflict]:
    inline = (*section, "password")
    file = (*section, "password_file")
    if auth.password and auth.password_file:
        yield conflict(
            file, "password and password_file together", "one of the two", also=(inline,)
        )
    if not auth.password and not auth.password_file:
        yield conflict(
            section,
            "a user without a password",
            "password or password_file set",
            also=(inline, file),
        )
