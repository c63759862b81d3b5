"""The report in a terminal."""

from plugin.commands import terminal
from plugin.commands.report.gather import Report
from plugin.commands.report.words import ago, moment, promised, share, summary, unseen


def show(report: Report) -> None:
    """Prints it to standard output."""
    print(f"{report.url}, {moment(report.begin)} to {moment(report.end)}\n{summary(report)}\n")
    columns = ["watch", "series", "alarms", "promised", "budget spent", "incidents", "scored"]
    terminal.table(
        "alarms and what was promised",
        columns,
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
    if report.noisy:
        print("\nthe noisiest series")
        terminal.prose(
            ["alarms", "promised", "watch", "series", "what would make it quieter"],
            [
                [
                    str(each.alarms),
                    promised(each.promised),
                    each.watch,
                    each.series,
                    each.suggestion,
                ]
                for each in report.noisy
            ],
            [],
        )
    notes = unseen(report)
    print("\nwhat could not be scored" if notes or report.absent else "\neverything was scored")
    for note in notes:
        print(f"  {note}")
    for absent in report.absent:
        print(f"  {absent.watch}: {absent.series} has no samples for {ago(absent.age_seconds)}")
