"""A small stand-in of Grafana's HTTP API, with switches for everything that can be wrong with a
Grafana."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from plugin.commands.grafana.shipped import INFINITY
from tests.grafana import files
from tests.grafana.living import Living

TOKEN = "glsa_a-token-that-nobody-should-see"
PROMETHEUS = {"uid": "prom", "type": "prometheus", "name": "Prometheus", "isDefault": True}
Reply = tuple[int, Any]


@dataclass
class Standin:
    """Grafana with everything provisioned, over a living service.

    Use as a context manager; change what should fail.
    """

    service: Living
    version: str = "12.4.5"
    plugin: str | None = "3.11.1"
    sources: list[dict[str, Any]] = field(default_factory=lambda: [PROMETHEUS, *files.sources()])
    health: Reply = (200, {"status": "OK", "message": "OK"})
    dashboards: dict[str, dict[str, Any]] = field(default_factory=files.dashboards)
    rules: dict[str, dict[str, Any]] = field(default_factory=files.rules)
    states: dict[str, dict[str, Any]] = field(
        default_factory=dict
    )  # of rules, by uid: what differs from all is well
    forbidden: tuple[str, ...] = ()  # beginnings of paths
    replies: dict[str, Reply] = field(default_factory=dict)  # by path: said instead
    broken: Callable[[dict[str, Any]], str] = lambda target: ""  # the error that a target gets
    asked: list[str] = field(default_factory=list)  # paths, in order

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def reply(self, path: str, query: str, token: str, body: Any) -> Reply:
        """The status and the JSON of an answer."""
        self.asked.append(path)
        if path in self.replies:
            return self.replies[path]
        if path == "/api/health":
            return 200, {"database": "ok", "version": self.version, "commit": "abc"}
        if token != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key", "statusCode": 401}
        if path.startswith(self.forbidden):
            return 403, {"message": "You'll need additional permissions to perform this action."}
        parts = [unquote(part) for part in path.split("/")[2:]]
        if path == "/api/ds/query":
            return self._query(body)
        if parts[0] == "datasources":
            return self._source(parts[1:], query)
        return self._provisioned(parts)

    def _source(self, parts: list[str], query: str) -> Reply:
        if not parts:
            return 200, self.sources
        source = next((source for source in self.sources if source["uid"] == parts[1]), None)
        if source is None:
            return 404, {"message": "Data source not found"}
        if parts[2:] == ["health"]:
            return self.health
        if parts[2:3] == ["resources"]:
            match = parse_qs(query).get("match[]", [""])[0]
            return 200, {
                "status": "success",
                "data": self.service.scraping.label_values(
                    parts[6], match, time.time() - 30, time.time()
                ),
            }
        return 200, source

    def _provisioned(self, parts: list[str]) -> Reply:
        if parts == ["plugins", INFINITY, "settings"]:
            return (
                (200, {"id": INFINITY, "enabled": True, "info": {"version": self.plugin}})
                if self.plugin
                else (404, {"message": "Plugin not found, no installed plugin with that id"})
            )
        if parts[:2] == ["dashboards", "uid"]:
            board = self.dashboards.get(parts[2])
            return (
                (200, {"dashboard": board, "meta": {"provisioned": True}})
                if board
                else (404, {"message": "Dashboard not found"})
            )
        if parts == ["v1", "provisioning", "alert-rules"]:
            return 200, list(self.rules.values())
        if parts == ["prometheus", "grafana", "api", "v1", "rules"]:
            rules = [
                {
                    "uid": uid,
                    "name": rule["title"],
                    "state": "inactive",
                    "health": "ok",
                    "alerts": [],
                    **self.states.get(uid, {}),
                }
                for uid, rule in self.rules.items()
            ]
            return 200, {
                "status": "success",
                "data": {"groups": [{"name": "bandwatch", "rules": rules}]},
            }
        return 404, {"message": "Not found"}

    def _query(self, body: Any) -> Reply:
        """Time goes on in Grafana, and stands still in the world of the service."""
        behind = int(time.time()) - self.service.now
        begin = int(body["from"]) // 1000 - behind
        end = int(body["to"]) // 1000 - behind
        results = {}
        for target in body["queries"]:
            if not any(source["uid"] == target["datasource"]["uid"] for source in self.sources):
                return 404, {"message": "Data source not found"}
            error = self.broken(target)
            results[target["refId"]] = (
                {"status": 500, "error": error, "frames": []}
                if error
                else self.service.ask(target, begin, end)
            )
        return 400 if any("error" in result for result in results.values()) else 200, {
            "results": results
        }


def _handler(grafana: Standin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, said = grafana.reply(
                url.path, url.query, self.headers.get("Authorization", ""), body
            )
            content = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", said)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    return Handler
