"""The fits of a preview go where the configuration says."""

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from plugin.config import (
    Config,
    ExecutorSettings,
    PrometheusSettings,
    StoreSettings,
    Watch,
    WorkerSettings,
)
from plugin.domain.times import DAY
from plugin.jobs.executors import Executor
from plugin.jobs.executors.executor import BuildTask
from plugin.jobs.fit_task import FitOutcome
from plugin.preview.fit_workers import InlineWorkers
from plugin.preview.past_service import PreviewTask
from plugin.preview.run import run_preview
from tests.computed_source import ComputedSeries, ComputedSource, daily

START = 1_795_219_200  # 2026-11-21T00:00:00Z
SERIES = {"load": (ComputedSeries({"n": "1"}, lambda times: daily(1, times)),)}


class Cluster(InlineWorkers):
    """In the place of Ray; knows what it was asked for."""

    asked = 0

    def __init__(self, settings: ExecutorSettings, fallback: Executor, *_: Any, **__: Any) -> None:
        super().__init__(WorkerSettings())
        assert settings.kind == "ray" and isinstance(fallback, InlineWorkers)

    def submit(self, build: BuildTask, *, urgent: bool = False) -> "Future[FitOutcome]":
        Cluster.asked += 1
        return super().submit(build, urgent=urgent)


@pytest.fixture
def url() -> Iterator[str]:
    source = ComputedSource(SERIES).serve()
    yield source.url
    source.close()


@pytest.mark.parametrize("kind", ["local", "ray"])
def test_fits_go_where_the_configuration_says(
    kind: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugin.components.RayExecutor", Cluster)
    monkeypatch.setattr(Cluster, "asked", 0)
    config = Config(
        prometheus=PrometheusSettings(url=url),
        watches=(Watch(name="w", query="load", detector="baseline", step=1800),),
        store=StoreSettings(path=str(tmp_path)),
        executor=ExecutorSettings.model_validate({"kind": kind}),
    )
    task = PreviewTask(config, START, START + DAY)
    preview = run_preview(task, workers=InlineWorkers(config.workers))
    assert preview.watches[0].series == 1
    assert (Cluster.asked > 0) == (kind == "ray")
