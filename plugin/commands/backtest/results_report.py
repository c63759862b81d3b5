"""The results of a backtest on the screen."""

import math
from collections.abc import Sequence
from pathlib import Path

from detectors.evaluate import Events
from plugin.commands.backtest.run import SeriesResult
from plugin.commands.backtest.source import ALARMS_FILE
from plugin.commands.terminal import prose, table
from plugin.config import Watch
from plugin.domain.lessons import lesson_texts
from plugin.domain.number_text import digits

WEEK_DAYS = 7.0
MAX_SERIES = 30  # in the table: the noisiest
MAX_ALARMS = 10  # in the table: the worst
SERIES_COLUMNS = [
    "series",
    "days",
    "outside",
    "would have alerted",
    "promised",
    "alarms per week",
    "longest quiet",
    "precision",
    "recall",
]
LABEL_COLUMNS = ["label", "incidents", "caught", "recall", "alarms", "false", "precision"]
LABEL_NOTE = (
    "recall: seen within 16 samples of its start, injected kinds within half their length; false:"
    " farther than 15 samples from every incident, of injected ones outside them and the hour after"
)


def show(results: Sequence[SeriesResult], watch: Watch, output: Path) -> None:
    """Prints the noisiest series, the totals, and precision and recall where there are labels."""
    _show_series(results, watch, output)
    days = sum(result.days for result in results)
    alarms = sum(result.alarms for result in results)
    promised_alarms = sum(result.promised_alarms for result in results)
    unscored = sum(result.unscored for result in results)
    print(
        f"{len(results)} series, {days:.0f} series-days: would have alerted {alarms} times "
        f"({alarms / days:.3f} per series and day), {digits(promised_alarms, 2)} promised; "
        f"{unscored} samples without a score"
    )
    today = max(result.end_day for result in results)
    for text in lesson_texts([result.lessons for result in results], today):
        print(f"at its end a history teaches {text}")
    _show_alarms(results, output)
    _show_labels(results)


def _show_series(results: Sequence[SeriesResult], watch: Watch, output: Path) -> None:
    noisy_results = sorted(results, key=lambda result: -result.alarms)[:MAX_SERIES]
    note = (
        ""
        if len(results) <= MAX_SERIES
        else f"the {MAX_SERIES} noisiest of {len(results)} series; all are in {output}"
    )
    table(
        f"detector {watch.detector}, judged half of each series",
        SERIES_COLUMNS,
        [
            [
                result.name,
                f"{result.days:.1f}",
                _percent(result.outside_share),
                f"{result.alarms} times",
                digits(result.promised_alarms, 2),
                f"{result.alarms / result.days * WEEK_DAYS:.1f}",
                f"{result.longest_quiet:.1f} d",
                *_quality(result.by_label.get("label")),
            ]
            for result in noisy_results
        ],
        note=note,
    )


def _show_alarms(results: Sequence[SeriesResult], output: Path) -> None:
    """The alarms with the highest scores."""
    alarms = [alarm for result in results for alarm in result.alarm_list]
    if alarms:
        worst = sorted(alarms, key=lambda alarm: -alarm.alarm.peak_score)[:MAX_ALARMS]
        part = "" if len(worst) == len(alarms) else f"the {len(worst)} worst of {len(alarms)}; "
        prose(
            ["series", "start", "length", "peak score", "what happened"],
            [[alarm.series, alarm.start, alarm.length, alarm.peak, alarm.words] for alarm in worst],
        )
        print(f"{part}all alarms are in {output / ALARMS_FILE}")


def _show_labels(results: Sequence[SeriesResult]) -> None:
    totals: dict[str, Events] = {}
    for result in results:
        for name, events in result.by_label.items():
            totals[name] = totals.get(name, Events()) + events
    if totals:
        table(
            "by label",
            LABEL_COLUMNS,
            [
                [
                    name,
                    str(events.incidents),
                    str(events.caught),
                    _share(events.recall),
                    *_alarms(name, events),
                ]
                for name, events in totals.items()
            ],
            note=LABEL_NOTE,
        )


def _quality(events: Events | None) -> list[str]:
    return ["", ""] if events is None else [_share(events.precision), _share(events.recall)]


def _alarms(name: str, events: Events) -> list[str]:
    """The alarms of all labels together: an alarm has no kind."""
    if name != "label":
        return ["", "", ""]
    return [str(events.alarms), str(events.false_alarms), _share(events.precision)]


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.2%}"


def _share(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.2f}"
