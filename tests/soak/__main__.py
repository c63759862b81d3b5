"""`make soak`: simulates days of the service and prints what each has cost.

Exit status: 0 when all is as promised, 1 when something grows or fails, 2 for wrong arguments.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from plugin import process_memory
from plugin.domain.times import DAY
from tests.soak.measures import Day, growths, row, table
from tests.soak.plan import SoakPlan
from tests.soak.run import soak


def main() -> int:
    """Returns the exit status."""
    options = _options()
    process_memory.share_heaps()  # as `bandwatch run` does
    with process_memory.loading():
        plan = _plan(options)
    days: list[Day] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        (options.log or Path("/dev/null")).open("w") as log,
    ):
        with soak(plan, Path(folder), log) as run:
            print(table([]), flush=True)
            for day in run.days():
                days.append(day)
                print(row(day), flush=True)
    found = list(growths(days, plan.retention // DAY))
    if run.failed:
        found.append(f"{run.failed} jobs or requests have failed")
    print("\n".join(found) if found else "Nothing grows.")
    return 1 if found else 0


def _plan(options: argparse.Namespace) -> SoakPlan:
    return SoakPlan(
        days=options.days,
        step=options.step,
        detector=options.detector,
        history=options.history * DAY,
        retention=(options.history + 2) * DAY,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description="Simulated days of the service.")
    parser.add_argument("--days", type=int, default=30, help="how many (default: 30)")
    parser.add_argument(
        "--step", type=int, default=600, help="seconds between two samples (default: 600)"
    )
    parser.add_argument("--detector", default="vae", help="of the services (default: vae)")
    parser.add_argument(
        "--history", type=int, default=5, help="days before the first one (default: 5)"
    )
    parser.add_argument("--log", type=Path, help="a file for the log of the service")
    options = parser.parse_args()
    if options.days < 2:
        parser.error("--days: the first day is what the others are compared with: at least 2")
    return options


if __name__ == "__main__":
    sys.exit(main())
