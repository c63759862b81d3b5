"""How long a user waits: for --help, and from `bandwatch run` to the first answer."""

import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.servers import free_port

RUNS = 5


def measure() -> dict[str, float]:
    """Median wall seconds."""
    bandwatch = [sys.executable, "-m", "plugin"]
    return {
        "python": _command([sys.executable, "-c", "pass"]),
        "help": _command([*bandwatch, "--help"]),
        "torch": _command([sys.executable, "-c", "import torch"]),
        "run": _until_healthy(bandwatch),
    }


def _command(command: list[str]) -> float:
    return statistics.median(_once(command) for _ in range(RUNS))


def _once(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began


def _until_healthy(bandwatch: list[str]) -> float:
    """From the command to the first 200 of /-/healthy, on an empty store."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        file = Path(folder) / "bandwatch.yml"
        file.write_text(
            "prometheus: {url: 'http://127.0.0.1:9'}\nwatches: [{name: w, query: up}]\n"
            f"store: {{path: {folder}/data}}\nweb: {{listen_address: '127.0.0.1:{port}'}}\n"
        )
        began = time.monotonic()
        process = subprocess.Popen(
            [*bandwatch, "run", "--config.file", str(file), "--log.level", "error"],
            stderr=subprocess.DEVNULL,
        )
        try:
            while time.monotonic() - began < 60:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/-/healthy", timeout=1).close()
                    return time.monotonic() - began
                except (urllib.error.URLError, OSError):
                    time.sleep(0.02)
            raise AssertionError("did not start within 60 s")
        finally:
            process.terminate()
            process.wait(30)


def main() -> None:
    found = measure()
    print(f"python -c pass            {found['python']:6.2f} s")
    print(f"bandwatch --help          {found['help']:6.2f} s   goal <= 0.5 s")
    print(
        f"python -c 'import torch'  {found['torch']:6.2f} s   the floor of a worker that fits"
        " networks"
    )
    print(
        f"bandwatch run, healthy    {found['run']:6.2f} s   goal <= 0.7 s;"
        f" {found['run'] / found['python']:.0f} x python -c pass"
    )


if __name__ == "__main__":
    main()
