"""`bandwatch maintenance`: windows of planned work, added to a running service."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from plugin.commands import listing, terminal
from plugin.commands.client import ServiceClient, act_on_all, expect_object, expect_rows, user_name
from plugin.commands.terminal import time_cell
from plugin.errors import BandwatchError

PATH = "/api/v1/maintenance"


def _state(window: Mapping[str, Any]) -> str:
    """The state, with the name of a person who has ended it."""
    if window["state"] == "ended" and window["ended_by"]:
        return f"ended by {window['ended_by']}"
    return str(window["state"])


COLUMNS: terminal.Columns = {
    "id": lambda window: window["id"],
    "name": lambda window: window["name"],
    "state": _state,
    "from": lambda window: time_cell(window["time"]),
    "to": lambda window: time_cell(window["timeEnd"]),
    "series": lambda window: str(window["size"]),
    "match": lambda window: window["match"],
    "watch": lambda window: window["watch"],
    "rule": lambda window: window["rule"],
    "source": lambda window: window["source"],
    "by": lambda window: window["by"],
}


def add(client: ServiceClient, fields: Mapping[str, str | Sequence[str] | None]) -> None:
    """Adds a window and prints which series it is about. fields: of a window; None = not set."""
    window = expect_object(
        client.post(
            PATH, {**{name: value for name, value in fields.items() if value}, "by": user_name()}
        )
    )
    print(f"window {window['id']}: {window['name']}, {_when(window)}")
    print(window["effect"])


def show(client: ServiceClient, form: str, *, everything: bool) -> None:
    """Prints windows. form: as of `listing.show`. everything: also those that are over."""
    windows = expect_rows(client.get(PATH))
    listing.show(
        COLUMNS,
        [window for window in windows if everything or window["state"] != "ended"],
        form,
        ("id", "match"),
    )


def end(client: ServiceClient, window_ids: Sequence[str]) -> None:
    """Ends windows that run, and removes those to come."""
    act_on_all(window_ids, lambda window_id: _end(client, window_id))


def _end(client: ServiceClient, window_id: str) -> None:
    if not window_id or "/" in window_id:  # the address would lead elsewhere
        raise BandwatchError(
            f"there is no window `{window_id}`; `bandwatch maintenance list` shows them"
        )
    window = expect_object(
        client.delete(f"{PATH}/{quote(window_id, safe='')}", {"by": user_name()})
    )
    end_words = "has ended" if window["time"] is not None else "is removed"
    print(f"window {window_id}: {window['name']} {end_words}")


def _when(window: Mapping[str, Any]) -> str:
    recurs = f", {window['rule']} in {window['timezone']}" if window["rule"] else ""
    return (
        f"{window['state']}, {time_cell(window['time'])} to {time_cell(window['timeEnd'])}{recurs}"
    )
