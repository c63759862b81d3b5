"""Real servers for tests: each on a free loopback port, in its own folder, stopped by its own
process id."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from plugin.commands.demo.openmetrics import create_blocks
from plugin.series import Series

START_SECONDS = 30  # far above the second that it takes, for busy machines


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def binary(name: str) -> str:
    """Where a server's program is; a test never skips for lack of it."""
    found = shutil.which(name)
    if found is None:
        raise AssertionError(
            f"`{name}` is not installed: `make test` installs it from Debian's packages"
        )
    return found


@dataclass
class Server:
    """A program that answers HTTP on `port` once it is ready. Use as a context manager."""

    folder: Path  # of its data, configuration and log
    ready_path: str = "/"
    scheme: str = "http"
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it is ready."""
        try:
            with urllib.request.urlopen(self.url + self.ready_path, timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def start(self) -> None:
        """Starts it on a free port, or again on its own; a port lost to a race is given up."""
        for _ in range(3):
            self.port = self.port or free_port()
            self._log = (self.folder / "log").open("ab")
            self._process = subprocess.Popen(self.command(), stdout=self._log, stderr=self._log)
            deadline = time.monotonic() + START_SECONDS
            while time.monotonic() < deadline and self._process.poll() is None:
                if self.answers():
                    return
                time.sleep(0.05)
            self.stop()
            self.port = 0
        said = (self.folder / "log").read_text()[-2000:]
        raise AssertionError(f"{self.command()[0]} did not start:\n{said}")

    def stop(self, *, kill: bool = False) -> None:
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._log is not None:
            self._log.close()
        self._process = self._log = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


@dataclass
class PrometheusServer(Server):
    """Debian's Prometheus, with history where `backfill` has put some. Keeps samples of any age."""

    ready_path: str = "/-/ready"
    scrape: Mapping[str, Sequence[str]] = field(
        default_factory=dict
    )  # job -> targets; "self" = itself
    scrape_interval: str = "1s"
    web_config: str = ""  # YAML for --web.config.file: TLS, users
    flags: Sequence[str] = ()
    settings: Mapping[str, object] = field(default_factory=dict)  # more of prometheus.yml

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def program(self) -> str:
        return binary("prometheus")

    def backfill(self, series: Sequence[Series]) -> Self:
        """Puts history into the data folder; call before the start."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        create_blocks(self.data_dir, series, promtool=binary("promtool"))
        return self

    def command(self) -> list[str]:
        jobs = [
            {
                "job_name": job,
                "static_configs": [{"targets": [self._target(one) for one in targets]}],
            }
            for job, targets in self.scrape.items()
        ]
        interval = {"scrape_interval": self.scrape_interval, "scrape_timeout": self.scrape_interval}
        settings = {"global": interval, "scrape_configs": jobs, **self.settings}
        (self.folder / "prometheus.yml").write_text(json.dumps(settings))  # JSON is YAML
        (self.folder / "web.yml").write_text(self.web_config)
        return [
            self.program(),
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--web.config.file={self.folder / 'web.yml'}",
            f"--storage.tsdb.path={self.data_dir}",
            "--storage.tsdb.retention.time=100y",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-lifecycle",
            "--log.level=warn",
            *self.flags,
        ]

    def _target(self, target: str) -> str:
        return f"127.0.0.1:{self.port}" if target == "self" else target


@dataclass
class AlertmanagerServer(Server):
    """Debian's Alertmanager: notifies a webhook, if there is one, of each alert by itself, and
    knows no others."""

    ready_path: str = "/-/ready"
    webhook: str = ""

    def command(self) -> list[str]:
        waits = {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "4h"}
        receiver = {"name": "all"} | (
            {"webhook_configs": [{"url": self.webhook, "send_resolved": True}]}
            if self.webhook
            else {}
        )
        route = {"receiver": "all", "group_by": ["..."], **waits}
        (self.folder / "alertmanager.yml").write_text(
            json.dumps({"route": route, "receivers": [receiver]})
        )
        return [
            binary("prometheus-alertmanager"),
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]


@dataclass
class NodeExporter(Server):
    """Debian's node exporter: a thousand or so real series of this machine."""

    def command(self) -> list[str]:
        return [binary("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{self.port}"]
