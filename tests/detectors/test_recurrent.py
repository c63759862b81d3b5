"""What the recurrent forecasters see before a sample, by hand."""

import numpy as np
import pytest
import torch

from detectors import recurrent, recurrent_training
from detectors.recurrent import MAX_DEVIATION_SPREADS, MAX_TRAINED_AGE
from detectors.recurrent_training import drop_samples, last_samples


def test_last_shown_by_hand() -> None:
    deviation = torch.tensor([1.0, 50.0, 3.0, 4.0]).view(1, 4, 1)
    shown = torch.tensor([False, True, False, False]).view(1, 4, 1)
    last, there, age = (part.flatten().tolist() for part in last_samples(deviation, shown))
    assert last == [
        0.0,
        0.0,
        MAX_DEVIATION_SPREADS,
        MAX_DEVIATION_SPREADS * (1 - 1 / MAX_TRAINED_AGE),
    ]
    assert there == [False, False, True, False]
    assert age == [MAX_TRAINED_AGE, MAX_TRAINED_AGE, 1.0, 2.0]


def test_what_is_old_says_nothing() -> None:
    deviation = np.array([2.0, 2.0, 2.0])
    age = np.array([1.0, 33.0, 500.0])
    faded = recurrent.fade(deviation, age)
    assert faded.tolist() == [2.0, 1.0, 0.0]
    both = torch.from_numpy(deviation), torch.from_numpy(age)
    assert recurrent_training.fade(*both).tolist() == faded.tolist()


def test_an_open_gate_passes_the_last_deviation_on() -> None:
    out = np.array([0.5, 100.0, -100.0], np.float32)
    mean, width = recurrent.gated_head(out[:, None, None], np.array([[3.0]]))
    assert mean.item() == 3.5 and 0 < width.item() < 0.06
    learnt = recurrent_training.gated_head(torch.from_numpy(out)[None], torch.tensor([3.0]))
    assert [part.item() for part in learnt] == [mean.item(), pytest.approx(width.item())]


def test_windows_pretend_gaps_of_any_length() -> None:
    shown = drop_samples(np.random.default_rng(0), 40, 600)
    missing = 40 - shown.sum(axis=0)
    assert 0.2 < (missing > 5).mean() < 0.35
    assert missing.max() > 30
