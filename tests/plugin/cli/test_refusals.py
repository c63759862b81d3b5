"""What is wrong with flags and files is told before the libraries for models are loaded."""

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, sys
from plugin.cli import main
statuses = [main(arguments) for arguments in json.loads(sys.argv[1])]
print(statuses, "torch" in sys.modules)
"""
UNREACHABLE = ["--prometheus.url", "http://127.0.0.1:1"]


def test_refusals_load_no_torch(tmp_path: Path) -> None:
    file = tmp_path / "bandwatch.yml"
    file.write_text(
        "prometheus: {url: http://127.0.0.1:1}\nwatches: [{name: up, query: up}]\n"
        f"store: {{path: {tmp_path / 'data'}}}\n"
    )
    output = ["--output", str(tmp_path)]
    wrong = [
        ["run", "--config.file", "missing.yml"],
        ["score", "--config.file", "missing.yml"],
        ["fit", "--config.file", str(file), "--watch", "down"],
        ["backtest", str(tmp_path), *output],
        ["backtest", "up", *output, *UNREACHABLE],
        ["backtest", "up", *output, "--detector", "lsmt"],
        ["backtest", "up", *output, "--subdivision", "BE"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(wrong)], capture_output=True, text=True
    )
    assert done.stdout == f"{[1] * len(wrong)} False\n", done.stderr
