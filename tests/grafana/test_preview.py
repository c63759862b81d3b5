"""What `make grafana-preview` asks, and from which packages it draws; the drawing itself is looked
at by people."""

import json
import re

import pytest

from plugin.commands.grafana.variables import Everything
from tests.grafana.preview.__main__ import HERE
from tests.grafana.preview.jobs import fitting, size
from tests.grafana.preview.sources import prometheus_frame, prometheus_table
from tests.grafana.preview.variables import Range, filled_in, time_range

NOW = 1_795_219_200


def test_packages_are_pinned_without_addresses() -> None:
    versions = json.loads((HERE / "package.json").read_text())["dependencies"]
    assert versions and all(
        re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values()
    )
    lock = (HERE / "package-lock.json").read_text()
    packages = json.loads(lock)["packages"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in versions} == versions
    assert "resolved" not in lock  # a download address belongs to the machine that made the file


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${series:raw}", "a.b"),
        ("$series", "a.b"),
        ("${series:regex}", r"a\.b"),
        ("${watch:csv}", "x,y"),
        ("${watch:regex}", "(x|y)"),
        ("$watch", "{x,y}"),
        ("${all:regex}", ".*"),
        ("${__timeFrom}", "${__timeFrom}"),
    ],
)
def test_variables_are_written_as_grafana_does(text: str, filled: str) -> None:
    assert (
        filled_in(text, {"series": ["a.b"], "watch": ["x", "y"], "all": [Everything(".*")]})
        == filled
    )


def test_a_bare_variable_is_an_alternative_in_promql() -> None:
    assert filled_in('{watch=~"$watch"}', {"watch": ["x", "y"]}, promql=True) == '{watch=~"(x|y)"}'


@pytest.mark.parametrize(
    ("panel", "past", "span"),
    [
        ({}, None, (-21_600, 3600)),
        ({}, 600, (-600, 3600)),
        ({"timeFrom": "2h"}, 600, (-7200, 0)),
        ({"timeShift": "1h"}, None, (-25_200, 0)),
        ({"timeFrom": "1h", "timeShift": "-1h"}, None, (0, 3600)),
    ],
)
def test_a_panel_has_its_own_time(
    panel: dict[str, str], past: int | None, span: tuple[int, int]
) -> None:
    dashboard = {"time": {"from": "now-6h", "to": "now+1h"}}
    assert time_range(dashboard, panel, NOW, past) == Range(NOW + span[0], NOW + span[1])


def test_a_series_of_prometheus_has_its_legend_and_no_number_where_there_is_none() -> None:
    series = {"metric": {"watch": "x"}, "values": [[10.0, "1.5"], [25.0, "NaN"]]}
    frame = prometheus_frame(
        {"refId": "A", "expr": "up", "legendFormat": "of {{watch}}"}, series, 15
    )
    time, value = frame["schema"]["fields"]
    assert (time["config"], value["config"]) == (
        {"interval": 15_000},
        {"displayNameFromDS": "of x"},
    )
    assert frame["data"]["values"] == [[10_000, 25_000], [1.5, None]]


def test_a_variable_takes_the_chosen_series() -> None:
    chosen = {"series": "up", "job": "b"}
    assert fitting(["down", "up"], chosen["series"], chosen) == "up"
    assert fitting(['job="a"', 'job="b"'], chosen["series"], chosen) == 'job="b"'
    assert fitting([], None, chosen) == ""


def test_a_query_of_one_moment_is_a_table_with_a_column_for_each_label() -> None:
    found = [
        {"metric": {"watch": "x"}, "value": [10.0, "1"]},
        {"metric": {"unit": "s"}, "value": [10.0, "+Inf"]},
    ]
    table = prometheus_table({"refId": "lag"}, found, several=True)
    assert [field["name"] for field in table["schema"]["fields"]] == [
        "Time",
        "watch",
        "unit",
        "Value #lag",
    ]
    assert table["data"]["values"] == [[10_000, 10_000], ["x", ""], ["", "s"], [1.0, None]]
    assert (
        prometheus_table({"refId": "lag"}, found, several=False)["schema"]["fields"][-1]["name"]
        == "Value"
    )


def test_panels_stand_on_a_laptop_as_on_the_grid() -> None:
    places = [size({"gridPos": {"x": x, "y": 2, "w": 12, "h": 4}}) for x in (0, 12)]
    assert places == [{"width": 592, "height": 144, "left": left, "top": 84} for left in (8, 608)]
