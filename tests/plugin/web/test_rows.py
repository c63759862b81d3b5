"""Names of label columns."""

from itertools import product

import pytest

from plugin.series import Labels, renamed
from plugin.web.rows import label_columns


def test_labels_keep_their_names_where_they_can() -> None:
    assert label_columns(Labels.of({"__name__": "up", "job": "a", "label_app": "b"})) == {
        "__name__": "up",
        "job": "a",
        "label_app": "b",
    }


def test_clashes_are_prefixed() -> None:
    assert label_columns(
        Labels.of({"time": "1", "grafana_folder": "2", "severity": "3", "watch": "4"}),
        {"severity": "page", "value": "own"},
    ) == {
        "severity": "page",
        "watch_value": "own",
        "label_time": "1",
        "label_grafana_folder": "2",
        "label_severity": "3",
        "label_watch": "4",
    }


@pytest.mark.parametrize("prefix", ["label_", "watch_"])
def test_no_two_names_become_one(prefix: str) -> None:
    names = [
        "label_" * i + "watch_" * j + word
        for i, j, word in product(range(3), range(3), ("value", "x", ""))
    ]
    columns = [renamed(name, {"value", "x"}, prefix) for name in names]
    assert len(set(columns)) == len(names) and not {"value", "x"} & set(columns)
