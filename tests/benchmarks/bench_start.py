"""How long a user waits: for --help, and from `bandwatch run` to the first answers.

Modules are compiled before, as by an installation.
"""

import os
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
BANDWATCH = [sys.executable, "-m", "plugin"]
# What answers first, and what needs the whole service.
PATHS = ("/-/healthy", "/api/v1/watches")


def measure() -> dict[str, float]:
    """Median wall seconds."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        healthy, whole = _until_answered(environment)
        return {
            "python": _command([sys.executable, "-c", "pass"], environment),
            "help": _command([*BANDWATCH, "--help"], environment),
            "torch": _command([sys.executable, "-c", "import torch"], environment),
            "healthy": healthy,
            "whole": whole,
        }


def _command(command: list[str], environment: dict[str, str]) -> float:
    _once(command, environment)  # compiles
    return statistics.median(_once(command, environment) for _ in range(RUNS))


def _once(command: list[str], environment: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.monotonic() - began


def _until_answered(environment: dict[str, str]) -> tuple[float, float]:
    """From the command to the first 200 of each path, on an empty store."""
    _start(environment)  # compiles
    runs = [_start(environment) for _ in range(RUNS)]
    healthy, whole = (statistics.median(times) for times in zip(*runs, strict=True))
    return healthy, whole


def _start(environment: dict[str, str]) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        file = Path(folder) / "bandwatch.yml"
        file.write_text(
            "prometheus: {url: 'http://127.0.0.1:9'}\nwatches: [{name: w, query: up}]\n"
            f"store: {{path: {folder}/data}}\nweb: {{listen_address: '127.0.0.1:{port}'}}\n"
        )
        began = time.monotonic()
        process = subprocess.Popen(
            [*BANDWATCH, "run", "--config.file", str(file), "--log.level", "error"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        try:
            return [_answered(f"http://127.0.0.1:{port}{path}", began) for path in PATHS]
        finally:
            process.terminate()
            process.wait(30)


def _answered(url: str, began: float) -> float:
    while time.monotonic() - began < 60:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return time.monotonic() - began
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise AssertionError(f"{url} did not answer within 60 s")


def main() -> None:
    found = measure()
    print(f"python -c pass               {found['python']:6.2f} s")
    print(f"bandwatch --help             {found['help']:6.2f} s   goal <= 0.2 s")
    print(
        f"python -c 'import torch'     {found['torch']:6.2f} s   the floor of a worker that fits"
        " networks"
    )
    print(
        f"bandwatch run, healthy       {found['healthy']:6.2f} s   goal <= 0.7 s;"
        f" {found['healthy'] / found['python']:.0f} x python -c pass"
    )
    print(f"bandwatch run, first answer  {found['whole']:6.2f} s   {PATHS[1]}")


if __name__ == "__main__":
    main()
