"""The findings of the check: one line each, with a remedy where there is something to do."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """One result of the check; `remedy` says what to do about it."""

    level: Level
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class Check:
    """A finding and its subject; `section` is a dashboard, a rule, or what comes before them."""

    section: str
    name: str
    finding: Finding


def ok(text: str) -> Finding:
    return Finding(Level.OK, text)


def warning(text: str, remedy: str) -> Finding:
    return Finding(Level.WARNING, text, remedy)


def failure(text: str, remedy: str) -> Finding:
    return Finding(Level.FAILURE, text, remedy)


def counted(number: int, noun: str) -> str:
    """ "1 row", "2 rows", "3 series"."""
    return f"{number:,} {noun}{'' if number == 1 or noun.endswith('s') else 's'}"


def worst_level(findings: Collection[Finding]) -> Level:
    """The gravest level of some findings; OK where there is none."""
    return max((finding.level for finding in findings), key=list(Level).index, default=Level.OK)
