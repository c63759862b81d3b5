"""A preview in the terminal."""

from collections.abc import Sequence

from plugin.commands import terminal
from plugin.commands.preview.sides import PreviewSide, figure, suggestion_texts, summary, watch_rows
from plugin.domain.number_text import digits
from plugin.domain.preview import PreviewAlarm, PreviewIncident, differences, span_text
from plugin.domain.times import instant

WATCH_COLUMNS = ["watch", "series", "alarms", "promised", "alarms a week", "promised a week"]
INCIDENT_COLUMNS = ["start", "length", "peak score", "incident", "what happened"]
ALARM_COLUMNS = ["start", "length", "peak score", "watch", "series", "what happened"]
MAX_ROWS = 50  # incidents, and alarms, of one table: the worst
PEAK_DIGITS = 3


def show(sides: Sequence[PreviewSide]) -> None:
    """Prints one preview, or two side by side."""
    first = sides[0]
    print(span_text(first.preview))
    for side in sides:
        name = f"{side.name}: " if len(sides) > 1 else ""
        print(f"{name}{summary(side.preview)}\n")
    if len(sides) > 1:
        _show_comparison(first, sides[1])
        return
    _show_side(first)


def _show_side(side: PreviewSide) -> None:
    preview = side.preview
    terminal.table("watches", WATCH_COLUMNS, watch_rows(preview))
    if preview.incidents:
        _show_incidents("incidents", preview.incidents)
        _show_alarms(preview.alarms)
    _show_outages(side)
    for words, subject in suggestion_texts(preview):
        print(f"{subject}: {words}")


def _show_comparison(first: PreviewSide, second: PreviewSide) -> None:
    terminal.table(
        "side by side",
        ["figure", first.name, second.name],
        [
            [name, number, other]
            for (name, number), (_, other) in zip(first.figures, second.figures, strict=True)
        ],
    )
    only_first, only_second = differences(first.preview, second.preview)
    for side, incidents in ((first, only_first), (second, only_second)):
        if incidents:
            _show_incidents(f"only with {side.name}", incidents)
    if not (only_first or only_second):
        print("both tell of the same incidents")
    for side in (first, second):
        _show_outages(side, f" with {side.name}")


def _show_incidents(title: str, incidents: Sequence[PreviewIncident]) -> None:
    worst = sorted(incidents, key=lambda incident: -incident.incident.peak_score)[:MAX_ROWS]
    part = "" if len(worst) == len(incidents) else f", the {len(worst)} worst of {len(incidents)}"
    print(f"\n{title}{part}")
    terminal.prose(
        INCIDENT_COLUMNS,
        [
            [
                instant(incident.incident.start),
                incident.length,
                digits(incident.incident.peak_score, PEAK_DIGITS),
                incident.title,
                incident.words,
            ]
            for incident in sorted(worst, key=lambda incident: incident.incident.start)
        ],
        unfolded=("start",),
    )


def _show_alarms(alarms: Sequence[PreviewAlarm]) -> None:
    worst = sorted(alarms, key=lambda alarm: -alarm.alarm.peak_score)[:MAX_ROWS]
    part = "" if len(worst) == len(alarms) else f", the {len(worst)} worst of {len(alarms)}"
    print(f"\nalarms{part}")
    terminal.prose(
        ALARM_COLUMNS,
        [
            [
                instant(alarm.alarm.start),
                alarm.length,
                digits(alarm.alarm.peak_score, PEAK_DIGITS),
                alarm.watch,
                alarm.series,
                alarm.words,
            ]
            for alarm in sorted(worst, key=lambda alarm: alarm.alarm.start)
        ],
        unfolded=("start",),
    )


def _show_outages(side: PreviewSide, title: str = "") -> None:
    checks = side.checks
    if not side.outages:
        return
    print(f"\nknown outages{title}: {side.caught} of {len(checks)} caught")
    terminal.prose(
        ["start", "outage", "caught"],
        [[instant(check.outage.start), check.outage.title, check.words] for check in checks],
        unfolded=("start",),
    )
    if len(checks) < len(side.outages):
        print(f"{len(side.outages) - len(checks)} outages lie outside of this time")


def refusal(preview_name: str, pages: float, limit: float) -> str:
    """Why `--fail-above` fails."""
    return f"{preview_name}: {figure(pages)} pages a week, more than {figure(limit)}"
