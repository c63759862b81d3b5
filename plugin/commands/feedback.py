"""`bandwatch feedback`: answers to alarms, given to a running service."""

import getpass
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from plugin.commands import terminal
from plugin.commands.client import ServiceClient
from plugin.domain.wording import instant
from plugin.errors import BandwatchError

T = TypeVar("T")
COLUMNS = ("id", "verdict", "state", "series", "from", "to", "by", "comment")


def add(
    remote: ServiceClient, verdict: str, about: Mapping[str, str | None], *, comment: str
) -> None:
    """Gives an answer and prints what follows. about: incident, or watch, series, from and to; None
    = not said."""
    said = {name: text for name, text in about.items() if text is not None}
    answer = _object(
        remote.post(
            "/api/v1/feedback", {**said, "verdict": verdict, "comment": comment, "by": the_user()}
        )
    )
    print(
        f"answer {answer['id']}: {answer['verdict']}, {', '.join(answer['series'])}, "
        f"{the_time(answer['from'])} to {the_time(answer['to'])}"
    )
    print(answer["effect"])


def show(remote: ServiceClient, about: Mapping[str, str | None]) -> None:
    """Prints a table of answers. about: watch, match, series, from and to; None = any."""
    rows = remote.get(
        "/api/v1/feedback", {name: text for name, text in about.items() if text is not None}
    )
    if not isinstance(rows, list):
        raise BandwatchError(f"{remote.url}: no list of answers: is this a Bandwatch?")
    terminal.prose(
        list(COLUMNS),
        [
            [
                str(row["id"]),
                row["verdict"],
                row["state"],
                row["series"],
                the_time(row["time"]),
                the_time(row["timeEnd"]),
                row["by"],
                row["comment"],
            ]
            for row in rows
        ],
        [],
    )


def withdraw(remote: ServiceClient, ids: Sequence[int]) -> None:
    """Takes answers back; each, whatever becomes of the others."""
    each_of(ids, lambda id: _withdraw(remote, id))


def each_of(given: Sequence[T], act: Callable[[T], None]) -> None:
    """Goes on after a refusal. Raises BandwatchError with all that were refused, at the end."""
    refused = []
    for one in given:
        try:
            act(one)
        except BandwatchError as error:
            refused.append(str(error))
    if refused:
        raise BandwatchError("\n".join(refused))


def _withdraw(remote: ServiceClient, id: int) -> None:
    said = _object(remote.delete(f"/api/v1/feedback/{id}", {"by": the_user()}))
    print(f"answer {id}: {said['effect']}")


def _object(answer: object) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise BandwatchError("this was no answer of a Bandwatch: check --url")
    return answer


def the_time(milliseconds: int) -> str:
    return instant(milliseconds // 1000)


def the_user() -> str:
    """Who sits here; kept unless the service knows better."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # an account without a name, as in a container
        return ""
