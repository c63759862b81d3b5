"""Lengths of time in seconds; times and durations in words: `03:05 UTC`, `1 h 5 min`. Pure."""

from datetime import UTC, datetime
from functools import lru_cache

MINUTE = 60
HOUR = 3_600
DAY = 86_400
WEEK = 7 * DAY


def instant(time: int) -> str:
    """Unix seconds as `2026-11-21T02:00:00Z`."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_of_day(time: int) -> str:
    """Unix seconds as `03:05 UTC`."""
    hour, minute = divmod(time % DAY // MINUTE, 60)
    return f"{hour:02d}:{minute:02d} UTC"


def clock_time(time: int, now: int) -> str:
    """`03:05 UTC`, with its date if that differs from the date of `now`; both unix seconds."""
    same_day = time // DAY == now // DAY
    date = "" if same_day else f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d} "
    return date + time_of_day(time)


@lru_cache(1024)
def duration(seconds: int) -> str:
    """`45 s`, `12 min`, `1 h 5 min`, `2 d 3 h`: the two largest parts."""
    parts = []
    remaining = seconds
    for size, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")):
        count, remaining = divmod(remaining, size)
        parts.append(f"{count} {name}" if count else "")
    first = next((index for index, part in enumerate(parts) if part), len(parts) - 1)
    return " ".join(part for part in parts[first : first + 2] if part) or "0 s"
