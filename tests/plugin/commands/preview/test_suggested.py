"""`bandwatch preview --suggested`: the second side has the settings that spare the most alarms."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plugin.cli import main
from plugin.config import Watch
from plugin.domain.budget import Suggestion
from plugin.domain.preview import Preview, WatchPreview
from plugin.preview.past_service import PreviewTask

CONFIG = """
prometheus: {url: "http://127.0.0.1:9"}
watches:
  - {name: web, query: up, persistence: 2 of 3}
  - {name: node, query: node_load1}
"""
SUGGESTIONS = (
    ('{job="api"}', Suggestion("min_relative_deviation: 0.2", 2, 3, 0, True)),
    ('{job="db"}', Suggestion("min_deviation: 5", 5, 6, 0, True)),
)


class Runs:
    """In the place of `run_preview`: what was asked for, and answers without an alarm."""

    def __init__(self, suggestions: tuple[tuple[str, Suggestion], ...]) -> None:
        self.tasks: list[PreviewTask] = []
        self._suggestions = suggestions

    def __call__(self, task: PreviewTask, *_: Any, **__: Any) -> Preview:
        first = not self.tasks
        self.tasks.append(task)
        lines = [
            WatchPreview(watch.name, 2, 1e6, watch.alert_budget, 0) for watch in task.config.watches
        ]
        if first:
            lines[0] = replace(lines[0], suggestions=self._suggestions)
        return Preview(task.start, task.end, tuple(lines), (), ())

    def watches(self, run: int) -> dict[str, Watch]:
        return {watch.name: watch for watch in self.tasks[run].config.watches}


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, runs: Runs, *flags: str) -> int:
    monkeypatch.setattr("plugin.commands.preview.run.run_preview", runs)
    file = folder / "bandwatch.yml"
    file.write_text(CONFIG)
    return main(["preview", str(file), "--suggested", *flags])


def test_the_best_setting_of_each_watch_is_applied(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = Runs(SUGGESTIONS)
    assert run(monkeypatch, tmp_path, runs, "--json") == 0
    before = runs.watches(0)
    after = runs.watches(1)
    assert after["web"] == before["web"].model_copy(update={"min_deviation": 5.0})
    assert after["node"] == before["node"]
    assert [(task.start, task.end) for task in runs.tasks[1:]] == [
        (runs.tasks[0].start, runs.tasks[0].end)
    ]
    names = [side["name"] for side in json.loads(capsys.readouterr().out)["previews"]]
    assert names == [str(tmp_path / "bandwatch.yml"), "web: min_deviation: 5"]


def test_without_a_suggestion_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path, Runs(())) == 1
    assert "--suggested: no setting would have made a series quieter" in capsys.readouterr().err
