"""A watch is read from settings as a file spells them, changed by one, and written."""

import pytest

from plugin.config import Watch, parse
from plugin.config.watch_text import read_watch, watch_yaml, with_setting
from plugin.errors import ConfigError

SETTINGS = {
    "name": "web",
    "query": "rate(x[5m])",
    "step": "5m",
    "persistence": "2 of 3",
    "alert_budget": "1/30d",
    "detector": {"name": "lstm", "hidden": 8},
}


def test_what_is_written_can_be_read_again() -> None:
    watch = read_watch(SETTINGS, "preview")
    text = "prometheus: {url: http://localhost:9090}\n" + watch_yaml(watch)
    assert parse(text, file="x.yml").watches == (watch,)


def test_only_what_is_set_is_written() -> None:
    watch = read_watch({"name": "web", "query": "up", "direction": "both"}, "preview")
    assert watch_yaml(watch) == "watches:\n- name: web\n  query: up\n"


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("min_deviation: 5", "min_deviation", 5.0),
        ("min_relative_deviation: 0.25", "min_relative_deviation", 0.25),
        ("persistence: 3 of 5", "persistence", (3, 5)),
        ("direction: above", "direction", "above"),
    ],
)
def test_one_setting_is_changed(text: str, name: str, value: object) -> None:
    watch = read_watch(SETTINGS, "preview")
    changed = with_setting(watch, text)
    assert changed == watch.model_copy(update={name: value})


def test_all_that_is_wrong_is_told() -> None:
    with pytest.raises(ConfigError) as refusal:
        read_watch({"name": "web", "query": "up", "step": "5x", "foo": 1}, "preview")
    assert "preview:1: watches[0].step: found" in str(refusal.value)
    assert "watches[0].foo: found the unknown key" in str(refusal.value)


def test_the_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hidden")
    with pytest.raises(ConfigError) as refusal:
        read_watch({"name": "web", "query": "up", "unit": "${SECRET}"}, "preview")
    assert "hidden" not in str(refusal.value)


def test_defaults_stay() -> None:
    watch = read_watch({"name": "a", "query": "b"}, "preview")
    assert watch == Watch(name="a", query="b")
