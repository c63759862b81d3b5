"""The report in a terminal."""

from plugin.commands import terminal
from plugin.domain.report import (
    Report,
    duration_text,
    moment,
    promised,
    share,
    summary,
    unscored_notes,
)

WATCH_COLUMNS = ["watch", "series", "alarms", "promised", "budget spent", "incidents", "scored"]
SERIES_COLUMNS = ["alarms", "promised", "watch", "series", "what would make it quieter"]


def show(report: Report) -> None:
    """Prints it to standard output."""
    print(f"{report.url}, {moment(report.start)} to {moment(report.end)}\n{summary(report)}\n")
    _show_watches(report)
    if report.noisy:
        _show_noisy(report)
    notes = unscored_notes(report)
    print("\nwhat could not be scored" if notes or report.absent else "\neverything was scored")
    for note in notes:
        print(f"  {note}")
    for absent in report.absent:
        age = duration_text(absent.age_seconds)
        print(f"  {absent.watch}: {absent.series} has no samples for {age}")


def _show_watches(report: Report) -> None:
    terminal.table(
        "alarms and what was promised",
        WATCH_COLUMNS,
        [
            [
                line.watch,
                f"{line.series:,}",
                f"{line.alarms:,}",
                promised(line.promised),
                f"{line.spent:.0%}",
                f"{line.incidents:,}",
                share(line.scored),
            ]
            for line in report.watches
        ],
    )


def _show_noisy(report: Report) -> None:
    print("\nthe noisiest series")
    terminal.prose(
        SERIES_COLUMNS,
        [
            [
                str(series.alarms),
                promised(series.promised),
                series.watch,
                series.series,
                series.suggestion,
            ]
            for series in report.noisy
        ],
    )
