"""How the fits of a preview are shared out."""

import os

import pytest
import torch

from plugin.config import WorkerSettings
from plugin.jobs.fit_task import FitTask
from plugin.preview.fit_workers import CoreWorkers, InlineWorkers


@pytest.mark.parametrize(
    ("cores", "series", "size"),
    [(2, 100, 50), (2, 1, 1), (4, 100, 25), (16, 100, 25), (2, 900, 64)],
)
def test_stacks_are_as_large_for_each_core_and_as_few_as_one_run_takes(
    cores: int, series: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    workers = CoreWorkers(WorkerSettings())
    assert workers.stack_size(series, 64) == size
    workers.close()


@pytest.mark.parametrize("variable", [None, "2"])
def test_fits_beside_other_work_take_the_threads_of_the_configuration(
    variable: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if variable is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    usual = torch.get_num_threads()
    torch.set_num_threads(2)
    seen = []

    def build() -> FitTask:
        seen.append((torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]))
        raise ValueError

    workers = InlineWorkers(WorkerSettings(threads=1))
    assert isinstance(workers.submit(build).exception(), ValueError)
    assert seen == [(1, "1")]
    assert (torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")) == (2, variable)
    torch.set_num_threads(usual)
