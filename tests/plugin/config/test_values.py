"""Durations, budgets and the kinds of values, one by one."""

import pytest

from plugin.config import (
    format_budget,
    format_duration,
    is_loopback,
    parse_budget,
    parse_duration,
    split_address,
)
from plugin.config.locations import ExternalUrlField, QueryField, TimezoneField, UrlField
from plugin.config.problems import InvalidValue, display_text, nearest_name, path_text
from plugin.domain.times import DAY
from plugin.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("30s", 30),
        ("5m", 300),
        ("2h", 7_200),
        ("1d", DAY),
        ("2w", 14 * DAY),
        ("1h30m", 5_400),
        ("90d", 90 * DAY),
        ("1d1h1m1s", 90_061),
    ],
)
def test_durations_there_and_back(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1 minute", '"1m"'),
        ("60", '"60s"'),
        ("1.5h", '"1h30m"'),
        ("30m1h", '"1h30m"'),
        ("1y", '"365d"'),
        ("2 Weeks", '"2w"'),
        ("5mins", '"5m"'),
        ("500ms", None),
        ("", None),
        ("soon", None),
        ("-5m", None),
        ("1h30", None),
        ("٣s", '"3s"'),
        ("9999w", None),
    ],
)
def test_what_is_no_duration_and_what_was_meant(text: str, meant: str | None) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_duration(text)
    assert refused.value.nearest == meant


def test_a_refusal_is_both_an_error_of_ours_and_a_value_error() -> None:
    with pytest.raises(
        ConfigError, match='^found "1 day"; valid is .*; did you mean "1d"[?]$'
    ) as refused:
        parse_duration("1 day")
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    ("text", "rate", "written"),
    [
        ("1/w", 1 / (7 * DAY), "1/w"),
        ("2/d", 2 / DAY, "1/12h"),
        ("1/30d", 1 / (30 * DAY), "1/30d"),
        ("1/month", 1 / (30 * DAY), "1/30d"),
        ("0.5/d", 0.5 / DAY, "1/2d"),
        ("11/w", 11 / (7 * DAY), "11/w"),
        ("1 / d", 1 / DAY, "1/d"),
        ("1/1m", 1 / 60, "1/1m"),
        ("3/h", 3 / 3_600, "1/20m"),
    ],
)
def test_budgets_there_and_back(text: str, rate: float, written: str) -> None:
    assert parse_budget(text) == rate
    assert format_budget(rate) == written
    assert parse_budget(written) == rate


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1/m", '"1/month"'),
        ("2/mo", '"2/month"'),
        ("1/week", '"1/w"'),
        ("1 per 3 days", '"1/3d"'),
        ("once a day", '"1/d"'),
        ("5 alerts per day", '"5/d"'),
        ("1/min", '"1/1m"'),
        ("0/d", None),
        ("1/0s", None),
        ("2", None),
        ("1/fortnight", None),
    ],
)
def test_what_is_no_budget_and_what_was_meant(text: str, meant: str | None) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_budget(text)
    assert refused.value.nearest == meant


def test_a_budget_that_no_fraction_hits_is_rounded() -> None:
    assert format_budget(1 / 3_600.123456789) == "1/h"
    with pytest.raises(ValueError, match="above zero"):
        format_budget(0)


@pytest.mark.parametrize(
    "query",
    [
        "up",
        '{job="(["}',
        "a > `(` # (",
        "rate(a[5m] offset 1h)",
        "max_over_time(rate(a[5m])[1h:1m])",
        "a{b='\\''}",
        "max_over_time(a[1h:])",
    ],
)
def test_queries_that_are_balanced(query: str) -> None:
    assert QueryField().read(query) == query


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sum(up))", 'found "sum(up))" with a ) that closes nothing'),
        ("(a]", 'found "(a]" with a ] that closes nothing'),
        ("a{b='c}", "found \"a{b='c}\" with a quote ' that is never closed"),
        ("a[5m", 'found "a[5m" with a [ that is never closed'),
        ("a[5m] ", 'found the range vector "a[5m] "'),
    ],
)
def test_queries_that_are_not(query: str, found: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        QueryField().read(query)
    assert str(refused.value).startswith(f"{found}; valid is a PromQL expression")


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("localhost", '"http://localhost"'),
        ("https://a:9090/base/graph?g0=1", '"https://a:9090/base"'),
        ("ftp://a", None),
        ("http://", None),
        ("http://a:port", None),
        ("http://[::1", None),
    ],
)
def test_urls_that_are_none(url: str, meant: str | None) -> None:
    with pytest.raises(InvalidValue) as refused:
        UrlField().read(url)
    assert refused.value.nearest == meant


@pytest.mark.parametrize(
    ("zone", "meant"),
    [
        ("utc", '"UTC"'),
        ("Europe/Viena", '"Europe/Vienna"'),
        ("new_york", '"America/New_York"'),
        ("../etc", None),
        ("+02:00", None),
        ("", None),
    ],
)
def test_time_zones_that_are_none(zone: str, meant: str | None) -> None:
    with pytest.raises(InvalidValue) as refused:
        TimezoneField().read(zone)
    assert refused.value.nearest == meant


@pytest.mark.parametrize(
    ("address", "parts", "loopback"),
    [
        ("127.0.0.1:8642", ("127.0.0.1", 8642), True),
        ("127.8.8.8:1", ("127.8.8.8", 1), True),
        ("localhost:0", ("localhost", 0), True),
        ("[::1]:80", ("::1", 80), True),
        ("[::]:80", ("::", 80), False),
        (":8642", ("", 8642), False),
        ("0.0.0.0:1", ("0.0.0.0", 1), False),
        ("host.lan:1", ("host.lan", 1), False),
    ],
)
def test_addresses(address: str, parts: tuple[str, int], loopback: bool) -> None:
    assert split_address(address) == parts
    assert is_loopback(address) is loopback


@pytest.mark.parametrize(
    "address", ["8642", "host", "host:", "host:65536", "::1:80", "[host]:80", "a b:1"]
)
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError):
        split_address(address)


def test_how_messages_spell_things() -> None:
    assert path_text(("watches", 1, "labels", "severity")) == "watches[1].labels.severity"
    assert [display_text(value) for value in (None, True, 1.5, float("-inf"), [1], {"a": 1})] == [
        "nothing",
        "true",
        "1.5",
        "-.inf",
        "a list",
        "a mapping",
    ]
    assert display_text('a{b="c"}') == "'a{b=\"c\"}'" and display_text("x" * 70) == f'"{"x" * 60}…"'
    assert nearest_name("Fit-Window", ["fit_window", "step"]) == '"fit_window"'
    assert nearest_name("zzz", ["fit_window"]) is None


def test_where_people_reach_us() -> None:
    assert (
        ExternalUrlField().read("https://a.example.org/bandwatch/")
        == "https://a.example.org/bandwatch"
    )
    for wrong in (
        "a.example.org",
        "ftp://a",
        "https://a?x=1",
        "https://a#top",
        "https://user:secret@a",
    ):
        with pytest.raises(InvalidValue) as refused:
            ExternalUrlField().read(wrong)
        assert "secret" not in str(refused.value) and "https://bandwatch.example.org" in str(
            refused.value
        )
