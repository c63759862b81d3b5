"""A series that cannot be shown is counted and told; the others are read."""

import json
import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from plugin.config.model import PrometheusSettings
from plugin.jobs.answer_faults import tell_faults
from plugin.metrics import CollectorRegistry, Metrics
from plugin.prometheus import PrometheusReader

RESULT = [
    {"metric": {"job": "\ud800"}, "values": [[60, "1"]]},
    {"metric": {"job": 5}, "values": [[60, "1"]]},
    {"metric": {"job": "fine"}, "values": [[60, "3"]]},
]


class Backend(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        data = {"resultType": "matrix", "result": RESULT}
        body = json.dumps({"status": "success", "data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


def test_the_others_live(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics(CollectorRegistry())
    with ThreadingHTTPServer(("127.0.0.1", 0), Backend) as backend:
        Thread(target=backend.serve_forever, daemon=True).start()
        reader = PrometheusReader(PrometheusSettings(url=f"http://127.0.0.1:{backend.server_port}"))
        answer = reader.range("up", 60, 60, 60, max_series=10)
        reader.close()
        backend.shutdown()
    assert [str(series.labels) for series in answer.series] == ['{job="fine"}']
    with caplog.at_level(logging.WARNING):
        tell_faults(answer, "web", 60, metrics)
    counted = metrics.refused_series.labels("web", "labels")._value.get()
    assert counted == 2 and "answer with warnings" in caplog.text
    (record,) = caplog.records
    assert vars(record)["warnings"].startswith("series with a label that is not text, left out: 2")
