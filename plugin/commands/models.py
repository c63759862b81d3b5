"""`bandwatch models`: the versions of models in a running service, and what is ordered of them."""

from collections.abc import Mapping
from typing import Any

from plugin.commands import terminal
from plugin.commands.client import ServiceClient
from plugin.commands.feedback import the_user
from plugin.domain.wording import duration, instant
from plugin.errors import BandwatchError

SHOWN = 50  # decisions


def show_list(remote: ServiceClient, about: Mapping[str, str | None]) -> None:
    """Prints who reigns. about: watch, series and match; None = any."""
    rows = [row for row in _models(remote, about) if row["champion"]]
    columns = ["series", "watch", "version", "detector", "age", "checked", "loss", "pinned"]
    terminal.prose(
        columns,
        [
            [
                row["series"],
                row["watch"],
                str(row["version"]),
                row["detector"],
                duration(round(row["age_seconds"])),
                _time(row["checked_at"]),
                _number(row["loss"]),
                "yes" if row["pinned"] else "",
            ]
            for row in rows
        ],
        [],
    )


def show(remote: ServiceClient, about: Mapping[str, str | None]) -> None:
    """Prints all versions that are kept of some series, and what was decided of them."""
    rows = _models(remote, about)
    columns = [
        "series",
        "watch",
        "version",
        "reigns",
        "detector",
        "fitted",
        "learnt from",
        "to",
        "loss",
    ]
    terminal.prose(
        columns,
        [
            [
                row["series"],
                row["watch"],
                str(row["version"]),
                ("pinned" if row["pinned"] else "yes") * row["champion"],
                row["detector"],
                _time(row["fitted_at"]),
                _time(row["window_start"]),
                _time(row["window_end"]),
                _number(row["loss"]),
            ]
            for row in rows
        ],
        [],
    )
    made = _rows(remote, "/api/v1/decisions", {**about, "limit": str(SHOWN)})
    if made:
        print()
    (
        terminal.prose(
            ["time", "series", "version", "what", "why", "by"],
            [
                [
                    _time(row["time"]),
                    row["series"],
                    str(row["version"] or ""),
                    row["what"],
                    row["why"],
                    row["by"],
                ]
                for row in made
            ],
            [],
        )
        if made
        else None
    )


def order(
    remote: ServiceClient,
    act: str,
    about: Mapping[str, str | None],
    *,
    comment: str,
    version: int | None,
) -> bool:
    """Gives an order and prints what came of it, series by series.

    Returns whether all of it was done.
    """
    said: dict[str, object] = {name: text for name, text in about.items() if text is not None}
    if version is not None:
        said["version"] = version
    answers = remote.post(f"/api/v1/models/{act}", {**said, "comment": comment, "by": the_user()})
    if not isinstance(answers, list):
        raise BandwatchError(f"{remote.url}: no list of answers: is this a Bandwatch?")
    for answer in answers:
        print(
            f"{answer['series']} of {answer['watch']}:"
            f" {'' if answer['done'] else 'not done: '}{answer['why']}"
        )
    return all(answer["done"] for answer in answers)


def _rows(
    remote: ServiceClient, path: str, about: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    rows = remote.get(path, {name: text for name, text in about.items() if text is not None})
    if not isinstance(rows, list):
        raise BandwatchError(f"{remote.url}: no list of models: is this a Bandwatch?")
    return rows


def _models(remote: ServiceClient, about: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Raises BandwatchError where there is none."""
    rows = _rows(remote, "/api/v1/models", about)
    if not rows:
        whose = ", ".join(text for text in about.values() if text) or "any series"
        raise BandwatchError(
            f"{remote.url}: no model of {whose}: `GET /api/v1/series` lists the series; a new one"
            " has its first model when it has been fitted"
        )
    return rows


def _time(milliseconds: int | None) -> str:
    return "" if milliseconds is None else instant(milliseconds // 1000)


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.3g}"
