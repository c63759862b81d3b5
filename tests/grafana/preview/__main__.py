"""Draws the panels of the shipped dashboards: `make grafana-preview`, see the README beside this
file."""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.grafana.preview.demo import demo
from tests.grafana.preview.jobs import WIDTH, Job, Story, jobs
from tests.grafana.preview.sources import NotAsked, Sources
from tests.grafana.preview.variables import seconds

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
DASHBOARDS = ROOT / "grafana" / "dashboards"
OUT = ROOT / "build" / "grafana-preview"
# it scores an hour of its past when it starts, two days of its sales; Prometheus has seen nothing
# of that
DEMO = (
    Story(past=3600, boards=("fleet", "incidents", "series")),
    Story(past=600, boards=("fleet-prometheus", "self", "series-prometheus")),
    Story(
        "past", {"watch": "sales"}, 30 * 3600, ("incidents", "series")
    ),  # a daily peak that did not come
)


def main() -> int:
    options = arguments()
    paths = [
        path for path in sorted(options.dashboards.glob("*.json")) if options.only in path.stem
    ]
    with running(options) as sources:
        stories = stories_of(options)
        found = [
            one
            for story in stories
            for path in paths
            if not story.boards or path.stem in story.boards
            for one in asked(path, story, sources)
        ]
    print(*(one for one in found if isinstance(one, str)), sep="\n")
    return draw([one for one in found if not isinstance(one, str)], options.out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make grafana-preview", description=__doc__)
    parser.add_argument(
        "--url", help="a Bandwatch that runs (default: runs the demo); BANDWATCH_TOKEN is its token"
    )
    parser.add_argument("--prometheus", metavar="URL", help="the Prometheus that scrapes it")
    parser.add_argument(
        "--incidents",
        type=int,
        default=1,
        metavar="N",
        help="of the demo to wait for, four minutes each but the first (default: 1)",
    )
    parser.add_argument(
        "--choose",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help=(
            "of the series to draw, such as watch=latency; the highest score decides among several"
        ),
    )
    parser.add_argument(
        "--past",
        type=seconds,
        metavar="DURATION",
        help="how far back, such as 30h (default: as the dashboard)",
    )
    parser.add_argument(
        "--only", metavar="TEXT", default="", help="the dashboards whose file name holds this"
    )
    parser.add_argument(
        "--dashboards",
        type=Path,
        default=DASHBOARDS,
        metavar="FOLDER",
        help="of the dashboards (default: grafana/dashboards)",
    )
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="FOLDER", help="default: build/grafana-preview"
    )
    return parser.parse_args()


@contextmanager
def running(options: argparse.Namespace) -> Iterator[Sources]:
    """The service that was named, or the demo."""
    if options.url:
        yield Sources(
            options.url.rstrip("/"), options.prometheus, os.environ.get("BANDWATCH_TOKEN", "")
        )
        return
    with demo(options.incidents) as sources:
        yield sources


def stories_of(options: argparse.Namespace) -> Sequence[Story]:
    """What was asked for; of the demo, when nothing was, its latest incident and the one in its
    past."""
    if not (options.url or options.choose or options.past):
        return DEMO
    return (Story("", dict(one.split("=", 1) for one in options.choose), options.past),)


def asked(path: Path, story: Story, sources: Sources) -> list[Job | str]:
    """What is to be drawn of one dashboard, and words on what is not."""
    try:
        return list(jobs(path, story, sources, int(time.time())))
    except NotAsked as error:
        return [f"{path.stem}: {error}"]


def draw(pictures: Sequence[Job], out: Path) -> int:
    """Draws them with Grafana's component in Chromium; returns the exit status."""
    if not pictures:
        return 1
    out.mkdir(parents=True, exist_ok=True)
    listed = out / "jobs.json"
    listed.write_text(json.dumps(pictures, allow_nan=False))
    boards = dict.fromkeys(one["board"] for one in pictures)
    images = "\n".join(f'<p><img src="{board}.png" width="{WIDTH}"></p>' for board in boards)
    (out / "index.html").write_text(f"<!doctype html><title>Grafana preview</title>\n{images}\n")
    print(f"{out}:", flush=True)
    return subprocess.run(
        ["node", "shoot.mjs", str(listed.resolve()), str(out.resolve())], cwd=HERE
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
