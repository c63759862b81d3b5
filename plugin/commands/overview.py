"""`bandwatch status`, `incidents`, `series` and `watches`: questions to a running service."""

import json
import math
from collections.abc import Mapping
from typing import Any

from plugin.commands import listing, terminal
from plugin.commands.client import Fields, ServiceClient, expect_object, expect_rows
from plugin.commands.terminal import time_cell
from plugin.domain.number_text import expected_range
from plugin.domain.times import duration

INCIDENTS = "/api/v1/incidents"
SCORES = "/api/v1/scores"
WATCHES = "/api/v1/watches"
FAULTS = ("failing", "late")  # states of a watch


def _alarms(watch: Mapping[str, Any]) -> str:
    if watch["budget_7d"] < 1:
        return f"{watch['alarms_7d']}, too early to judge"
    return f"{watch['alarms_7d']} of {watch['budget_7d']:.3g}"


def _length(seconds: float | None) -> str:
    return "" if seconds is None else duration(round(seconds))


def _since(incident: Mapping[str, Any]) -> str:
    length = (
        duration(incident["duration_seconds"]) if incident["duration_seconds"] else "one sample"
    )
    return f"{time_cell(incident['time'])} ({length})"


def _value(row: Mapping[str, Any]) -> str:
    return _texts(row)[0]


def _expected(row: Mapping[str, Any]) -> str:
    return _texts(row)[1].removeprefix("expected ")


def _texts(row: Mapping[str, Any]) -> tuple[str, str]:
    """Value and range in the unit of the series."""
    return expected_range(
        _known(row["value"], math.nan),
        _known(row["expected"], math.nan),
        _known(row["lower"], -math.inf),
        _known(row["upper"], math.inf),
        row["unit"],
    )


def _known(number: float | None, absent: float) -> float:
    """The number, or what `null` stands for."""
    return absent if number is None else number


STATUS_COLUMNS: terminal.Columns = {
    "watch": lambda watch: watch["watch"],
    "state": lambda watch: watch["state"],
    "reason": lambda watch: watch["reason"],
    "series": lambda watch: str(watch["series"]),
    "in alarm": lambda watch: str(watch["anomalous"]),
    "lag": lambda watch: _length(watch["lag_seconds"]),
    "alarms in 7 d, of": _alarms,
}
WATCH_COLUMNS: terminal.Columns = {
    "watch": lambda watch: watch["watch"],
    "severity": lambda watch: watch["severity"],
    "state": lambda watch: watch["state"],
    "reason": lambda watch: watch["reason"],
    "series": lambda watch: str(watch["series"]),
    **{
        name: (lambda watch, name=name: str(watch[name]))  # type: ignore[misc]
        for name in ("ok", "warming_up", "learning", "missing", "stale", "maintenance")
    },
    "in alarm": lambda watch: str(watch["anomalous"]),
    "worst score": lambda watch: _number(watch["worst_score"]),
    "oldest model": lambda watch: _length(watch["oldest_model_seconds"]),
    "alarms in 7 d, of": _alarms,
    "step": lambda watch: duration(watch["step"]),
}
INCIDENT_COLUMNS: terminal.Columns = {
    "incident": lambda incident: incident["incident"],
    "state": lambda incident: incident["alarm_state"],
    "since": _since,
    "score": lambda incident: _number(incident["score"]),
    "what": lambda incident: incident["title"],
    "changes": lambda incident: incident.get("changes", ""),
}
SERIES_COLUMNS: terminal.Columns = {
    "series": lambda series: series["series"],
    "watch": lambda series: series["watch"],
    "state": lambda series: series["state"],
    "value": _value,
    "expected": _expected,
    "score": lambda series: _number(series["score"]),
    "age": lambda series: _length(series["age_seconds"]),
}


def status(client: ServiceClient, form: str) -> bool:
    """Prints version, open incidents and watches. Returns whether no watch is failing or late."""
    build = expect_object(client.get("/api/v1/status/buildinfo"))
    open_incidents = _open(expect_rows(client.get(INCIDENTS)))
    rows = expect_rows(client.get(WATCHES))
    if form == "json":
        answer = {"version": build["version"], "open_incidents": open_incidents, "watches": rows}
        print(json.dumps(answer, ensure_ascii=False, indent=2))
    elif form == "csv":
        listing.show_data(rows, form)
    else:
        count = len(open_incidents)
        are_open = "1 incident is open" if count == 1 else f"{count or 'no'} incidents are open"
        print(f"Bandwatch {build['version']} at {client.shown_url}: {are_open}")
        if open_incidents:
            listing.show(INCIDENT_COLUMNS, open_incidents, form, ("incident",))
        print()
        listing.show(STATUS_COLUMNS, rows, form, ("watch",))
    return not any(row["state"] in FAULTS for row in rows)


def incidents(client: ServiceClient, fields: Fields, form: str, *, only_open: bool) -> None:
    """Prints incidents. fields: watch, match, from and to; None = any."""
    rows = expect_rows(client.get(INCIDENTS, fields))
    listing.show(INCIDENT_COLUMNS, _open(rows) if only_open else rows, form, ("incident",))


def series(client: ServiceClient, fields: Fields, form: str) -> None:
    """Prints the latest scores, the highest first. fields: watch, match, state and limit."""
    rows = expect_rows(client.get(SCORES, fields))
    highest_first = sorted(rows, key=lambda row: -1 if row["score"] is None else row["score"])[::-1]
    listing.show(SERIES_COLUMNS, highest_first, form, ("series",))
    if form == "table" and str(len(rows)) == fields.get("limit"):
        print(f"\nThese are the {len(rows)} with the highest scores: --limit shows more")


def watches(client: ServiceClient, fields: Fields, form: str) -> None:
    """Prints the watches. fields: watch; None = all."""
    listing.show(WATCH_COLUMNS, expect_rows(client.get(WATCHES, fields)), form, ("watch",))


def _open(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["state"] == "open"]


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.3g}"
