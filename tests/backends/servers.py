"""Other servers that speak the API of Prometheus, as `deploy/install-backends.sh` builds them."""

import os
import struct
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from cramjam import snappy

from plugin.prometheus.remote_write import HEADERS
from plugin.prometheus.wire import encoded_labels, varint
from plugin.series import Series
from tests.servers import PrometheusServer, Server

MODULES = Path(__file__).parent / "modules.txt"
SAMPLES_AT_ONCE = 50_000  # of one request


def program(name: str) -> Path:
    """Where a server's program is; the test is skipped where it has not been built."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for module in MODULES.read_text().split():
        release = module.rpartition("/")[2]
        path = cache / "bandwatch" / "backends" / release / name
        if release.partition("@")[0] == name and os.access(path, os.X_OK):
            return path
    pytest.skip(f"{name} is not built: `make test-backends` builds it where Go is installed")


@dataclass
class Prometheus3(PrometheusServer):
    """Prometheus 3. Takes samples of any age by remote write."""

    flags: Sequence[str] = ("--web.enable-remote-write-receiver",)
    write_path: str = "/api/v1/write"
    precision: float = 0.0  # relative error of what is read

    def __post_init__(self) -> None:
        self.settings = {"storage": {"tsdb": {"out_of_order_time_window": "100d"}}, **self.settings}

    def program(self) -> str:
        return str(program("prometheus"))

    def write(self, series: Iterable[Series]) -> None:
        send(self.url + self.write_path, series)


@dataclass
class VictoriaMetrics(Server):
    """A single VictoriaMetrics. Keeps samples of any age."""

    ready_path: str = "/health"
    write_path: str = "/api/v1/write"
    precision: float = 1e-11

    def command(self) -> list[str]:
        return [
            str(program("victoria-metrics")),
            f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=100y",
            "-loggerLevel=WARN",
        ]

    def write(self, series: Iterable[Series]) -> None:
        """Samples that are written can be found at once."""
        send(self.url + self.write_path, series)
        with urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=30):
            pass


Backend = Prometheus3 | VictoriaMetrics
KINDS: tuple[type[Backend], ...] = (Prometheus3, VictoriaMetrics)


def send(url: str, series: Iterable[Series]) -> None:
    """Sends series by remote write, each with all of its samples."""
    for one in series:
        labels = encoded_labels(one.labels.items())
        for start in range(0, len(one.times), SAMPLES_AT_ONCE):
            piece = slice(start, start + SAMPLES_AT_ONCE)
            samples = b"".join(
                _message(b"\x12", b"\x09" + struct.pack("<d", value) + b"\x10" + varint(time))
                for time, value in zip(
                    (one.times[piece] * 1000).tolist(), one.values[piece].tolist(), strict=True
                )
            )
            body = bytes(snappy.compress_raw(_message(b"\x0a", labels + samples)))
            request = urllib.request.Request(url, body, HEADERS)
            with urllib.request.urlopen(request, timeout=30):
                pass


def _message(tag: bytes, content: bytes) -> bytes:
    return tag + varint(len(content)) + content
