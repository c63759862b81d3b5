"""The TLS contexts of the server: made from the files, and made anew when a file changes."""

import logging
import ssl
from collections.abc import Callable
from pathlib import Path

from plugin.config import TlsServerSettings
from plugin.errors import ConfigError
from plugin.file_changes import FileState, file_state

log = logging.getLogger(__name__)

SECTION = "web.tls_server_config"
MIN_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
VERIFY_MODES = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class ServerTls:
    """Gives each connection the context of the files as they are now."""

    def __init__(self, settings: TlsServerSettings, report: Callable[[bool], None]) -> None:
        """report: is told of each reading whether it went well. Raises ConfigError."""
        self._settings = settings
        self._report = report
        self._states = self._look()
        self._context = read_context(settings)

    def context(self) -> ssl.SSLContext:
        """The context of the next connection.

        While the files are wrong it is that of the last good ones; each new state of the files is
        tried once.
        """
        states = self._look()
        if states != self._states:
            self._states = states
            try:
                self._context = read_context(self._settings)
            except ConfigError as error:
                self._report(False)
                log.error("the old certificate stays in use", extra={"err": str(error)})
            else:
                self._report(True)
                log.info("certificate read anew", extra={"file": self._settings.cert_file})
        return self._context

    def _look(self) -> tuple[FileState, ...]:
        settings = self._settings
        paths = (settings.cert_file, settings.key_file, settings.client_ca_file)
        return tuple(file_state(path) for path in paths if path is not None)


def read_context(settings: TlsServerSettings) -> ssl.SSLContext:
    """A context of the files. Raises ConfigError with the setting and the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = MIN_VERSIONS[settings.min_version]
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    _load_pair(context, settings)
    if settings.client_ca_file is not None:
        _readable("client_ca_file", settings.client_ca_file)
        try:
            context.load_verify_locations(settings.client_ca_file)
        except (OSError, ValueError) as error:
            raise _refused(
                "client_ca_file", settings.client_ca_file, error, "certificates in PEM"
            ) from None
    context.verify_mode = VERIFY_MODES[settings.client_auth_type]
    return context


def _load_pair(context: ssl.SSLContext, settings: TlsServerSettings) -> None:
    certificate = _readable("cert_file", settings.cert_file)
    key = _readable("key_file", settings.key_file)
    if "-----BEGIN CERTIFICATE-----" not in certificate:
        raise _refused("cert_file", settings.cert_file, "no certificate in it", "one in PEM")
    if "PRIVATE KEY-----" not in key:
        raise _refused("key_file", settings.key_file, "no private key in it", "one in PEM")
    if "ENCRYPTED" in key:
        raise _refused("key_file", settings.key_file, "a key with a password", "one without")
    try:
        context.load_cert_chain(settings.cert_file, settings.key_file, password=lambda: b"")
    except (OSError, ValueError) as error:
        expected = f"the key of the certificate in {settings.cert_file}"
        raise _refused("key_file", settings.key_file, error, expected) from None


def _readable(name: str, path: str) -> str:
    """The text of a file. Raises ConfigError when it cannot be read."""
    try:
        return Path(path).read_text(encoding="latin-1")
    except OSError as error:
        raise _refused(name, path, error, "a file that this process can read") from None


def _refused(name: str, path: str, error: Exception | str, expected: str) -> ConfigError:
    found = error.reason if isinstance(error, ssl.SSLError) else None
    found = found or (error.strerror if isinstance(error, OSError) else None) or str(error)
    return ConfigError(f"{SECTION}.{name}: {path}: found {found.lower()}; valid is {expected}")
