"""Grafana, Prometheus and a person, as they ask the service."""

import http.client
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000


class Visitor:
    """Asks over one connection that stays open, and over a new one each time, too."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self._address, timeout=60)
        self.refused = 0  # answers of 400 and above

    def look(self, now: int, watches: tuple[str, ...]) -> None:
        """What dashboards, alert rules and a scrape ask within a step."""
        for watch in watches:
            window = {"from": now * 1000 - 6 * HOUR_MS, "to": now * 1000}
            self.get("/api/v1/bands", {"watch": watch, **window})
        for route in ("scores", "alert", "watches"):
            self.get(f"/api/v1/{route}", {})
        self.get("/api/v1/incidents", {"from": now * 1000 - 24 * HOUR_MS, "to": now * 1000})
        fresh = http.client.HTTPConnection(self._address, timeout=60)
        self._exchange(fresh, "GET", "/metrics", None)
        fresh.close()

    def answer(self, now: int) -> None:
        """Calls the newest alarm a false one, and plans work for the next day."""
        day = {"from": now * 1000 - 24 * HOUR_MS, "to": now * 1000}
        incidents = self.get("/api/v1/incidents", day)
        if incidents:
            body = {"verdict": "false_alarm", "incident": incidents[0]["incident"]}
            self._post("/api/v1/feedback", body)
        begin = datetime.fromtimestamp(now + 86_400, UTC).isoformat()
        window = {"match": '{instance="service-1"}', "begin": begin, "duration": "1h"}
        self._post("/api/v1/maintenance", window)

    def get(self, path: str, query: Mapping[str, object]) -> Any:
        text = self._exchange(self._connection, "GET", f"{path}?{urlencode(query)}", None)
        return json.loads(text)

    def close(self) -> None:
        self._connection.close()

    def _post(self, path: str, body: Mapping[str, object]) -> None:
        self._exchange(self._connection, "POST", path, json.dumps(body))

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: str | None
    ) -> bytes:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        text = reply.read()
        if reply.status >= 400:
            self.refused += 1
            log.error("refused", extra={"path": path, "answer": text.decode()[:200]})
        return text
