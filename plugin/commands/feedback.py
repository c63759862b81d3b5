"""`bandwatch feedback`: answers to alarms, given to a running service."""

from collections.abc import Sequence

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

PATH = "/api/v1/feedback"
COLUMNS: terminal.Columns = {
    "id": lambda row: str(row["id"]),
    "verdict": lambda row: row["verdict"],
    "state": lambda row: row["state"],
    "series": lambda row: row["series"],
    "from": lambda row: time_cell(row["time"]),
    "to": lambda row: time_cell(row["timeEnd"]),
    "by": lambda row: row["by"],
    "comment": lambda row: row["comment"],
}


def add(client: ServiceClient, verdict: str, alarm: Fields, *, comment: str) -> None:
    """Gives an answer and prints its effect.

    alarm: incident, or watch, series, from and to; None = not set.
    """
    fields = {name: text for name, text in alarm.items() if text is not None}
    answer = expect_object(
        client.post(PATH, {**fields, "verdict": verdict, "comment": comment, "by": user_name()})
    )
    print(
        f"answer {answer['id']}: {answer['verdict']}, {', '.join(answer['series'])}, "
        f"{time_cell(answer['from'])} to {time_cell(answer['to'])}"
    )
    print(answer["effect"])


def show(client: ServiceClient, selection: Fields, form: str) -> None:
    """Prints answers. selection: watch, match, series, from and to; None = any. form: as of
    `listing.show`."""
    listing.show(COLUMNS, expect_rows(client.get(PATH, selection)), form, ("id", "series"))


def withdraw(client: ServiceClient, numbers: Sequence[int]) -> None:
    """Takes answers back, all that can be."""
    act_on_all(numbers, lambda number: _withdraw(client, number))


def _withdraw(client: ServiceClient, number: int) -> None:
    answer = expect_object(client.delete(f"{PATH}/{number}", {"by": user_name()}))
    print(f"answer {number}: {answer['effect']}")
