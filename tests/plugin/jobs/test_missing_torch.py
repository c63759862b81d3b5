"""A watch that asks for a network where torch is not installed: it is scored by the baseline, and
people are told what to install."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from plugin.cli import main
from plugin.components import Components
from plugin.config import (
    Config,
    ExecutorSettings,
    PrometheusSettings,
    StoreSettings,
    Watch,
    WorkerSettings,
)
from plugin.domain.times import DAY
from plugin.jobs.missing_torch import REMEDY, watches_without_torch
from plugin.preview.fit_workers import InlineWorkers
from plugin.preview.past_service import PresetClock
from plugin.web.pinned_snapshots import PinnedSnapshot
from plugin.web.watches import watch_rows
from tests.computed_source import ComputedSeries, ComputedSource, daily

STEP = 600
START = 1_795_219_200  # 2026-11-21T00:00:00Z
NETWORKS = ("lstm", "auto")


@pytest.fixture
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """An import of it fails, as where it is not installed."""
    for name, module in list(sys.modules.items()):
        if name.startswith("detectors.") and hasattr(module, "torch"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)


class Service:
    """The jobs of one watch over two series, at a time that is set; fits run in this process."""

    def __init__(self, folder: Path, url: str, detector: str) -> None:
        self.clock = PresetClock(START)
        watch = Watch(name="w", query="load", detector=detector, step=STEP, fit_window=2 * DAY)
        config = Config(
            prometheus=PrometheusSettings(url=url),
            watches=(watch,),
            store=StoreSettings(path=str(folder)),
            workers=WorkerSettings(longest_fit=600),
        )
        self.parts = Components(config, clock=self.clock, workers=InlineWorkers(config.workers))

    def tick(self) -> None:
        self.clock.now += STEP
        assert self.parts.watches["w"].score.run()

    def refit(self) -> int:
        return self.parts.watches["w"].fit.run(everyone=True)

    def row(self) -> tuple[Any, Any]:
        """State and reason, as the page and `bandwatch status` say them."""
        moment = PinnedSnapshot(
            self.clock.now,
            self.parts.board.snapshots(),
            {"w": self.parts.watches["w"].watch},
            self.clock.now,
        )
        [row] = watch_rows(moment, {}, START)
        return row["state"], row["reason"]


@pytest.fixture(params=NETWORKS)
def service(
    request: pytest.FixtureRequest, tmp_path: Path, without_torch: None
) -> Iterator[Service]:
    series = [ComputedSeries({"n": str(n)}, partial(daily, n)) for n in range(2)]
    source = ComputedSource({"load": tuple(series)}).serve()
    made = Service(tmp_path / "data", source.url, request.param)
    yield made
    made.parts.close()
    source.close()


def test_it_is_told_once_with_the_remedy_and_counted(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.tick()
    assert service.row() == ("ok", "")
    for _ in range(2):
        service.refit()
        service.tick()
    assert service.row() == ("ok", REMEDY) and "pip install 'bandwatch[torch]'" in REMEDY
    [told] = [record for record in caplog.records if "torch" in record.getMessage()]
    assert (told.levelname, told.__dict__["watch"]) == ("WARNING", "w")
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert service.parts.metrics.fit_failures.labels("w", "torch")._value.get() == 2


def test_the_baseline_scores_meanwhile(service: Service) -> None:
    service.tick()
    service.refit()
    service.tick()
    shown = service.parts.board.snapshots()["w"]
    assert (shown.score >= 0).all() and not shown.missing.any()


def test_it_is_over_when_torch_is_there(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.tick()
    service.refit()
    service.tick()
    assert service.row()[1] == REMEDY
    monkeypatch.undo()
    assert service.refit() == 2
    service.tick()
    assert service.row() == ("ok", "")


def test_check_warns_at_once(
    without_torch: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bandwatch.yml"
    file.write_text(
        "prometheus: {url: http://localhost:9090}\n"
        "watches:\n"
        "  - {name: a, query: up, detector: lstm}\n"
        "  - {name: b, query: up, detector: baseline}\n"
        "  - {name: c, query: up}\n"
    )
    assert main(["check", "--syntax-only", str(file)]) == 0
    assert f"warning: {REMEDY}; this is about: a, c\n" in capsys.readouterr().out


def test_networks_that_learn_elsewhere_need_none_here(without_torch: None) -> None:
    config = Config(
        prometheus=PrometheusSettings(url="http://localhost:9090"),
        watches=(Watch(name="a", query="up", detector="lstm"),),
    )
    assert watches_without_torch(config) == ["a"]
    away = ExecutorSettings(kind="ray", address="ray://cluster:10001")
    assert watches_without_torch(config.model_copy(update={"executor": away})) == []


def test_with_torch_nothing_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "bandwatch.yml"
    file.write_text("prometheus: {url: http://localhost:9090}\nwatches: [{name: a, query: up}]\n")
    assert main(["check", "--syntax-only", str(file)]) == 0
    assert "warning" not in capsys.readouterr().out
