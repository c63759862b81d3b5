"""`bandwatch maintenance`: windows of planned work, added to a running service."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from plugin.commands import terminal
from plugin.commands.client import ServiceClient
from plugin.commands.feedback import each_of, the_time, the_user
from plugin.errors import BandwatchError

PATH = "/api/v1/maintenance"
COLUMNS = ("id", "name", "state", "from", "to", "series", "match", "watch", "rule", "source", "by")


def add(remote: ServiceClient, about: Mapping[str, str | Sequence[str] | None]) -> None:
    """Adds a window and prints what it is about. about: the fields of a window; None = not said."""
    said = {name: text for name, text in about.items() if text}
    window = _object(remote.post(PATH, {**said, "by": the_user()}))
    print(f"window {window['id']}: {window['name']}, {_when(window)}")
    print(window["effect"])


def show(remote: ServiceClient, *, everything: bool) -> None:
    """Prints a table of windows, those that are over only when asked for."""
    rows = remote.get(PATH)
    if not isinstance(rows, list):
        raise BandwatchError(f"{remote.url}: no list of windows: is this a Bandwatch?")
    terminal.prose(
        list(COLUMNS),
        [
            [
                row["id"],
                row["name"],
                _state(row),
                _time(row["time"]),
                _time(row["timeEnd"]),
                str(row["size"]),
                row["match"],
                row["watch"],
                row["rule"],
                row["source"],
                row["by"],
            ]
            for row in rows
            if everything or row["state"] != "ended"
        ],
        [],
    )


def end(remote: ServiceClient, ids: Sequence[str]) -> None:
    """Ends windows that run, removes those that have not begun; each, whatever becomes of the
    others."""
    each_of(ids, lambda id: _end(remote, id))


def _end(remote: ServiceClient, id: str) -> None:
    if not id or "/" in id:  # no address would lead there
        raise BandwatchError(f"there is no window `{id}`; `bandwatch maintenance list` shows them")
    window = _object(remote.delete(f"{PATH}/{quote(id, safe='')}", {"by": the_user()}))
    print(
        f"window {id}: {window['name']} "
        + ("has ended" if window["time"] is not None else "is removed")
    )


def _state(row: Mapping[str, Any]) -> str:
    """An end that someone has made says so."""
    return (
        f"ended by {row['ended_by']}"
        if row["state"] == "ended" and row["ended_by"]
        else str(row["state"])
    )


def _when(window: Mapping[str, Any]) -> str:
    recurs = f", {window['rule']} in {window['timezone']}" if window["rule"] else ""
    return f"{window['state']}, {_time(window['time'])} to {_time(window['timeEnd'])}{recurs}"


def _time(milliseconds: int | None) -> str:
    return "" if milliseconds is None else the_time(milliseconds)


def _object(answer: object) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise BandwatchError("this was no answer of a Bandwatch: check --url")
    return answer
