"""Selectors as Prometheus reads them."""

import pytest

from plugin.errors import SelectorError
from plugin.selectors import MAX_CHARACTERS, Matcher, parse, select
from plugin.series import Labels
from tests.cpu import within

SERIES = Labels.of({"__name__": "up", "job": "api", "code": "503"})


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        ("up", [("__name__", "=", "up")]),
        (" up { } ", [("__name__", "=", "up")]),
        ("{}", []),
        (
            'job:errors:rate5m{job="api",}',
            [("__name__", "=", "job:errors:rate5m"), ("job", "=", "api")],
        ),
        (
            '{a=\'x\', b!=`y\\n`,\nc=~"5.." ,d!~""}',
            [("a", "=", "x"), ("b", "!=", "y\\n"), ("c", "=~", "5.."), ("d", "!~", "")],
        ),
        (r'{a="\"\\\n\t\x41\u00e9\U0001F600\101"}', [("a", "=", '"\\\n\tAé😀A')]),
        (
            '{"http.requests", "größe"="1"}',
            [("__name__", "=", "http.requests"), ("größe", "=", "1")],
        ),
    ],
)
def test_parse(text: str, matchers: list[tuple[str, str, str]]) -> None:
    assert parse(text) == tuple(Matcher(*matcher) for matcher in matchers)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a metric name or `{` at character 1 of ``: found the end"),
        ("{job=api}", "expected a label value in quotes at character 6 of `{job=api}`: found `a`"),
        ('{job="api"', "expected `,` or `}` at character 11 of"),
        ('{job="api}', "expected a label value in quotes at character 6"),
        ('{job "api"}', "expected `=`, `!=`, `=~` or `!~` at character 6"),
        ('{="api"}', "expected a label name at character 2"),
        ('{a="x" b="y"}', "expected `,` or `}` at character 8"),
        ('{a="\\q"}', "an escape that Prometheus does not know in the string at character 4"),
        ('{a="\\ud800"}', "an escape that Prometheus does not know in the string at character 4"),
        (
            '{a=~"(?=x)"}',
            (
                'the regular expression at character 5 of `{a=~"(?=x)"}` is not RE2: invalid perl'
                " operator: (?="
            ),
        ),
        ('{a=~"x{9999}"}', "is not RE2: invalid repetition size"),
        (
            "rate(up[5m])",
            (
                "expected the end of the selector; operators and functions have no place here at"
                " character 5"
            ),
        ),
        ('up{job="a"} > 1', "at character 13 of"),
        ("x" * (MAX_CHARACTERS + 1), "a selector of 4097 characters; 4096 are the most"),
    ],
)
def test_a_bad_selector_is_pointed_at(text: str, message: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("up", True),
        ("down", False),
        ('{job="api"}', True),
        ('{job!="api"}', False),
        ('{code=~"5.."}', True),
        ('{code=~"5"}', False),
        ('{code!~"5"}', True),
        ('{code=~"4..|5.."}', True),
        ('{absent=""}', True),
        ('{absent!=""}', False),
        ('{absent=~".*"}', True),
        ('{absent=~".+"}', False),
        ('{job=~"(?i)API"}', True),
        ('up{job="api",code="500"}', False),
        ("{}", True),
    ],
)
def test_matching(text: str, found: bool) -> None:
    assert select(parse(text), SERIES) is found


def test_a_dot_matches_a_newline() -> None:
    assert select(parse('{a=~"x.y"}'), {"a": "x\ny"})


@pytest.mark.parametrize(
    "labels",
    [
        {"__name__": "up"},
        {"a": 'quote " backslash \\ newline \n'},
        {"__name__": "a:b", "c": "é\x01\u2028"},
    ],
)
def test_a_printed_label_set_is_its_own_selector(labels: dict[str, str]) -> None:
    printed = Labels.of(labels)
    assert select(parse(str(printed)), printed)
    assert not select(parse(str(printed)), Labels.of({**labels, next(iter(labels)): "other"}))


def test_no_expression_takes_exponential_time() -> None:
    expression = '{a=~"(a+)+(a|aa)*(.*)*b"}'
    assert not within(1, lambda: select(parse(expression), {"a": "a" * 5000}))
