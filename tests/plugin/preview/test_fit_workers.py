"""How the fits of a preview are shared out."""

import pytest

from plugin.config import WorkerSettings
from plugin.preview.fit_workers import CoreWorkers


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
