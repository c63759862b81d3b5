"""Windows of which the last place is hidden, and the walk over them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from detectors.api import SeriesBatch
from detectors.check_series import synthetic
from detectors.history import prepare_history
from detectors.masked_window_training import WindowBatch, reconstruction, window_batch
from detectors.masked_windows import cold, slide
from detectors.season import FEATURES
from detectors.training_windows import training_data
from detectors.trend_view import TrendView

W = 5


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def _course() -> tuple[TrendView, SeriesBatch]:
    batch = synthetic().steps(0, 300)
    return prepare_history(batch, 1).view, batch


@pytest.mark.parametrize("rng", [np.random.default_rng(0), None], ids=["training", "validation"])
def test_the_last_place_is_never_seen(rng: np.random.Generator | None) -> None:
    course, batch = _course()
    at = torch.arange(100, 100 + W).view(1, W, 1) + torch.arange(64).view(1, 1, 64).expand(3, 1, 64)
    windows = window_batch(training_data(course, batch, "cpu"), at, rng)
    assert (windows.shown[..., -1] == 0).all() and (windows.values[windows.shown == 0] == 0).all()
    assert ((windows.shown.sum(dim=-1) < W - 1).float().mean() > 0.3) == (rng is not None)


def test_the_place_that_is_scored_weighs_as_much_as_the_others() -> None:
    blank = torch.zeros(1, 1, 3)
    windows = WindowBatch(
        torch.tensor([[[1.0, 1.0, 0.0]]]), blank, blank, blank, torch.ones(1, 1, 3)
    )
    others = reconstruction(windows, blank, torch.ones(1, 1, 3), training=True)
    windows = WindowBatch(
        torch.tensor([[[0.0, 0.0, 1.0]]]), blank, blank, blank, torch.ones(1, 1, 3)
    )
    last = reconstruction(windows, blank, torch.ones(1, 1, 3), training=True)
    assert last.item() == pytest.approx(1.5 * others.item())  # 3 of one place against 2 of two
    assert reconstruction(windows, blank, torch.ones(1, 1, 3), training=False).item() == 1.0


@pytest.mark.parametrize("first", [0, 13, 1_600])
@pytest.mark.parametrize("steps", [0, 1, 8, 19])
def test_slide_shows_the_samples_before(steps: int, first: int) -> None:
    deviation = np.arange(1.0, steps + 1)[None] / 100
    course: Any = SimpleNamespace(
        deviation=deviation,
        seen=deviation > 0,
        profile=deviation,
        calendar=np.zeros((steps, FEATURES), np.float32),
        known=np.ones((1, FEATURES), np.float32),
        first=first,
    )
    (oldest, newest, scored, count), after = slide(
        lambda values, shown, context: (
            values[..., 0],
            values[..., -2],
            values[..., -1],
            shown.sum(axis=-1),
        ),
        course,
        cold(1, W),
    )
    wanted = np.arcsinh(np.concatenate([np.zeros(W - 1), deviation[0]]))
    assert np.allclose(oldest[0], wanted[:steps]) and np.allclose(
        newest[0], wanted[W - 2 : W - 2 + steps]
    )
    assert (scored == 0).all() and count[0].tolist() == [min(t, W - 1) for t in range(steps)]
    assert np.allclose(after["values"][0], wanted[steps:])
