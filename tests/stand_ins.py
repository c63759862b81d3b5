"""Stand-ins for Mimir and Thanos: a real Prometheus behind their paths, headers, limits and
words."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from tests.faults import Connection, Fault, FaultProxy, Reply, pass_on

TENANT = "shop"


@contextmanager
def mimir(prometheus_port: int, longest_seconds: int) -> Iterator[FaultProxy]:
    """Reads below /prometheus, writes to /api/v1/push, and both for a tenant only. Ranges of more
    than `longest_seconds` are refused."""
    with FaultProxy(prometheus_port) as proxy:
        proxy.upstream_path = _of_prometheus
        proxy.fault = _tenants_within(longest_seconds)
        yield proxy


def thanos(without: str) -> Fault:
    """A store is down: the series with this service are missing, and a warning says so."""

    def fault(connection: Connection, reply: Reply) -> None:
        envelope = json.loads(reply.body)
        if "result" in envelope["data"]:
            envelope["data"]["result"] = [
                each
                for each in envelope["data"]["result"]
                if each["metric"].get("service") != without
            ]
            envelope["warnings"] = [
                'fetch series for {replica="1"}: rpc error: code = Unavailable desc = connection'
                ' error: desc = "transport: Error while dialing: connect: connection refused"'
            ]
        connection.send(reply.status, json.dumps(envelope).encode())

    return fault


def _of_prometheus(path: str) -> str:
    return path.removeprefix("/prometheus").replace("/api/v1/push", "/api/v1/write")


def _tenants_within(longest_seconds: int) -> Fault:
    def fault(connection: Connection, reply: Reply) -> None:
        asked = parse_qs(urlsplit(connection.path).query)
        length = float(asked["end"][0]) - float(asked["start"][0]) if "step" in asked else 0.0
        if connection.headers.get("X-Scope-OrgID") != TENANT:
            connection.send(401, b"no org id\n", Content_Type="text/plain")
        elif not connection.path.startswith(("/prometheus/", "/api/v1/push")):
            connection.send(404, b"404 page not found\n", Content_Type="text/plain")
        elif length > longest_seconds:
            words = (
                f"the total query time range exceeds the limit (query length: {length:g}s, limit:"
                f" {longest_seconds}s) (err-mimir-max-total-query-length). To adjust the related"
                " per-tenant limit, configure -query-frontend.max-total-query-length, or contact"
                " your service administrator."
            )
            answer = {"status": "error", "errorType": "bad_data", "error": words}
            connection.send(400, json.dumps(answer).encode())
        elif urlsplit(connection.path).path.endswith("/status/buildinfo"):
            data = {"application": "Grafana Mimir", "version": "2.17.1", "features": {}}
            connection.send(200, json.dumps({"status": "success", "data": data}).encode())
        else:
            pass_on(connection, reply)

    return fault
