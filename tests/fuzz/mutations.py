"""Configurations that are nearly right: the example, the good file and the bad ones of the tests,
changed in a few places."""

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

from hypothesis import strategies as st

from plugin.config import example

TESTDATA = Path(__file__).parent.parent / "plugin" / "config" / "testdata"
PIECES = (
    *("[", "]", "{", "}", "[[", "]]", "- ", "? ", ": ", ":", ", ", "#", "|", ">", "'", '"', "\\"),
    *("&a ", "*a", "&b {<<: *a}", "<<: *a", "<<: [*a, *a]", "!!int ", "!!str ", "!!binary ", "!x "),
    *("null", "~", "", "true", "no", "yes", ".inf", "-.inf", ".nan", "1e999", "-1", "0", "0x10"),
    *("999999999999999999", "9" * 400, "9" * 5000, "!!int " + "9" * 400, "!!float 1_0", "1.5"),
    *("${PROMETHEUS_TOKEN}", "${", "${}", "$${", "${NONE}", "${SHIFT}${TEAM}", "'${TEAM}'"),
    *("%YAML 1.2\n---\n", "---\n", "...\n", "\n", "\n\n", "\t", "  ", "\r", "\r\n", "\ufeff"),
    *(r'"\ud800"', r'"\U00110000"', r'"\UFFFFFFFF"', r'"\0"', r'"\x7f"', r'"\u202e"', r'"\N"'),
    *("\x00", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\ud7ff", "\U0010ffff", "é", "Ⅷ", "٣"),
    *(
        "1s",
        "0s",
        "1d",
        "10y",
        "1w1w",
        "5 minutes",
        "1/w",
        "1/m",
        "0/d",
        "1/0s",
        "99999999w",
        "2 of 3",
    ),
    *("[0, null]", "[null, null]", "[1, 0]", "{a: {b: 1}}", "{name: lstm, hidden: 9}", "[a, a]"),
    *("Europe/Vienna", "../etc/passwd", "/etc/passwd", "http://[::1", "http://a@b", "localhost:0"),
    *("FREQ=WEEKLY;BYDAY=SA", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;COUNT=0"),
    *("2026-11-21T02:00", "0001-01-01", "9999-12-31T23:59:59Z", '{job=~"("}', "{}", "up[5m]"),
    *("\n  step: 1s", "\n    step: 1s", "\nwatches:", "\nmaintenance: {windows: [{name: a}]}"),
)
ENVIRONMENT = {"PROMETHEUS_TOKEN": "of-the-environment", "TEAM": "db", "SHIFT": "night"} | {
    "READ_TOKEN": "of-the-environment-too",
    "MAX_SERIES": "70",
}


def originals() -> list[str]:
    """What is changed: a third each of good files, bad ones, and ones that are good and long."""
    bad = [path.read_text(errors="replace") for path in sorted(TESTDATA.glob("*.yml"))]
    good = (TESTDATA / "good.yml").read_text()
    open_example = re.sub(r"(?m)^( *)#(?=[-\w ]+:| *- )", r"\1", example())
    return [*bad, *[good] * 60, *[example(), open_example] * 5]


def configurations() -> st.SearchStrategy[str]:
    """Texts that may be configurations."""
    return st.builds(_changed, st.sampled_from(ORIGINALS), st.lists(SEED, min_size=1, max_size=4))


def _changed(text: str, seeds: list[int]) -> str:
    for seed in seeds:
        number = Random(seed)  # much faster than a strategy for each choice
        change = number.choice(CHANGES)
        start = number.randrange(len(text) + 1)
        text = change(text, start, number.choice(LENGTHS), number.choice(PIECES))
    return text


def _replaced(text: str, start: int, length: int, piece: str) -> str:
    return text[:start] + piece + text[start + length :]


def _repeated(text: str, start: int, length: int, piece: str) -> str:
    return text[:start] + text[start : start + length] * (1 + len(piece) % 9) + text[start:]


def _repeated_piece(text: str, start: int, length: int, piece: str) -> str:
    return text[:start] + (piece if len(piece) < 100 else "x") * length + text[start:]


def _cut(text: str, start: int, length: int, piece: str) -> str:
    return text[:start]


def _without_line(text: str, start: int, length: int, piece: str) -> str:
    lines = text.splitlines(keepends=True)
    number = text.count("\n", 0, start)
    return "".join(lines[:number] + lines[number + 1 :])


def _moved_line(text: str, start: int, length: int, piece: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    line = lines.pop(min(text.count("\n", 0, start), len(lines) - 1))
    lines.insert(length % (len(lines) + 1), line)
    return "".join(lines)


def _indented_line(text: str, start: int, length: int, piece: str) -> str:
    begin = text.rfind("\n", 0, start) + 1
    return text[:begin] + " " * (length % 7) + text[begin:].removeprefix(" " * (length % 3))


def _other_value(text: str, start: int, length: int, piece: str) -> str:
    """Another value for the next key."""
    begin = text.find(": ", start) + 2
    end = text.find("\n", begin)
    return text[:begin] + piece + text[end:]


def _other_key(text: str, start: int, length: int, piece: str) -> str:
    match = re.compile(r"\w+(?=:)").search(text, start)
    return text[: match.start()] + piece + text[match.end() :] if match else text + piece


def _joined(text: str, start: int, length: int, piece: str) -> str:
    """Two files in one."""
    other = ORIGINALS[start % len(ORIGINALS)]
    return text[:start] + other[len(other) * length // 1000 :]


Change = Callable[[str, int, int, str], str]
CHANGES: tuple[Change, ...] = (
    *(_replaced, _replaced, _other_value, _other_value, _other_value, _other_key),
    *(_repeated, _repeated_piece, _cut, _without_line, _moved_line, _indented_line, _joined),
)
ORIGINALS = originals()
LENGTHS = (0, 1, 2, 5, 20, 100, 1000)
SEED = st.integers(0, 2**32)
