"""Short names of series: the labels that tell them apart."""

from plugin.domain.series_names import short_names
from plugin.series import Labels


def names(*series: dict[str, str]) -> list[str]:
    return short_names("web", [Labels.of(labels) for labels in series])


def test_one_label_that_differs_is_enough() -> None:
    assert names({"job": "a", "code": "500"}, {"job": "b", "code": "500"}) == ["a", "b"]


def test_several_labels_are_named() -> None:
    assert names(
        {"job": "a", "code": "500"}, {"job": "b", "code": "200"}, {"job": "b", "zone": "x"}
    ) == ["job=a", "job=b", "job=b zone=x"]


def test_where_nothing_differs_it_is_the_watch() -> None:
    assert names({"__name__": "up", "job": "a"}) == ["web"]
    assert names({"job": "a"}, {}) == ["a", "web"]


def test_of_labels_that_say_the_same_the_short_one_is_taken() -> None:
    assert names(
        {"pod": "checkout-5f7d-abc", "service": "checkout"},
        {"pod": "search-99aa-def", "service": "search"},
    ) == ["checkout", "search"]
    assert names(
        {"code": "500", "instance": "a:9100", "job": "api"},
        {"instance": "b:9100", "job": "api"},
        {"job": "db"},
    ) == ["code=500 job=api", "job=api", "job=db"]


def test_metrics_are_told_apart_by_their_names() -> None:
    assert names({"__name__": "up", "job": "a"}, {"__name__": "load", "job": "b"}) == ["a", "b"]
    assert names({"__name__": "up"}, {"__name__": "load"}) == ["up", "load"]
