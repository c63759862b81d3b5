"""What a preview shows: one configuration, or two side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from plugin.domain.number_text import digits
from plugin.domain.preview import Outage, OutageCheck, Preview, check_outages, unexplained
from plugin.domain.times import WEEK

FIGURE_DIGITS = 2


@dataclass(frozen=True)
class PreviewSide:
    """One configuration and what it would have done."""

    name: str
    preview: Preview
    outages: tuple[Outage, ...] = ()

    @property
    def checks(self) -> list[OutageCheck]:
        return check_outages(self.preview, self.outages)

    @property
    def caught(self) -> int:
        return sum(check.incident is not None for check in self.checks)

    @property
    def figures(self) -> list[tuple[str, str]]:
        """What can be compared, with its name."""
        preview = self.preview
        pages = preview.pages()
        figures = [
            ("alarms", str(len(preview.alarms))),
            ("alarms promised", figure(preview.promised)),
            ("incidents", str(len(preview.incidents))),
            ("pages a week, by night", figure(pages.night)),
            ("pages a week, by day", figure(pages.day)),
            ("pages a week", figure(pages.total)),
        ]
        if self.outages:
            figures += [
                ("known outages caught", f"{self.caught} of {len(self.checks)}"),
                ("incidents in no outage", str(unexplained(preview, self.outages))),
            ]
        return figures


def summary(preview: Preview) -> str:
    """The one sentence to read."""
    pages = preview.pages()
    times = "once" if len(preview.incidents) == 1 else f"{len(preview.incidents)} times"
    return (
        f"would have alerted {times}: {_counted(figure(pages.total), 'page')} a week,"
        f" {figure(pages.night)} by night and {figure(pages.day)} by day;"
        f" {_counted(str(len(preview.alarms)), 'alarm')}, {figure(preview.promised)} promised"
    )


def _counted(number: str, noun: str) -> str:
    return f"{number} {noun}{'' if number == '1' else 's'}"


def figure(number: float) -> str:
    """A number with as many digits as it needs."""
    return digits(number, FIGURE_DIGITS) if number else "0"


def watch_rows(preview: Preview) -> list[list[str]]:
    """By watch: series, alarms, alarms promised, both a week."""
    return [
        [
            line.watch,
            str(line.series),
            str(line.alarms),
            figure(line.promised),
            figure(line.alarms / preview.weeks),
            figure(line.alert_budget * WEEK * line.series),
        ]
        for line in preview.watches
    ]


def suggestion_texts(preview: Preview) -> Sequence[tuple[str, str]]:
    """(what would make it quieter, watch and series)."""
    return [
        (str(suggestion), f"{line.watch}: {series}")
        for line in preview.watches
        for series, suggestion in line.suggestions
    ]
