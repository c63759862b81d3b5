"""Requests that a client could make: parameters and fields of the route, with values that are right
somewhere."""

import re
from typing import Any

import msgspec
from hypothesis import strategies as st

from plugin.web.route import Route
from tests.plugin.web.conftest import API, CLASH, END, START, STEP

SERIES = "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(API.items())) + "}"
VALUES = (
    *("web", "node", "young", "none", "requests", SERIES, "requests" + SERIES, *CLASH, "All", "*"),
    *(
        "{}",
        '{job="api"}',
        '{job=~"a.*|d"}',
        '{job=~"("}',
        '{job=~".{1000}{1000}"}',
        "{a='\\ud800'}",
    ),
    *(str(START), str(END), str(END * 1000), f"{START - STEP}", "0", "1", "-1", "5", "1.5", "1e9"),
    *("1e309", "nan", "-inf", "99999999999999999999", "٣", "now", "now-1h", "true", "false", "yes"),
    *(
        "2026-11-21T00:05:00Z",
        "2026-11-21T02:00",
        "2026-11-21",
        "9999-12-31T23:59:59Z",
        "0001-01-01",
    ),
    *(
        "30s",
        "5m",
        "1h",
        "2d",
        "52w",
        "0s",
        "-1s",
        "1y",
        "FREQ=WEEKLY;BYDAY=SA",
        "FREQ=DAILY;COUNT=3",
    ),
    *("UTC", "Europe/Vienna", "../etc", "false_alarm", "real", "new_normal", "retract", "active"),
    *("", " ", "\x00", "\x1b[2J", "\u202e", "é", "😀", "a" * 5000, "a,b", "<b>", "%00", "%"),
)
ODD_VALUES = (
    "\ud800",
    None,
    True,
    0,
    -1,
    1.5,
    1 << 70,
    START,
    [],
    ["web"],
    ["web", None],
    {},
    {"match": "{}"},
)
# Right values of parameters and of fields, by their names; the others have an example.
MOMENTS = (START, END, START * 1000, "2026-11-21T00:05:00Z", "2026-11-20T00:00:00Z")
RIGHT_VALUES: dict[str, tuple[object, ...]] = {
    "watch": ("web", "node"),
    "series": (SERIES, "requests" + SERIES),
    "match": ("{}", '{job="api"}', '{instance=~"a.*"}', "requests"),
    **dict.fromkeys(("from", "begin", "at"), MOMENTS),
    **dict.fromkeys(("to", "end"), (*MOMENTS, END + 86_400)),
    "state": ("ok", "missing,stale"),
    "verdict": ("false_alarm", "real", "new_normal"),
    "duration": ("1h", "1d"),
    "rule": ("FREQ=WEEKLY;BYDAY=SA", "FREQ=DAILY;COUNT=3", "FREQ=HOURLY;INTERVAL=5"),
    "timezone": ("UTC", "Europe/Vienna"),
    **dict.fromkeys(("before", "after", "horizon", "range"), ("0s", "5m", "1d")),
    **dict.fromkeys(("id", "name", "comment"), ("backup", "a")),
    "version": (1, 2),
    "target": ("scores", "bands", "alert", "watches", "watch", "series", "web", "bands:web"),
    "targets": ([{"target": "bands", "payload": {"watch": "web"}}], [{"target": "scores"}]),
    "adhocFilters": ([{"key": "job", "operator": "=", "value": "api"}],),
    "payload": ({"watch": "web"}, {"target": "series", "watch": "web"}, ""),
    "annotation": ({"query": "incidents"}, {"query": "watch=web"}),
    "key": ("job", "watch", "series"),
}


def likely_requests(route: Route) -> st.SearchStrategy[dict[str, Any]]:
    """What a request to the route consists of, as arguments of `APIOperation.Case`."""
    rights = {
        each.name: tuple(map(str, RIGHT_VALUES.get(each.name, (each.example,))))
        for each in route.parameters
    }
    parts: dict[str, st.SearchStrategy[Any]] = {"query": _fields(rights, st.sampled_from(VALUES))}
    in_path = re.findall(r"<(\w+)>", route.path)
    if in_path:
        # A path without its last part, or with more of them, is another route.
        part = st.sampled_from([text for text in VALUES if text.isalnum()])
        parts["path_parameters"] = st.fixed_dictionaries(dict.fromkeys(in_path, part))
    if route.body is not None:
        parts["body"] = _bodies(route.body)
        parts["media_type"] = st.just("application/json")
    return st.fixed_dictionaries(parts)


def _bodies(kind: Any) -> st.SearchStrategy[Any]:
    """Mappings with the fields of a Struct, or with some of them."""
    names = [field.encode_name for field in msgspec.structs.fields(kind)]
    inner = st.dictionaries(st.sampled_from(tuple(RIGHT_VALUES)), st.sampled_from(VALUES))
    odd = st.one_of(st.sampled_from((*VALUES, *ODD_VALUES)), inner, st.lists(inner, max_size=3))
    return _fields({name: RIGHT_VALUES.get(name, VALUES) for name in names}, odd)


def _fields(
    rights: dict[str, tuple[Any, ...]], odd: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    """Names with right values, and at most two with odd ones, or that are unknown."""
    right = {name: st.sampled_from(values) for name, values in rights.items()}
    wrong = st.dictionaries(st.sampled_from((*rights, *rights, "unknown")), odd, max_size=2)
    several = st.fixed_dictionaries({}, optional=right)
    return st.one_of(several, st.builds(dict[str, Any].__or__, several, wrong))
