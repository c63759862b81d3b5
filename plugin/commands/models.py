"""`bandwatch models`: the versions of models in a running service, and orders about them."""

from typing import Any

from plugin.commands import listing, terminal
from plugin.commands.client import Fields, ServiceClient, expect_rows, user_name
from plugin.commands.terminal import time_cell
from plugin.domain.times import duration
from plugin.errors import BandwatchError

MAX_DECISIONS = 50  # that are shown
ACTIVE_COLUMNS: terminal.Columns = {
    "series": lambda row: row["series"],
    "watch": lambda row: row["watch"],
    "version": lambda row: str(row["version"]),
    "detector": lambda row: row["detector"],
    "age": lambda row: duration(round(row["age_seconds"])),
    "checked": lambda row: time_cell(row["checked_at"]),
    "loss": lambda row: _loss(row["loss"]),
    "pinned": lambda row: "yes" if row["pinned"] else "",
}
VERSION_COLUMNS: terminal.Columns = {
    "series": lambda row: row["series"],
    "watch": lambda row: row["watch"],
    "version": lambda row: str(row["version"]),
    "active": lambda row: ("pinned" if row["pinned"] else "yes") if row["champion"] else "",
    "detector": lambda row: row["detector"],
    "fitted": lambda row: time_cell(row["fitted_at"]),
    "learnt from": lambda row: time_cell(row["window_start"]),
    "to": lambda row: time_cell(row["window_end"]),
    "loss": lambda row: _loss(row["loss"]),
}
DECISION_COLUMNS: terminal.Columns = {
    "time": lambda row: time_cell(row["time"]),
    "series": lambda row: row["series"],
    "version": lambda row: str(row["version"] or ""),
    "what": lambda row: row["what"],
    "why": lambda row: row["why"],
    "by": lambda row: row["by"],
}


def show_list(client: ServiceClient, selection: Fields, form: str) -> None:
    """Prints the active models. selection: watch, series and match; None = any. form: as of
    `listing.show`."""
    active = [row for row in _models(client, selection) if row["champion"]]
    listing.show(ACTIVE_COLUMNS, active, form, ("series",))


def show(client: ServiceClient, selection: Fields, form: str) -> None:
    """Prints all stored versions of some series, and in a table the decisions about them."""
    listing.show(VERSION_COLUMNS, _models(client, selection), form, ("series",))
    if form != "table":
        return
    decisions = expect_rows(
        client.get("/api/v1/decisions", {**selection, "limit": str(MAX_DECISIONS)})
    )
    if decisions:
        print()
        listing.show(DECISION_COLUMNS, decisions, form, ("series",))


def order(
    client: ServiceClient, act: str, selection: Fields, *, comment: str, version: int | None
) -> bool:
    """Gives an order and prints what came of it, series by series.

    Returns whether all of it was done.
    """
    fields: dict[str, object] = {name: text for name, text in selection.items() if text is not None}
    if version is not None:
        fields["version"] = version
    results = expect_rows(
        client.post(f"/api/v1/models/{act}", {**fields, "comment": comment, "by": user_name()})
    )
    for result in results:
        print(
            f"{result['series']} of {result['watch']}:"
            f" {'' if result['done'] else 'not done: '}{result['why']}"
        )
    return all(result["done"] for result in results)


def _models(client: ServiceClient, selection: Fields) -> list[dict[str, Any]]:
    """Raises BandwatchError where there is none."""
    rows = expect_rows(client.get("/api/v1/models", selection))
    if not rows:
        selected = ", ".join(text for text in selection.values() if text) or "any series"
        raise BandwatchError(
            f"{client.shown_url}: no model of {selected}: `GET /api/v1/series` lists the series; a"
            " new one has its first model when it has been fitted"
        )
    return rows


def _loss(loss: float | None) -> str:
    return "" if loss is None else f"{loss:.3g}"
