"""The variables of a dashboard: their values, and how Grafana's front end puts them into a query.

`${name}`, `${name:format}`, `$name` and `[[name]]` are replaced; a name that is no variable stays
as it is, so that macros such as `${__timeFrom}` and `$__rate_interval` reach the plugin in
Grafana's backend.

Sources: grafana/scenes, src/variables/interpolation/formatRegistry.ts; grafana/grafana,
packages/grafana-prometheus, src/escaping.ts.
"""

import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from plugin.commands.grafana.frames import QueryResponse

REFERENCE = re.compile(r"\$\{(\w+)(?::([\w-]+))?\}|\[\[(\w+)(?::([\w-]+))?\]\]|\$(\w+)")
LABEL_VALUES = re.compile(
    r"label_values\(\s*(?:(?P<match>.+?)\s*,\s*)?(?P<label>[a-zA-Z_]\w*)\s*\)\s*"
)
QUERY_RESULT = re.compile(r"query_result\((?P<expr>.+)\)\s*")
REGEX_SPECIAL = r"[.*+?^${}()|\[\]\\]"

Values = Mapping[str, str]


class Everything(str):
    """The value of a variable when all is chosen and its dashboard sets one: only the format of
    URLs changes it."""


def escape_regex(value: str) -> str:
    return re.sub(REGEX_SPECIAL, lambda match: "\\" + match[0], value).replace("/", r"\/")


FORMATS: Mapping[str, Callable[[str], str]] = {  # of one value, which is all that the check chooses
    "raw": str,
    "csv": str,
    "glob": str,
    "text": str,
    "pipe": str,
    "regex": escape_regex,
    "json": lambda value: json.dumps(value, ensure_ascii=False),
    "singlequote": lambda value: "'" + value.replace("'", r"\'") + "'",
    "doublequote": lambda value: '"' + value.replace('"', r"\"") + '"',
    "percentencode": lambda value: quote(value, safe="-_.!~*'()"),
}


def escape_matcher(value: str) -> str:
    """As the Prometheus data source does with a bare `$name` of one value."""
    return value.replace("\\", r"\\").replace('"', r"\"")


def escape_matched(value: str) -> str:
    """As it does with a bare `$name` that may have several values: they are put into a regular
    expression."""
    return re.sub(
        r"[$^*{}\[\]'+?.()|\\]", lambda match: "\\\\" + match[0], value.replace("\\", "\\\\\\\\")
    )


def fill(
    node: object, values: Values, escapes: Mapping[str, Callable[[str], str]] | None = None
) -> object:
    """A query with its variables replaced in every string.

    escapes: how the value of each is written for a bare `$name`; others stay as they are.
    """
    if isinstance(node, str):
        return REFERENCE.sub(lambda match: _replaced(match, values, escapes or {}), node)
    if isinstance(node, Mapping):
        return {key: fill(inner, values, escapes) for key, inner in node.items()}
    if isinstance(node, list):
        return [fill(inner, values, escapes) for inner in node]
    return node


def names_in(node: object) -> set[str]:
    """The names that a query refers to, macros included."""
    return {
        next(filter(None, (match[1], match[3], match[5])))
        for match in REFERENCE.finditer(json.dumps(node))
    }


def _replaced(
    match: re.Match[str], values: Values, escapes: Mapping[str, Callable[[str], str]]
) -> str:
    name = match[1] or match[3] or match[5]
    form = match[2] or match[4]
    if name not in values:
        return match[0]
    if isinstance(values[name], Everything) and form != "percentencode":
        return values[name]
    if form is None:
        return escapes.get(name, str)(values[name])
    return FORMATS.get(form, str)(values[name])


def result_texts(answer: QueryResponse) -> list[str]:
    """What `query_result(expression)` offers: `name{label="value",...} number milliseconds`,
    nothing escaped."""
    texts = []
    for frame in answer.frames:
        for number in frame.of_type("number"):
            labels = dict(number.labels)
            name = labels.pop("__name__", "")
            pairs = ",".join(f'{label}="{value}"' for label, value in labels.items())
            times = frame.of_type("time")
            time = times[0].values[-1] if times else ""
            texts.append(f"{name}{{{pairs}}} {number.values[-1]} {time}")
    return texts


def through_regex(values: list[str], regex: str) -> list[str]:
    """The `regex` of a variable: only what it finds, its first group where it has one."""
    if not regex:
        return values
    body = regex[1 : regex.rindex("/")] if regex.startswith("/") and regex.count("/") > 1 else regex
    pattern = re.compile(re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", body))
    matches = (pattern.search(value) for value in values)
    return list(
        dict.fromkeys(match[1] if pattern.groups else match[0] for match in matches if match)
    )
