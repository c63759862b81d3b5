"""`bandwatch changes`: deployments and the like, reported to a running service."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from plugin.commands import listing, terminal
from plugin.commands.client import (
    Fields,
    ServiceClient,
    act_on_all,
    expect_object,
    expect_rows,
    user_name,
)
from plugin.commands.terminal import time_cell
from plugin.errors import BandwatchError

PATH = "/api/v1/changes"
COLUMNS: terminal.Columns = {
    "id": lambda change: change["id"],
    "time": lambda change: time_cell(change["time"]),
    "title": lambda change: change["title"],
    "labels": lambda change: change["labels"],
    "by": lambda change: change["by"],
    "link": lambda change: change["link"],
}


def add(client: ServiceClient, fields: Fields, labels: Mapping[str, str]) -> None:
    """Reports a change. fields: title, time, link and id; None = not set."""
    body = {name: text for name, text in fields.items() if text is not None}
    change = expect_object(client.post(PATH, {**body, "labels": dict(labels), "by": user_name()}))
    known = "" if change["new"] else " was there already, nothing was added"
    print(f"change {change['id']}: {change['title']} at {time_cell(change['time'])}{known}")


def show(client: ServiceClient, fields: Fields, form: str) -> None:
    """Prints changes. fields: match, from and to; None = any."""
    listing.show(COLUMNS, expect_rows(client.get(PATH, fields)), form, ("id", "labels"))


def remove(client: ServiceClient, change_ids: Sequence[str]) -> None:
    """Removes changes, all that can be."""
    act_on_all(change_ids, lambda change_id: _remove(client, change_id))


def _remove(client: ServiceClient, change_id: str) -> None:
    if not change_id or "/" in change_id:  # the address would lead elsewhere
        raise BandwatchError(
            f"there is no change `{change_id}`; `bandwatch changes list` shows them"
        )
    change = expect_object(
        client.delete(f"{PATH}/{quote(change_id, safe='')}", {"by": user_name()})
    )
    print(f"change {change_id}: {change['title']} is removed")
