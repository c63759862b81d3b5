"""All figures of a report, asked of a running service in a few requests."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plugin.commands.client import ServiceClient, expect_rows
from plugin.domain.report import AbsentSeries, NoisySeries, Point, Report, WatchLine
from plugin.domain.times import DAY
from plugin.errors import BandwatchError

DAY_MS = 1000 * DAY
MAX_NOISY_SERIES = 10  # series
MAX_DRAWN_SERIES = 5  # series
MAX_ABSENT_SERIES = 50  # series
MAX_ROWS = 10_000  # of one request
MAX_POINTS = 500  # of a drawn series; samples outside the band come on top
Row = Mapping[str, Any]


def gather(client: ServiceClient, days: int, now: float) -> Report:
    """Asks a service; now: unix seconds.

    Raises BandwatchError with its message, or where it is of another version.
    """
    end = int(now * 1000)
    start = end - days * DAY_MS
    source = _ReportSource(client, days, start, end)
    try:
        watches = source.rows("watches")
        units = {str(row["watch"]): str(row["unit"]) for row in watches}
        return Report(
            url=client.shown_url,
            days=days,
            start=start,
            end=end,
            watches=tuple(source.watch_lines(watches)),
            noisy=tuple(source.noisy_series(units)),
            absent=source.absent_series(),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BandwatchError(
            f"{client.shown_url}: an answer that this version does not understand ({error!r}): use"
            " the `bandwatch` of the service's own version"
        ) from error


@dataclass(frozen=True)
class _ReportSource:
    """The requests of one report."""

    client: ServiceClient
    days: int
    start: int  # ms
    end: int  # ms

    @property
    def span(self) -> dict[str, str]:
        return {"from": str(self.start), "to": str(self.end)}

    def rows(self, path: str, **parameters: str) -> list[dict[str, Any]]:
        return expect_rows(self.client.get(f"/api/v1/{path}", parameters))

    def watch_lines(self, watches: Sequence[Row]) -> Iterator[WatchLine]:
        """watches: rows of /watches."""
        days = str(self.days)
        budget = {str(line["watch"]): line for line in self.rows("budget", days=days, by="watch")}
        per_day: dict[str, list[int]] = {}
        for day in self.rows("budget", days=days, by="day"):
            per_day.setdefault(str(day["watch"]), []).append(_integer(day["alarms"]))
        incidents = Counter(
            str(row["worst_watch"])
            for row in self.rows("incidents", **self.span, limit=str(MAX_ROWS))
        )
        decisions = Counter(
            (str(row["watch"]), str(row["what"]))
            for row in self.rows("decisions", **self.span, limit=str(MAX_ROWS))
        )
        for row in watches:
            name = str(row["watch"])
            series = _integer(row["series"])
            yield WatchLine(
                watch=name,
                state=str(row["state"]),
                reason=str(row["reason"]),
                series=series,
                alarms=_integer(budget[name]["alarms"]),
                promised=_number(budget[name]["promised"]),
                spent=_number(budget[name]["spent"]),
                scored=self._scored_share(_number(budget[name]["days_scored"]), series),
                incidents=incidents[name],
                per_day=tuple(per_day.get(name, ())),
                missing=_integer(row["missing"]),
                stale=_integer(row["stale"]),
                warming_up=_integer(row["warming_up"]),
                learning=_integer(row["learning"]),
                stale_models=_integer(row["stale_models"]),
                refused=decisions[name, "refused"],
                unusable=decisions[name, "deposed"],
            )

    def _scored_share(self, series_days: float, series: int) -> float:
        return min(1.0, series_days / (series * self.days)) if series else 0.0

    def noisy_series(self, units: Mapping[str, str]) -> Iterator[NoisySeries]:
        """units: by watch."""
        rows = self.rows("budget", days=str(self.days), by="series", limit=str(MAX_NOISY_SERIES))
        for number, row in enumerate(rows):
            watch = str(row["watch"])
            series = str(row["series"])
            yield NoisySeries(
                watch=watch,
                series=series,
                alarms=_integer(row["alarms"]),
                promised=_number(row["promised"]),
                minutes_outside=_number(row["minutes_outside"]),
                worst_score=_number(row["worst_score"]),
                last=_integer(row["last"]),
                suggestion=str(row["suggestion"]),
                unit=units[watch],
                points=self._points(watch, series) if number < MAX_DRAWN_SERIES else (),
            )

    def _points(self, watch: str, series: str) -> tuple[Point, ...]:
        rows = self.rows(
            "bands",
            watch=watch,
            series=series,
            labels="none",
            max_points=str(MAX_POINTS),
            **self.span,
        )
        return tuple(
            Point(
                _integer(row["time"]),
                value=_number_or_none(row["value"]),
                lower=_number_or_none(row["lower"]),
                upper=_number_or_none(row["upper"]),
                outside=row["anomaly"] is not None,
            )
            for row in rows
        )

    def absent_series(self) -> tuple[AbsentSeries, ...]:
        """The longest absence first."""
        rows = self.rows("scores", state="missing", limit=str(MAX_ABSENT_SERIES))
        absent = [
            AbsentSeries(str(row["watch"]), str(row["series"]), _number(row["age_seconds"]))
            for row in rows
            if row["age_seconds"] is not None
        ]
        return tuple(sorted(absent, key=lambda series: -series.age_seconds))


def _number_or_none(value: object) -> float | None:
    return None if value is None else _number(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _integer(value: object) -> int:
    return int(_number(value))
