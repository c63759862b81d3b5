"""The shipped presets, and what is said about wrong ones."""

from pathlib import Path

import pytest

from plugin.commands.init.presets import parse_preset, preset_names, read_presets
from plugin.errors import ConfigError

GOOD = """
title: queue
watches:
  - name: depth
    why: How long the queue is.
    needs: [queue_depth]
    query: sum by (queue) (queue_depth)
    valid_range: [0, null]
"""


def test_every_shipped_preset_can_be_read() -> None:
    names = preset_names()
    assert names == [
        "blackbox",
        "kubernetes",
        "mongodb",
        "mysql",
        "node",
        "postgres",
        "prometheus",
        "queues",
        "red",
        "redis",
    ]
    assert [preset.name for preset in read_presets([])] == names


def test_every_shipped_watch_says_what_it_measures() -> None:
    for preset in read_presets([]):
        for watch in preset.watches:
            assert watch.why.endswith("."), watch.name
            assert {"unit", "valid_range", "group_by"} <= watch.settings.keys(), watch.name
            query = watch.settings["query"]
            assert "[$window]" in query or "rate(" not in query and "increase(" not in query


def test_a_preset_may_be_a_file_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "queue.yml").write_text(GOOD)
    (preset,) = read_presets([str(tmp_path / "queue.yml")])
    assert preset.title == "queue"
    assert preset.watches[0].needs == ("queue_depth",)
    assert preset.watches[0].settings == {
        "query": "sum by (queue) (queue_depth)",
        "valid_range": [0, None],
    }


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match='--preset: found "nod".*did you mean "node"'):
        read_presets(["nod"])


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="--preset nowhere.yml: No such file"):
        read_presets(["nowhere.yml"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("valid_range: [0, null]", "valid_range: 7", "queue.yml:8: watches[0].valid_range: "),
        ("    valid_range", "    valid_rnge", 'did you mean "valid_range"?'),
        ("needs: [queue_depth]", "needs: queue_depth", "watches[0].needs: found queue_depth"),
        ("needs: [queue_depth]", "for_each: (queue", "watches[0].for_each: "),
        ("    needs: [queue_depth]\n", "", "watches[0]: found both or none of needs and for_each"),
        ("title: queue", "titel: queue", 'found the key "titel"; valid is title'),
        ("    why: How long the queue is.\n", "", "watches[0].why: found nothing"),
        (GOOD, "[]", "found a list; valid is a mapping with title and watches"),
        (GOOD, "watches: []", "watches: found a list; valid is a list of watches"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_preset(GOOD.replace(old, new), name="queue", file="queue.yml")
    assert message in str(caught.value)
