"""What both the terminal and the page say."""

import math
from datetime import UTC, datetime

from plugin.commands.report.gather import Noisy, Report, WatchLine
from plugin.domain.wording import duration, expected_range

OVER = 1.0  # of a budget


def count(number: float, noun: str) -> str:
    """`1 alarm`, `2.5 alarms`."""
    return f"{number:,g} {noun}{'' if number == 1 else 's'}"


def promised(number: float) -> str:
    """A promise of alarms: as few digits as tell it from none."""
    if 0 < number < 0.005:
        return "<0.01"
    return (
        f"{number:,.0f}"
        if number >= 10
        else f"{number:.1f}"
        if number >= 0.1 or not number
        else f"{number:.2f}"
    )


def share(part: float) -> str:
    """A part of 1 in percent."""
    return "<1%" if 0 < part < 0.005 else f"{part:.0%}"


def shown(each: Noisy) -> str:
    """The lowest and the highest value that are drawn of a series, with their unit."""
    values = [point.value for point in each.points if point.value is not None]
    return (
        " to ".join(
            expected_range(value, math.nan, math.nan, math.nan, each.unit)[0]
            for value in dict.fromkeys((min(values), max(values)))
        )
        if values
        else "no value"
    )


def summary(report: Report) -> str:
    """The one sentence to read."""
    if not counted(report):
        return (
            f"{count(report.alarms, 'alarm')} in {report.days} days; nothing has been counted yet"
            " that was promised"
        )
    over = [line.watch for line in report.watches if line.spent > OVER]
    kept = (
        "every watch kept its budget"
        if not over
        else f"{' and '.join(over)} spent more than {'its' if len(over) == 1 else 'their'} budget"
    )
    return (
        f"{count(report.alarms, 'alarm')} in {report.days} days, {promised(report.promised)}"
        f" promised; {kept}"
    )


def counted(report: Report) -> bool:
    """Whether the service has told for how long anything was scored."""
    return any(line.scored for line in report.watches) or not any(
        line.series for line in report.watches
    )


def unseen(report: Report) -> list[str]:
    """What could not be scored, and which models are not what they should be: a sentence each."""
    partly = [
        f"{line.watch} {share(line.scored)}"
        for line in report.watches
        if line.series and line.scored < 0.99
    ]
    gaps = (
        [
            f"scored of {report.days} days: {', '.join(partly)}; the rest are gaps, outages, or"
            " from before a series was known"
        ]
        if partly
        else []
    )
    if not counted(report):
        gaps = [
            "for how long the series were scored has not been counted yet: it is within a minute of"
            " the first scores after a start"
        ]
    return [*gaps, *(sentence for line in report.watches for sentence in _of_watch(line))]


def _of_watch(line: WatchLine) -> list[str]:
    found = []
    if line.state != "ok":
        found.append(f"{line.watch} is {line.state}{': ' + line.reason if line.reason else ''}")
    for number, words in (
        (line.missing, "missing: the samples have stopped"),
        (line.stale, "stale: nobody could look"),
        (line.warming_up, "without a model yet"),
    ):
        if number:
            found.append(f"{line.watch}: {number:,} of {line.series:,} series {words}")
    for number, words in (
        (line.stale_models, "out of date, because fits fail or are refused"),
        (line.refused, "refused after a fit; the one before stayed"),
        (line.deposed, "given up, as it could not be used"),
    ):
        if number:
            found.append(f"{line.watch}: {count(number, 'model')} {words}")
    return found


def moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def ago(seconds: float) -> str:
    return duration(int(seconds))
