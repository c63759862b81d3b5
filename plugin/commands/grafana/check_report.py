"""The report of a check: one line for each thing looked at, then what to do, then a summary."""

from collections import Counter
from collections.abc import Iterable

from plugin.commands import terminal
from plugin.commands.grafana.findings import Check, Level, counted
from plugin.commands.grafana.shipped import DASHBOARDS, RULES

SECTION_COUNT = 2 + len(DASHBOARDS) + len(RULES)  # Grafana, its data source, and each of ours
MAX_CHARACTERS = 300  # of a finding: Grafana's texts may hold a whole answer
MARKS = {Level.OK: "ok", Level.WARNING: "warning", Level.FAILURE: "FAILURE"}


def show(checks: Iterable[Check], url: str) -> int:
    """Prints the report. Returns the exit status: 1 when something failed."""
    finished: list[Check] = []
    with terminal.bar(f"check {url}") as bar:
        for check in checks:
            finished.append(check)
            bar(min(1.0, len({other.section for other in finished}) / SECTION_COUNT))
    rows = [
        [
            MARKS[check.finding.level],
            _clean(check.section),
            _clean(check.name),
            _clean(check.finding.text),
        ]
        for check in finished
    ]
    terminal.prose(["result", "of", "what", "found"], rows, _remedies(finished))
    levels = Counter(check.finding.level for check in finished)
    failed = levels[Level.FAILURE]
    print(
        f"\n{url}: {counted(len(finished), 'check')}, {counted(failed, 'failure')}, "
        f"{counted(levels[Level.WARNING], 'warning')}"
    )
    return 1 if failed else 0


def _remedies(checks: list[Check]) -> list[tuple[str, str]]:
    """Each remedy once, those of failures first, with what it is for."""
    subjects: dict[str, list[str]] = {}
    for check in sorted(checks, key=lambda check: check.finding.level is not Level.FAILURE):
        if check.finding.remedy:
            subjects.setdefault(_sentence(check.finding.remedy), []).append(
                _clean(f"{check.section}, {check.name}")
            )
    return [(text, "for " + "; ".join(dict.fromkeys(names))) for text, names in subjects.items()]


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith("?") else ".")


def _clean(text: str) -> str:
    """One line without control characters, which a terminal would obey."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= MAX_CHARACTERS else line[:MAX_CHARACTERS] + "…"
