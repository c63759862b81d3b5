"""Known outages, from a CSV file with start,end[,title]."""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from plugin.domain.preview import Outage
from plugin.errors import BandwatchError

COLUMNS = ("start", "end")
MAX_TIME = 253_402_300_799  # unix seconds of the end of the year 9999
TIME_FORMAT = "unix seconds, or ISO 8601 such as 2026-11-21T02:00:00Z (UTC without an offset)"


def read_outages(path: Path) -> list[Outage]:
    """By start. Raises BandwatchError with the file, the line, what was found and what is valid."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BandwatchError(f"--incidents {path}: cannot be read: {reason}") from error
    rows = csv.reader(text.splitlines())
    header = [name.strip().lower() for name in next(rows, [])]
    for name in COLUMNS:
        if name not in header:
            raise BandwatchError(
                f"--incidents {path}: no column {name!r}; found {','.join(header) or 'nothing'};"
                " valid is start,end[,title]"
            )
    return sorted(_outages(path, header, rows), key=lambda outage: outage.start)


def _outages(path: Path, header: Sequence[str], rows: Iterator[list[str]]) -> Iterator[Outage]:
    for line, row in enumerate(rows, start=2):
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        if not any(cells.values()):
            continue
        start, end = (_time(path, line, name, cells.get(name, "")) for name in COLUMNS)
        if end < start:
            raise BandwatchError(
                f"--incidents {path}: line {line}: end: found {cells['end']!r}, which is before"
                f" start {cells['start']!r}; valid is a time that is not before it"
            )
        yield Outage(start, end, cells.get("title", ""))


def _time(path: Path, line: int, name: str, text: str) -> int:
    seconds = seconds_of(text)
    if seconds is None:
        raise BandwatchError(
            f"--incidents {path}: line {line}: {name}: found {text!r}; valid is {TIME_FORMAT}"
        )
    return seconds


def seconds_of(text: str) -> int | None:
    """Unix seconds of a time; None where the text is none."""
    if text.isdecimal() and text.isascii():
        return int(text) if int(text) <= MAX_TIME else None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
