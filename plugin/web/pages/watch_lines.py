"""How each watch is doing, as lines of a table in words. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from plugin.domain.number_text import digits
from plugin.domain.times import duration
from plugin.web.rows import Row
from plugin.web.watches import DAYS, UNHEALTHY

# state of a series -> the words for it; "ok" goes without saying
STATE_WORDS = {
    "warming_up": "warming up",
    "learning": "learning",
    "missing": "missing",
    "stale": "stale",
    "maintenance": "in maintenance",
}


@dataclass(frozen=True)
class WatchSummary:
    """One watch."""

    name: str
    severity: str
    state: str
    reason: str
    unhealthy: bool
    series: int
    exceptions: str  # how many of them are not ok, in words
    anomalous: int  # series with an open alarm
    lag: str  # since its latest score
    alarms: str  # against those that were promised
    overspent: bool  # more alarms came than were promised


def watch_lines(rows: Iterable[Row]) -> Iterator[WatchSummary]:
    """A line for each row of /api/v1/watches."""
    for row in rows:
        counts = ((int(row[state] or 0), words) for state, words in STATE_WORDS.items())
        state = str(row["state"])
        yield WatchSummary(
            name=str(row["watch"]),
            severity=str(row["severity"]),
            state=state,
            reason=str(row["reason"]),
            unhealthy=state in UNHEALTHY,
            series=int(row["series"] or 0),
            exceptions=", ".join(f"{count} {words}" for count, words in counts if count),
            anomalous=int(row["anomalous"] or 0),
            lag=duration(int(row["lag_seconds"] or 0)) if row["time"] else "not scored yet",
            alarms=_alarms(int(row["alarms_7d"] or 0), float(row["budget_7d"] or 0.0)),
            overspent=float(row["budget_spent"] or 0.0) > 1 and float(row["budget_7d"] or 0.0) >= 1,
        )


def _alarms(count: int, promised: float) -> str:
    """`3 in 7 d; 12 promised`. One alarm cannot be halved, so less than one says nothing yet."""
    promise = f"{digits(promised, 2)} promised" if promised >= 1 else "too early to judge"
    return f"{count} in {DAYS} d; {promise}"
