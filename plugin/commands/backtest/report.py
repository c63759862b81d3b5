"""What a backtest says on the screen."""

import math
from collections.abc import Sequence
from pathlib import Path

from detectors.evaluate import Events
from plugin.commands.backtest.run import SeriesResult
from plugin.commands.terminal import table
from plugin.config import Watch

WEEK_DAYS = 7.0
SHOWN = 30  # series in the table: the noisiest


def show(results: Sequence[SeriesResult], watch: Watch, output: Path) -> None:
    """Prints the noisiest series, the totals, and precision and recall where there are labels."""
    days = sum(result.days for result in results)
    alarms = sum(result.alarms for result in results)
    noisy = sorted(results, key=lambda result: -result.alarms)[:SHOWN]
    left = (
        ""
        if len(results) <= SHOWN
        else f"the {SHOWN} noisiest of {len(results)} series; all are in {output}"
    )
    table(
        f"detector {watch.detector}, judged half of each series",
        [
            "series",
            "days",
            "would have alerted",
            "alarms per week",
            "longest quiet",
            "precision",
            "recall",
        ],
        [
            [
                r.name,
                f"{r.days:.1f}",
                f"{r.alarms} times",
                f"{r.alarms / r.days * WEEK_DAYS:.1f}",
                f"{r.longest_quiet:.1f} d",
                *_quality(r.by_label.get("label")),
            ]
            for r in noisy
        ],
        note=left,
    )
    unscored = sum(result.unscored for result in results)
    print(
        f"{len(results)} series, {days:.0f} series-days: would have alerted {alarms} times "
        f"({alarms / days:.3f} per series and day); {unscored} samples without a score"
    )
    totals: dict[str, Events] = {}
    for result in results:
        for name, events in result.by_label.items():
            totals[name] = totals.get(name, Events()) + events
    if totals:
        table(
            "by label",
            ["label", "incidents", "caught", "recall", "alarms", "false", "precision"],
            [
                [name, str(e.incidents), str(e.caught), _share(e.recall), *_alarms(name, e)]
                for name, e in totals.items()
            ],
            note=(
                "recall: seen within 16 samples of its start, injected kinds within half their"
                " length; false: farther than 15 samples from every incident, of injected ones"
                " outside them and the hour after"
            ),
        )


def _quality(events: Events | None) -> list[str]:
    return ["", ""] if events is None else [_share(events.precision), _share(events.recall)]


def _alarms(name: str, events: Events) -> list[str]:
    """An alarm has no kind."""
    counted = name == "label"
    return (
        [str(events.alarms), str(events.false_alarms), _share(events.precision)]
        if counted
        else ["", "", ""]
    )


def _share(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.2f}"
