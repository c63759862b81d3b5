"""Everything that a report tells, asked of a running service in a few requests, as typed values."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from plugin.commands.client import ServiceClient
from plugin.errors import BandwatchError

DAY_MS = 86_400_000
MOST_NOISY = 10
MOST_DRAWN = 5
MOST_ABSENT = 50
MOST_ROWS = 10_000
POINTS = 500  # of a drawn series; samples outside the band come on top
Answer = Mapping[str, object]


@dataclass(frozen=True)
class WatchLine:
    """What one watch made of its budget, and how it does now."""

    watch: str
    state: str
    reason: str
    series: int
    alarms: int
    promised: float
    spent: float  # 1 = as many alarms as promised
    scored: float  # share of the time of its series, 0 to 1
    incidents: int  # whose worst alarm was here
    per_day: tuple[int, ...]  # alarms
    missing: int
    stale: int
    warming_up: int
    stale_models: int
    refused: int  # new models that did not take over
    deposed: int  # models that could not be used


@dataclass(frozen=True)
class Point:
    """One sample in its band; None = not known, or no bound on that side."""

    time: int  # ms
    value: float | None
    lower: float | None
    upper: float | None
    outside: bool


@dataclass(frozen=True)
class Noisy:
    """One of the noisiest series."""

    watch: str
    series: str
    alarms: int
    promised: float
    minutes_outside: float
    worst_score: float
    last: int  # ms at which its latest alarm began
    suggestion: str
    unit: str
    points: tuple[Point, ...] = ()  # of the very noisiest


@dataclass(frozen=True)
class Absent:
    """A series whose samples have stopped."""

    watch: str
    series: str
    age_seconds: float


@dataclass(frozen=True)
class Report:
    """A report over the days before `end`."""

    url: str
    days: int
    begin: int  # ms
    end: int  # ms
    watches: tuple[WatchLine, ...]
    noisy: tuple[Noisy, ...]
    absent: tuple[Absent, ...]

    @property
    def alarms(self) -> int:
        return sum(line.alarms for line in self.watches)

    @property
    def promised(self) -> float:
        return sum(line.promised for line in self.watches)


def gather(remote: ServiceClient, days: int, now: float) -> Report:
    """Asks a service; now: unix seconds.

    Raises BandwatchError in its words, or when it is of another version.
    """
    end = int(now * 1000)
    span = {"from": str(end - days * DAY_MS), "to": str(end)}
    try:
        now_rows = _rows(remote, "watches", {})
        units = {str(row["watch"]): str(row["unit"]) for row in now_rows}
        return Report(
            remote.url,
            days,
            end - days * DAY_MS,
            end,
            tuple(_watches(remote, now_rows, days, span)),
            tuple(_noisy(remote, units, days, span)),
            tuple(_absent(remote)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BandwatchError(
            f"{remote.url}: an answer that this version does not understand ({error!r}): use the "
            "`bandwatch` of the service's own version"
        ) from error


def _rows(remote: ServiceClient, path: str, parameters: Mapping[str, str]) -> Sequence[Answer]:
    found = remote.get(f"/api/v1/{path}", parameters)
    if not isinstance(found, list):
        raise TypeError(path)
    return found


def _watches(
    remote: ServiceClient, rows: Sequence[Answer], days: int, span: Mapping[str, str]
) -> Iterator[WatchLine]:
    """rows: of /watches."""
    over = {"days": str(days)}
    budget = {str(row["watch"]): row for row in _rows(remote, "budget", {**over, "by": "watch"})}
    per_day: dict[str, list[int]] = {}
    for row in _rows(remote, "budget", {**over, "by": "day"}):
        per_day.setdefault(str(row["watch"]), []).append(int(_number(row["alarms"])))
    latest = {**span, "limit": str(MOST_ROWS)}
    incidents = Counter(str(row["worst_watch"]) for row in _rows(remote, "incidents", latest))
    decided = Counter(
        (str(row["watch"]), str(row["what"])) for row in _rows(remote, "decisions", latest)
    )
    for row in rows:
        name = str(row["watch"])
        spent = budget[str(row["watch"])]
        now = {
            column: int(_number(row[column]))
            for column in ("series", "missing", "stale", "warming_up", "stale_models")
        }
        scored = _number(spent["days_scored"]) / (now["series"] * days) if now["series"] else 0.0
        yield WatchLine(
            name,
            str(row["state"]),
            str(row["reason"]),
            now["series"],
            int(_number(spent["alarms"])),
            _number(spent["promised"]),
            _number(spent["spent"]),
            min(1.0, scored),
            incidents[name],
            tuple(per_day.get(name, ())),
            now["missing"],
            now["stale"],
            now["warming_up"],
            now["stale_models"],
            decided[name, "refused"],
            decided[name, "deposed"],
        )


def _noisy(
    remote: ServiceClient, units: Mapping[str, str], days: int, span: Mapping[str, str]
) -> Iterator[Noisy]:
    rows = _rows(remote, "budget", {"days": str(days), "by": "series", "limit": str(MOST_NOISY)})
    for place, row in enumerate(rows):
        watch = str(row["watch"])
        series = str(row["series"])
        points = tuple(_points(remote, watch, series, span)) if place < MOST_DRAWN else ()
        yield Noisy(
            watch,
            series,
            int(_number(row["alarms"])),
            _number(row["promised"]),
            _number(row["minutes_outside"]),
            _number(row["worst_score"]),
            int(_number(row["last"])),
            str(row["suggestion"]),
            units[watch],
            points,
        )


def _points(
    remote: ServiceClient, watch: str, series: str, span: Mapping[str, str]
) -> Iterator[Point]:
    for row in _rows(
        remote,
        "bands",
        {"watch": watch, "series": series, "labels": "none", "max_points": str(POINTS), **span},
    ):
        value, lower, upper = (
            None if row[name] is None else _number(row[name])
            for name in ("value", "lower", "upper")
        )
        yield Point(int(_number(row["time"])), value, lower, upper, row["anomaly"] is not None)


def _absent(remote: ServiceClient) -> Iterator[Absent]:
    rows = _rows(remote, "scores", {"state": "missing", "limit": str(MOST_ABSENT)})
    found = [
        Absent(str(row["watch"]), str(row["series"]), _number(row["age_seconds"]))
        for row in rows
        if row["age_seconds"] is not None
    ]
    return iter(sorted(found, key=lambda each: -each.age_seconds))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return float(value)
