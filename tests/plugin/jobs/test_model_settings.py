"""What a change of the configuration does to models, and that it is told once."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.config import Calendar, Watch
from plugin.jobs import model_settings
from plugin.store import Store

WATCH = Watch(name="w", query="up", labels={"team": "a"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(tmp_path)
    yield opened
    opened.close()


def take_up(store: Store, watch: Watch, spec: str = "lstm", now: int = 1000) -> list[str]:
    return model_settings.record_settings(
        watch, spec, store, model_settings.step_since(watch, store, now)
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, []),
        ({"query": "down"}, ["query"]),
        ({"step": 30}, ["step"]),
        ({"offset": 60}, ["offset"]),
        ({"alert_budget": 0.1}, ["alert_budget"]),
        ({"timezone": "Europe/Vienna"}, ["timezone"]),
        ({"labels": {"team": "b"}}, ["labels"]),
        ({"direction": "above", "persistence": (2, 3)}, ["policies"]),
        ({"fit_window": 86_400}, ["fit_window"]),
        ({"calendar": Calendar(country="DE", subdivision="BE")}, ["calendar"]),
        ({"unit": "s", "max_series": 7, "paused": True}, []),
    ],
)
def test_each_change_is_told_once_with_what_it_means(
    store: Store, caplog: pytest.LogCaptureFixture, changes: dict[str, object], told: list[str]
) -> None:
    assert take_up(store, WATCH) == [], "of a watch that is new there is nothing to tell"
    changed = WATCH.model_copy(update=changes)
    with caplog.at_level(logging.WARNING):
        assert take_up(store, changed) == told
        assert take_up(store, changed) == []
    lines = [vars(line) for line in caplog.records]
    expected = [(name, model_settings.MEANINGS[name]) for name in told]
    assert [(line["setting"], line["models"]) for line in lines] == expected


def test_another_detector_is_told(store: Store) -> None:
    take_up(store, WATCH)
    assert take_up(store, WATCH, "vae") == ["detector"]


def test_models_are_of_the_step_since_it_was_changed(store: Store) -> None:
    assert model_settings.step_since(WATCH, store, 1000) == 0
    take_up(store, WATCH, now=1000)
    assert model_settings.step_since(WATCH, store, 2000) == 0
    slower = WATCH.model_copy(update={"step": 300})
    take_up(store, slower, now=3000)
    assert model_settings.step_since(slower, store, 4000) == 3000
    assert model_settings.step_since(WATCH, store, 5000) == 5000, (
        "back again: those in between are strangers"
    )


def test_every_change_has_its_row_in_the_documentation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "models.md").read_text()
    assert all(f"`{name}`" in page for name in (*model_settings.MEANINGS, *model_settings.POLICIES))
