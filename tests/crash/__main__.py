"""`make crash`: kills a service in the middle of its work, again and again, on top of whatever else
goes wrong, and compares every row after each kill.

Exit status: 0 when nothing was lost, doubled or wrong, 1 when something was.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.crash.run import Run, table


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="make crash", description="Kills a service.")
    parser.add_argument("--kills", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--seed", type=int, default=7, help="another one kills elsewhere")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Run(Path(folder) / "data", options.seed) as run:
        try:
            for _ in range(options.kills):
                run.kill_once()
        except AssertionError as error:
            print(f"kill {run.kills} ({run.trouble}): {error}", file=sys.stderr)
            return 1
        finally:
            print(table(run))
    return 0


if __name__ == "__main__":
    sys.exit(main())
