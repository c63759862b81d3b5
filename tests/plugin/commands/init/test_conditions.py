"""Which expressions hold a level against a number."""

import pytest

from plugin.commands.init.conditions import NoThreshold, first_metric, threshold


@pytest.mark.parametrize(
    ("expression", "level", "direction", "limit"),
    [
        ("rate(x[5m]) > 5", "rate(x[5m])", "above", "5"),
        ("x >= 1e3", "x", "above", "1e3"),
        ("x < -0.5", "x", "below", "-0.5"),
        ("5 < x", "x", "above", "5"),
        ("0x1F >= x", "x", "below", "0x1F"),
        ("100 - x < bool 5", "100 - x", "below", "5"),
        ("(\n(x > 3)\n)  # three", "x", "above", "3"),
        ("x > 10 * 1024 ^ 2", "x", "above", "10 * 1024 ^ 2"),
        ("x < +Inf", "x", "below", "+Inf"),
        ("(a / b) > 0.9", "a / b", "above", "0.9"),
        ("(a > 1) + (b > 2) > 3", "(a > 1) + (b > 2)", "above", "3"),
        ('x{a!="b > c",d=~`[<>]{2}`} > 1', 'x{a!="b > c",d=~`[<>]{2}`}', "above", "1"),
        ("sum by (job) (x > 0) > 2", "sum by (job) (x > 0)", "above", "2"),
    ],
)
def test_a_level_and_its_limit(expression: str, level: str, direction: str, limit: str) -> None:
    found = threshold(expression)
    assert (found.level, found.direction, found.limit) == (level, direction, limit)
    assert found.remainder == ""


def test_a_condition_beside_it_is_told() -> None:
    found = threshold("rate(x[5m]) > 5 AND on (job)\n up == 1 unless y")
    assert (found.level, found.remainder) == ("rate(x[5m])", "on (job) up == 1; y")
    assert threshold("up == 1 and load > 8").level == "load"


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("up == 0", "`==` asks for a state"),
        ("x != 1", "`!=` asks for a state"),
        ("a > b", "a query stands on both sides"),
        ("sum(a) > 0.5 * scalar(b)", "a query stands on both sides"),
        ("1 > 2", "a query stands on both sides"),
        ("a > 1 or b > 2", "`or` joins several conditions"),
        ("x", "compares nothing with a number"),
        ("absent(up)", "compares nothing with a number"),
        ("", "compares nothing with a number"),
        ("predict_linear(x[1h], 3600) < 0", "`predict_linear` has no level"),
        ("count(absent_over_time(x[1h])) > 0", "`absent_over_time` has no level"),
        ("(((x", "compares nothing with a number"),
    ],
)
def test_others_are_refused_with_the_reason(expression: str, reason: str) -> None:
    with pytest.raises(NoThreshold, match=reason):
        threshold(expression)


@pytest.mark.parametrize(
    ("expression", "metric"),
    [
        ("sum by (job, le) (rate(x_bucket[5m]))", "x_bucket"),
        ("time() - start_time_seconds", "start_time_seconds"),
        ('{__name__="node_load1",job="a"}', "node_load1"),
        ('sum(rate(a{job="b"}[5m])) without (c) / on (d) b', "a"),
        ("vector(1)", ""),
    ],
)
def test_the_first_metric_is_found(expression: str, metric: str) -> None:
    assert first_metric(expression) == metric
