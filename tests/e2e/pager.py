"""From the shipped alert rules to whom is paged: a real Prometheus that scrapes the processes of
Bandwatch, a real Alertmanager, and a receiver of its notifications."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import requests

from tests.servers import AlertmanagerServer, PrometheusServer

RULES = Path(__file__).parents[2] / "grafana" / "prometheus" / "bandwatch.rules.yml"
EVERY_SECOND = {"interval: 1m": "interval: 1s"}  # nothing else of the rules is changed


class Notice(NamedTuple):
    """One alert of a notification."""

    alert: str
    status: str
    labels: tuple[tuple[str, str], ...]
    started_at: str


class Receiver:
    """Takes what Alertmanager sends to a webhook."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.notices))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(notices: list[Notice]) -> type[BaseHTTPRequestHandler]:
    class Request(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            notices.extend(_notice(alert) for alert in body["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Prints nothing."""

    return Request


def _notice(alert: dict[str, Any]) -> Notice:
    labels = dict(alert["labels"])
    name = labels.pop("alertname")
    return Notice(name, alert["status"], tuple(sorted(labels.items())), alert["startsAt"])


class Pager(NamedTuple):
    """What was evaluated, and what was sent."""

    prometheus: PrometheusServer
    receiver: Receiver

    def began(self, alert: str) -> set[float]:
        """Unix seconds at which alerts of this name began: more than one each is a flap, also if
        nobody was told of it."""
        answer = requests.get(
            f"{self.prometheus.url}/api/v1/query",
            params={"query": f'ALERTS_FOR_STATE{{alertname="{alert}"}}[1h]'},
            timeout=30,
        ).json()
        series = answer["data"]["result"]
        return {float(value) for each in series for _, value in each["values"]}


@contextmanager
def pager(folder: Path, targets: Sequence[str]) -> Iterator[Pager]:
    """As docs/alerting.md and docs/scaling.md say: all processes are one job with honor_labels."""
    text = RULES.read_text()
    for shipped, ours in EVERY_SECOND.items():
        assert shipped in text
        text = text.replace(shipped, ours)
    folder.mkdir()
    rules = folder / RULES.name
    rules.write_text(text)
    job = {
        "job_name": "bandwatch",
        "honor_labels": True,
        "static_configs": [{"targets": list(targets)}],
    }
    receiver = Receiver()
    try:
        with AlertmanagerServer(folder / "alertmanager", webhook=receiver.url) as alertmanager:
            address = {"targets": [f"127.0.0.1:{alertmanager.port}"]}
            settings = {
                "scrape_configs": [job],
                "rule_files": [str(rules)],
                "alerting": {"alertmanagers": [{"static_configs": [address]}]},
            }
            with PrometheusServer(folder / "prometheus", settings=settings) as prometheus:
                yield Pager(prometheus, receiver)
    finally:
        receiver.close()
