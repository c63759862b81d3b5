"""Grafana's HTTP API with the token of a service account: the requests of the check, which change
nothing.

The paths are the same from 11.6 to 13; 13 calls them legacy and keeps them. In the open-source
edition the role Viewer may read all of this; an Enterprise that enforces permissions must grant it
on the data source. Source: grafana.com/docs/grafana, HTTP API; grafana/grafana, pkg/api/api.go and
pkg/services/ngalert/api.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode, urlsplit

import requests

from plugin.commands.grafana.frames import QueryResponse, read_responses
from plugin.commands.grafana.remedies import remedy_for
from plugin.errors import GrafanaError
from plugin.version import VERSION

# as a panel of that width sends them
INTERVAL_MS = 15_000
MAX_POINTS = 1500
MAX_CHARACTERS = 300  # of an answer, that are kept for an error


@dataclass(frozen=True)
class GrafanaReply:
    """An answer of Grafana, whatever its status."""

    status: int
    body: object  # parsed JSON; None where it is none
    text: str  # its beginning

    @property
    def message(self) -> str:
        """Grafana's words for what went wrong."""
        message = self.body.get("message") if isinstance(self.body, Mapping) else None
        return f"{self.status} {message or self.text or 'without a word'}"

    def mapping(self) -> Mapping[str, object]:
        return self.body if isinstance(self.body, Mapping) else {}

    def items(self) -> list[Mapping[str, object]]:
        if not isinstance(self.body, list):
            return []
        return [item for item in self.body if isinstance(item, Mapping)]


class _Bearer(requests.auth.AuthBase):
    """As `auth`, because requests lets a .netrc replace a header."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class GrafanaClient:
    """One Grafana.

    Each request ends within `timeout` seconds of silence. Use as a context manager.
    """

    def __init__(self, url: str, token: str, *, timeout: float, ca_file: str = "") -> None:
        """Raises GrafanaError when address or token cannot be sent; neither is repeated then."""
        if not token.isascii() or not token.isprintable() or not token or " " in token:
            raise GrafanaError(
                "the token cannot be sent",
                "is it empty, has it a space, a line break or a letter that is not ASCII?",
            )
        if urlsplit(url).username is not None:
            raise GrafanaError(
                "the address of Grafana must not hold a user or password", "the token is enough"
            )
        self.url = url.rstrip("/")
        self._timeout = timeout
        self._verify: str | bool = ca_file or True
        self._session = requests.Session()
        self._session.auth = _Bearer(token)
        self._session.headers.update(
            {"Accept": "application/json", "User-Agent": f"bandwatch/{VERSION}"}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def health(self) -> GrafanaReply:
        """`{"database", "version"}`, for anyone."""
        return self._ask("GET", "/api/health")

    def plugin(self, name: str) -> GrafanaReply:
        """`{"info": {"version"}, "enabled"}`; 404 when it is not there."""
        return self._ask("GET", f"/api/plugins/{quote(name, '')}/settings")

    def sources(self) -> GrafanaReply:
        """`[{"uid", "type", "name", "isDefault"}]`: every data source that the token may read."""
        return self._ask("GET", "/api/datasources")

    def source(self, uid: str) -> GrafanaReply:
        """`{"type", "url", "jsonData"}`."""
        return self._ask("GET", f"/api/datasources/uid/{quote(uid, '')}")

    def source_health(self, uid: str) -> GrafanaReply:
        """`{"status": "OK" or "ERROR", "message"}`, 200 or 400."""
        return self._ask("GET", f"/api/datasources/uid/{quote(uid, '')}/health")

    def dashboard(self, uid: str) -> GrafanaReply:
        """`{"dashboard", "meta"}`; 406 where it has been stored in the second schema."""
        return self._ask("GET", f"/api/dashboards/uid/{quote(uid, '')}")

    def rules(self) -> GrafanaReply:
        """`[{"uid", "title", "condition", "data", "labels", "isPaused", "noDataState",
        "execErrState"}]`."""
        return self._ask("GET", "/api/v1/provisioning/alert-rules")

    def rule_states(self) -> GrafanaReply:
        """`{"data": {"groups": [{"rules": [{"uid", "name", "state", "health",
        "lastError"}]}]}}`."""
        return self._ask("GET", "/api/prometheus/grafana/api/v1/rules")

    def query(
        self, targets: list[Mapping[str, object]], start: int, end: int
    ) -> dict[str, QueryResponse]:
        """Runs queries as a panel does; times in unix seconds.

        An error of the whole request is the error of each query.
        """
        queries = [
            {"intervalMs": INTERVAL_MS, "maxDataPoints": MAX_POINTS, **target} for target in targets
        ]
        reply = self._ask(
            "POST",
            "/api/ds/query",
            {"queries": queries, "from": str(start * 1000), "to": str(end * 1000)},
        )
        try:
            return read_responses(reply.body)  # 400 and 207 too carry the answer of each query
        except ValueError as error:
            message = reply.message if reply.status != 200 else str(error)
            return {
                str(target["refId"]): QueryResponse(error=message, status=reply.status)
                for target in targets
            }

    def label_values(self, source: str, label: str, match: str, start: int, end: int) -> list[str]:
        """The values of a label in a Prometheus data source, as a variable asks for them.

        Raises GrafanaError.
        """
        parameters = {"start": str(start), "end": str(end)} | ({"match[]": match} if match else {})
        reply = self._ask(
            "GET",
            f"/api/datasources/uid/{quote(source, '')}/resources/api/v1/label/"
            f"{quote(label, '')}/values?{urlencode(parameters)}",
        )
        values = reply.mapping().get("data")
        if reply.status != 200 or not isinstance(values, list):
            raise GrafanaError(f"Grafana says: {reply.message}", remedy_for(reply.message))
        return [str(value) for value in values]

    def _ask(self, method: str, path: str, body: object = None) -> GrafanaReply:
        """Raises GrafanaError where there is no answer, or a redirect, which would get the
        token."""
        try:
            response = self._session.request(
                method,
                self.url + path,
                json=body,
                timeout=self._timeout,
                verify=self._verify,
                allow_redirects=False,
            )
        except requests.exceptions.SSLError as error:
            raise GrafanaError(
                f"{self.url} failed the TLS handshake ({_cause(error)})",
                "give the certificate of its authority with --ca-file",
            ) from error
        except requests.exceptions.Timeout as error:
            raise GrafanaError(
                f"{self.url} did not answer {path.partition('?')[0]} within {self._timeout:g} s",
                "is the address right, is Grafana overloaded? --timeout gives it longer",
            ) from error
        except (requests.exceptions.RequestException, OSError, ValueError) as error:
            raise GrafanaError(
                f"{self.url} does not answer ({_cause(error)})",
                "does Grafana run there, and is it reached from here?",
            ) from error
        if 300 <= response.status_code < 400:
            target = urlsplit(response.headers.get("Location", ""))
            raise GrafanaError(
                f"{self.url} points to {target.scheme}://{target.hostname}{target.path}",
                "give the final address with --url, with the path that Grafana is served from",
            )
        text = " ".join(response.text[:MAX_CHARACTERS].split())
        try:
            return GrafanaReply(response.status_code, json.loads(response.content), text)
        except (ValueError, RecursionError):
            return GrafanaReply(response.status_code, None, text)


def _cause(error: BaseException) -> str:
    """The innermost cause: the outer ones print objects with their address in memory."""
    while cause := error.__cause__ or error.__context__:
        error = cause
    return " ".join(
        (getattr(error, "strerror", None) or str(error) or type(error).__name__).split()
    )
