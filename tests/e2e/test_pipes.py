"""Whoever reads the output of a command may stop: it ends without a word, as other tools do."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import PrometheusServer

CONFIG = """
prometheus: {{url: "{url}"}}
watches: [{{name: up, query: vector(time()), step: 60s, fit_window: 1d}}]
store: {{path: {folder}/data}}
"""


def stderr_without_reader(*arguments: str) -> tuple[int, str]:
    """Exit status and errors of a command whose output nobody reads."""
    command = [sys.executable, "-m", "plugin", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    return process.returncode, errors


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["check", "--help"],
        ["check", "--example"],
        ["check", "{file}"],
        ["score", "--config.file", "{file}"],
    ],
)
def test_a_reader_that_stops(
    arguments: list[str], tmp_path: Path, prometheus: PrometheusServer
) -> None:
    file = tmp_path / "bandwatch.yml"
    file.write_text(CONFIG.format(url=prometheus.url, folder=tmp_path))
    status, errors = stderr_without_reader(*(each.format(file=file) for each in arguments))
    assert status in (0, 141) and errors == ""
