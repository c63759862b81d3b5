"""The table of the proposals, and the question which of them to keep."""

import re
import sys
from collections.abc import Callable, Sequence

from plugin.commands import terminal
from plugin.commands.check.quantities import rounded_duration
from plugin.commands.init.alarm_trial import AlarmTrial
from plugin.commands.init.carried import Omission
from plugin.commands.init.proposals import Proposal, RejectedCandidate
from plugin.commands.init.yaml_text import gaps_text, one_line

COLUMNS = ["no.", "watch", "series", "gaps", "history", "alarms/week", "fit", "what it shows"]
NOT_KNOWN = "-"
QUESTION = "Keep which? Enter = all; numbers such as 1-4,7; -3 = all but that; none: "
PART = re.compile(r"(-?)(\d{1,6})(?:-(\d{1,6}))?")


def show(
    proposals: Sequence[Proposal],
    rejected: Sequence[RejectedCandidate],
    omissions: Sequence[Omission] = (),
) -> None:
    """Prints a row for each proposal, and below them what is left out and why."""
    rows = [
        [
            str(number),
            proposal.name,
            f"{proposal.trial.series:,}",
            gaps_text(proposal),
            rounded_duration(history) if (history := proposal.trial.history) else "new",
            *_trial_cells(proposal),
            f"{proposal.summary} ({proposal.note})" if proposal.note else proposal.summary,
        ]
        for number, proposal in enumerate(proposals, start=1)
    ]
    notes = [(f"left out: {item.name}", one_line(item.reason)) for item in rejected]
    notes += [(f"not carried over: {item.place}", one_line(item.reason)) for item in omissions]
    terminal.prose(COLUMNS, rows, notes, unfolded=COLUMNS[:-1])


def _trial_cells(proposal: Proposal) -> list[str]:
    """Of the columns about alarms and fits."""
    alarms = proposal.alarms
    if not isinstance(alarms, AlarmTrial):
        return [NOT_KNOWN, NOT_KNOWN]
    return [alarms.weekly_text, rounded_duration(max(1.0, alarms.fit_seconds))]


def can_ask() -> bool:
    """Whether a person sits at a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def chosen(
    proposals: Sequence[Proposal], read: Callable[[str], str], say: Callable[[str], None]
) -> list[Proposal]:
    """The proposals that the person keeps. read: asks the question and returns a line; say: prints
    one."""
    while True:
        try:
            numbers = chosen_numbers(read(QUESTION), len(proposals))
        except ValueError as error:
            say(str(error))
            continue
        return [proposal for number, proposal in enumerate(proposals, start=1) if number in numbers]


def chosen_numbers(answer: str, count: int) -> set[int]:
    """The numbers, 1 to `count`, that an answer keeps. Raises ValueError with what is valid."""
    everyone = set(range(1, count + 1))
    parts = [part for part in re.split(r"[,\s]+", answer.strip().lower()) if part]
    if parts == ["none"]:
        return set()
    if parts in ([], ["all"]):
        return everyone
    kept: set[int] = set()
    dropped: set[int] = set()
    for part in parts:
        match = PART.fullmatch(part)
        first = int(match[2]) if match else 0
        last = int(match[3] or first) if match else 0
        if match is None or not 1 <= first <= last <= count:
            raise ValueError(f'found "{part}"; valid is 1 to {count}, 2-5, -3, all or none')
        (dropped if match[1] else kept).update(range(first, last + 1))
    return (kept or everyone) - dropped
