"""A small model of how Infinity 3.11's backend asks, and what data frames it makes of the answer.

It knows what the shipped files use, and refuses the rest (NotModelled) instead of guessing. Fields
hold what Grafana's JSON of a frame holds: times are milliseconds, an object is its JSON text.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote_plus

from flask.testing import FlaskClient

Model = Mapping[str, Any]
NUMERIC_LONG = "numeric-long"
NUMERIC_WIDE = "numeric-wide"
TIME_SERIES_WIDE = "timeseries-wide"
STEPS = {"m": 60, "h": 3600, "d": 86_400}
UNUSED = ("computed_columns", "filters", "filterExpression", "summarizeExpression", "json_options")


class NotModelled(Exception):
    """A query uses what nobody has looked at on a running Infinity."""


class QueryError(Exception):
    """What Infinity says instead of a frame."""

    def __init__(self, text: str, status: int = 500) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Request:
    method: str
    url: str  # with its query string
    body: str = ""


@dataclass
class Column:
    name: str
    type: str  # as in the JSON of a frame: time, number, string, boolean
    values: list[Any]
    labels: Mapping[str, str] | None = None


def request_of(target: Model, begin: int, end: int, base: str = "") -> Request:
    """What Infinity asks.

    Times in unix seconds; `base` is the url of the data source, put right before the query's.
    """
    options = target["url_options"]
    url = macros(base + target["url"], begin, end)
    pairs = sorted(
        (entry["key"], macros(entry["value"], begin, end)) for entry in options.get("params") or ()
    )
    encoded = "&".join(f"{quote_plus(key)}={quote_plus(value)}" for key, value in pairs)
    glue = "&" if "?" in url else "?"
    return Request(
        options.get("method") or "GET",
        url + (glue + encoded if encoded else ""),
        macros(options.get("data") or "", begin, end),
    )


def macros(text: str, begin: int, end: int) -> str:
    """`$__interval` and the like are not replaced: they are sent as they stand."""
    for name, moment in (("timeFrom|__from", begin), ("timeTo|__to", end)):
        spelled = r"\$\{(?:__" + name + r")(?::date(?::([^}]*))?)?\}"
        text = re.sub(spelled, partial(_time, moment), text)
    return re.sub(
        r"\$__customInterval\(([^)]*)\)", lambda found: _interval(found[1], end - begin), text
    )


def _time(moment: int, found: re.Match[str]) -> str:
    if ":date" not in found[0]:
        return str(moment * 1000)
    if found[1] not in (None, "iso", "seconds", "YYYY-MM-DD"):
        raise NotModelled(found[0])
    written = datetime.fromtimestamp(moment, UTC)
    return (
        str(moment)
        if found[1] == "seconds"
        else written.strftime("%Y-%m-%d" if found[1] == "YYYY-MM-DD" else "%Y-%m-%dT%H:%M:%SZ")
    )


def _interval(arguments: str, length: int) -> str:
    """Pairs of (limit, step), then what else: the step of the first limit that the range does not
    pass."""
    *pairs, otherwise = (part.strip() for part in arguments.split(","))
    for limit, step in zip(pairs[::2], pairs[1::2], strict=True):
        if length <= int(limit[:-1]) * STEPS[limit[-1]]:
            return step
    return otherwise


def ask(
    target: Model, client: FlaskClient, begin: int, end: int, token: str = ""
) -> dict[str, Any]:
    """The entry of `results` for a target over our application; unix seconds."""
    asked = request_of(target, begin, end)
    answer = client.open(
        asked.url,
        method=asked.method,
        data=asked.body or None,
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )
    return result_of(target, answer.status_code, answer.get_data(as_text=True), asked.url)


def result_of(target: Model, status: int, body: str, url: str = "") -> dict[str, Any]:
    """The entry of `results` for an answer to a target."""
    try:
        columns, kind = frame(target, status, body, url)
    except QueryError as error:
        return {"status": error.status, "error": str(error), "frames": []}
    schema = {
        "name": target["refId"],
        "refId": target["refId"],
        "meta": {"type": kind} if kind else {},
        "fields": [
            {
                "name": column.name,
                "type": column.type,
                "typeInfo": {"frame": column.type, "nullable": True},
                **({"labels": column.labels} if column.labels else {}),
            }
            for column in columns
        ],
    }
    return {
        "status": 200,
        "frames": [{"schema": schema, "data": {"values": [column.values for column in columns]}}],
    }


def frame(target: Model, status: int, body: str, url: str = "") -> tuple[list[Column], str]:
    """The fields and the type of the one frame. Raises QueryError."""
    _only_what_is_modelled(target)
    parser = target.get("parser")
    declared = target.get("columns") or []
    if parser != "backend" and (parser or declared):
        return [], ""  # left to the browser
    if status >= 400:
        raise QueryError(f"unsuccessful HTTP response code\nstatus code : {status} ", status)
    if not body:
        raise QueryError(f"empty response body received for the URL {url}")
    rows = _rooted(_parsed(body), target.get("root_selector") or "")
    if isinstance(rows, list) and rows and all(isinstance(row, str) for row in rows):
        return [Column(target["refId"], "string", rows)], ""
    rows = rows if isinstance(rows, list) else [rows]
    if not all(isinstance(row, dict) for row in rows):
        raise NotModelled("rows that are neither objects nor strings")
    if not rows:
        return [], ""
    columns = _declared(rows, declared) if declared else _guessed(rows)
    return _typed(sorted(columns, key=lambda column: column.name), len(rows), target.get("format"))


def _only_what_is_modelled(target: Model) -> None:
    used = [name for name in UNUSED if target.get(name)]
    if (
        used
        or target.get("type") != "json"
        or target.get("source") != "url"
        or target.get("pagination_mode")
    ):
        raise NotModelled(", ".join(used) or "a query that is not JSON of a URL")


def _parsed(body: str) -> Any:
    def refuse(token: str) -> float:
        raise QueryError(f"error while unmarshaling response to JSON. invalid character in {token}")

    def number(text: str) -> float:
        value = float(text)
        return value if abs(value) != float("inf") else refuse(text)

    try:
        return json.loads(body, parse_constant=refuse, parse_float=number, parse_int=number)
    except ValueError as error:
        raise QueryError(f"error while unmarshaling response to JSON. {error}") from error


def _rooted(answer: Any, root: str) -> Any:
    for key in filter(None, root.split(".")):
        if not isinstance(answer, dict) or key not in answer:
            raise QueryError("root selector: no results found")
        answer = answer[key]
    return answer


def _guessed(rows: list[dict[str, Any]]) -> list[Column]:
    """Without declared columns the first value that is not null decides; with none, a string."""
    columns = []
    for name in {name for row in rows for name in row}:
        values = [row.get(name) for row in rows]
        first = next((value for value in values if value is not None), None)
        kind = (
            "boolean"
            if isinstance(first, bool)
            else "number"
            if isinstance(first, float)
            else "string"
        )
        if any(
            isinstance(value, bool) != (kind == "boolean")
            or isinstance(value, float) != (kind == "number")
            for value in values
            if value is not None
        ):
            raise NotModelled(f"{name}: values of several types")
        columns.append(Column(name, kind, list(map(_text, values)) if kind == "string" else values))
    return columns


def _declared(rows: list[dict[str, Any]], declared: Iterable[Model]) -> list[Column]:
    return [
        Column(
            column.get("text") or column["selector"],
            TYPES[column["type"]][0],
            [TYPES[column["type"]][1](_path(row, column["selector"])) for row in rows],
        )
        for column in declared
    ]


def _path(row: Any, selector: str) -> Any:
    if isinstance(row, dict) and selector in row and "." not in selector:
        return row[selector]
    for key in selector.split("."):
        row = row.get(key) if isinstance(row, dict) else None
    return row


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return float(value) if re.fullmatch(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?", value) else None
    return None if value is None else float(value)


def _iso(value: Any) -> int | None:
    return int(datetime.fromisoformat(value).timestamp() * 1000) if isinstance(value, str) else None


TYPES: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "string": ("string", _text),
    "number": ("number", _number),
    "boolean": ("boolean", lambda value: value),
    "timestamp": ("time", _iso),
    "timestamp_epoch": ("time", lambda value: None if value is None else int(_number(value) or 0)),
    "timestamp_epoch_s": (
        "time",
        lambda value: None if value is None else int((_number(value) or 0) * 1000),
    ),
}


def _typed(columns: list[Column], rows: int, form: str | None) -> tuple[list[Column], str]:
    """The type that the plugin promises of a frame; long series become wide ones where that can be
    done."""
    by_type = {
        kind: [column for column in columns if column.type == kind]
        for kind in ("time", "number", "string")
    }
    factors = [column for column in columns if column.type in ("string", "boolean")]
    if form == "timeseries" and by_type["time"] and by_type["number"] and factors:
        times = by_type["time"][0].values
        if None not in times and times == sorted(times):
            return _wide(times, by_type["number"], factors), TIME_SERIES_WIDE
    if by_type["number"] and (rows == 1 or by_type["string"]):
        return columns, NUMERIC_LONG
    if rows == 1 and any(column.type == "boolean" for column in columns):
        return columns, NUMERIC_WIDE
    return columns, ""


def _wide(times: list[int], numbers: list[Column], factors: list[Column]) -> list[Column]:
    """A field for each number and set of labels; null where a set has no row at a time."""
    at = {time: row for row, time in enumerate(dict.fromkeys(times))}
    keys = [
        tuple((factor.name, _text(factor.values[row]) or "") for factor in factors)
        for row in range(len(times))
    ]
    made = {
        (number.name, key): Column(number.name, "number", [None] * len(at), dict(key))
        for key in dict.fromkeys(keys)
        for number in numbers
    }
    for row, key in enumerate(keys):
        for number in numbers:
            made[number.name, key].values[at[times[row]]] = number.values[row]
    return [Column("time", "time", list(at)), *made.values()]
