"""Runs `bandwatch demo` until its incidents are to be seen."""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, Queue

from tests.grafana.preview.sources import Sources
from tests.servers import free_port

PATIENCE = 240  # seconds in which the demo must say something
AT_LONGEST = "1800s"
BEGIN = "something goes wrong with"
SIGHT = re.compile(r": score \d")  # the demo tells of an incident that it sees


@contextmanager
def demo(incidents: int) -> Iterator[Sources]:
    """The demo with its Prometheus, the last of so many incidents under way.

    Raises RuntimeError with what it said.
    """
    address = f"127.0.0.1:{free_port()}"
    command = [
        sys.executable,
        "-m",
        "plugin",
        "demo",
        "--web.listen-address",
        address,
        "--duration",
        AT_LONGEST,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines: Queue[str | None] = Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    try:
        said = _until(lines, incidents)
        prometheus = re.search(r"Prometheus +(http://\S+)", said)
        yield Sources(f"http://{address}", prometheus[1] if prometheus else None)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _read(process: "subprocess.Popen[str]", lines: "Queue[str | None]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _until(lines: "Queue[str | None]", incidents: int) -> str:
    """What the demo says until it sees the last of the incidents."""
    said = line = ""
    while said.count(BEGIN) < incidents or not SIGHT.search(line):
        try:
            found = lines.get(timeout=PATIENCE)
        except Empty:
            found = None
        if found is None:
            raise RuntimeError(f"the demo has not shown {incidents} incidents:\n{said}")
        line = found
        said = said + found
        print(f"  demo: {line}", end="", flush=True)
    return said
