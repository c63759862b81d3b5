"""`make bench-quality DATA=dir`: see docs/detectors.md for what the tables say."""

import argparse
import os
import sys
import time
from pathlib import Path

from plugin.commands.backtest.source import Recording
from plugin.commands.terminal import bar
from plugin.errors import BandwatchError
from tests.benchmarks.quality import ours, peers
from tests.benchmarks.quality.data import read


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="make bench-quality", description="our detectors among their peers"
    )
    made.add_argument(
        "data", nargs="+", type=Path, help="folder of NAME.csv[.gz]: time,value,label[,kind]"
    )
    made.add_argument("--only", default="", help="names, with commas between them; default: all")
    made.add_argument("--match", default="*", help="series by name, e.g. 'wsd_*'")
    made.add_argument(
        "--series", type=int, default=0, help="this many series, spread over the names; 0 = all"
    )
    made.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    made.add_argument(
        "--kinds", action="store_true", help="a table by kind for every method (injected incidents)"
    )
    made.add_argument("--forecast", action="store_true", help="compare forecasts instead")
    return made


def main() -> None:
    options = parser().parse_args()
    valid = [*peers.PEERS, *ours.names()]
    chosen = [name for name in options.only.split(",") if name] or valid
    unknown = [name for name in chosen if name not in valid]
    if unknown:
        sys.exit(f"--only: unknown name {unknown[0]!r}; valid is any of: {', '.join(valid)}")
    try:
        for folder in options.data:
            began = time.monotonic()
            recordings = read(folder, options.match, options.series)
            (_forecasts if options.forecast else _scores)(folder.name, recordings, chosen, options)
            print(f"({time.monotonic() - began:.0f} s)\n", flush=True)
    except (BandwatchError, OSError) as error:
        sys.exit(str(error))


def _scores(
    folder: str, recordings: list[Recording], chosen: list[str], options: argparse.Namespace
) -> None:
    from tests.benchmarks.quality import report, run

    with bar(f"{folder}, {len(recordings)} series") as progress:
        rows = run.rows(recordings, chosen, options.jobs, progress)
    report.show(folder, recordings, rows, kinds=options.kinds)


def _forecasts(
    folder: str, recordings: list[Recording], chosen: list[str], options: argparse.Namespace
) -> None:
    from tests.benchmarks.quality import forecast, report

    detectors = [name for name in chosen if name not in peers.PEERS]
    with bar(f"{folder}, {len(recordings)} series, forecasts") as progress:
        found = forecast.compared(recordings, detectors, options.jobs, progress)
    report.show_forecasts(folder, len(recordings), found)


if __name__ == "__main__":
    main()
