"""The settings of our own server: where it listens, who may come in, what it can bear."""

from typing import Annotated

from pydantic import SecretStr

from plugin.config.field_types import DurationField, FlagField, IntegerField
from plugin.config.locations import AddressField, ExternalUrlField, PeopleUrlField
from plugin.config.section import Section
from plugin.config.text_fields import FILE, PASSWORD, TOKEN, USERNAME
from plugin.config.tls_names import ClientAuthField, MinTlsField, TlsSectionField
from plugin.domain.times import DAY, MINUTE


class BasicAuth(Section):
    """A name and its password, inline or in a file."""

    username: Annotated[str, USERNAME]
    password: Annotated[SecretStr | None, PASSWORD] = None
    password_file: Annotated[str | None, FILE] = None


class User(BasicAuth):
    """A person who may read, and perhaps change."""

    may_write: Annotated[bool, FlagField()] = False


class TlsServerSettings(Section):
    """How our own server encrypts, with the names of Prometheus' web configuration."""

    cert_file: Annotated[str, FILE]
    key_file: Annotated[str, FILE]
    client_auth_type: Annotated[str, ClientAuthField()] = "NoClientCert"
    client_ca_file: Annotated[str | None, FILE] = None
    min_version: Annotated[str, MinTlsField()] = "TLS12"

    @property
    def requires_client_certificate(self) -> bool:
        """Whether nobody gets in without a certificate of `client_ca_file`."""
        return self.client_auth_type == "RequireAndVerifyClientCert"


class WebSettings(Section):
    """What answers Grafana."""

    listen_address: Annotated[str, AddressField()] = "127.0.0.1:8642"
    read_token: Annotated[SecretStr | None, TOKEN] = None
    write_token: Annotated[SecretStr | None, TOKEN] = None  # may read, too
    basic_auth: tuple[User, ...] = ()
    allow_unauthenticated: Annotated[bool, FlagField()] = False
    # None = without TLS
    tls_server_config: Annotated[TlsServerSettings | None, TlsSectionField()] = None
    threads: Annotated[int, IntegerField(1, 128)] = 4
    max_connections: Annotated[int, IntegerField(16, 65_536)] = 4096
    # From the first byte of a request to its last.
    request_timeout: Annotated[int, DurationField(1, 10 * MINUTE)] = 10
    # For each 64 KiB that a client takes of an answer.
    send_timeout: Annotated[int, DurationField(1, 60 * MINUTE)] = 30
    idle_timeout: Annotated[int, DurationField(1, DAY)] = 2 * MINUTE  # between two requests
    # MiB of answers that wait for slow readers; further ones wait in files.
    answer_memory: Annotated[int, IntegerField(1, 65_536)] = 64
    max_points: Annotated[int, IntegerField(10, 1_000_000)] = 11_000
    max_range: Annotated[int, DurationField(60 * MINUTE)] = 92 * DAY
    # Where people reach the service; None = messages contain no links.
    external_url: Annotated[str | None, ExternalUrlField()] = None
    # Where people reach Prometheus and Grafana; None = the page has no link to it.
    prometheus_url: Annotated[str | None, PeopleUrlField()] = None
    grafana_url: Annotated[str | None, PeopleUrlField()] = None
    # Of a link with which an alarm can be answered.
    link_expiry: Annotated[int, DurationField(60 * MINUTE)] = 7 * DAY
    # Of a browser that has signed in.
    session_expiry: Annotated[int, DurationField(MINUTE, 366 * DAY)] = DAY // 2

    @property
    def authenticated(self) -> bool:
        """Whether any credential is set: then all that shows or changes data needs one."""
        return bool(self.read_token or self.write_token or self.basic_auth)

    @property
    def guarded(self) -> bool:
        """Whether strangers are kept out: by credentials, or by certificates."""
        tls = self.tls_server_config
        return self.authenticated or (tls is not None and tls.requires_client_certificate)
