"""Which samples train and validate, and which columns the windows take; small arrays."""

import numpy as np
import torch

from detectors.api import SeriesBatch
from detectors.history import prepare_history
from detectors.training_windows import TrainingData, gather_columns, spans, training_data

STEPS = 400


def _data() -> TrainingData:
    values = np.random.default_rng(0).normal(size=(1, STEPS))
    values[0, 10] = np.nan
    batch = SeriesBatch(values, ~np.isnan(values), start=0, step=300)
    return training_data(prepare_history(batch, 1).view, batch, "cpu")


def test_a_history_is_divided_by_time() -> None:
    data = _data()
    train = np.flatnonzero(data.train_mask[0].numpy())
    validation = np.flatnonzero(data.validation_mask[0].numpy())
    first, cut, end = data.bounds[0]
    assert (first, end) == (0, 300 + 1)  # the last quarter of 399 samples is held out
    assert train.max() < cut <= validation.min() and validation.max() == end - 1
    assert 10 not in train
    assert end - cut == 45  # .15 of 301
    assert len(validation) == 43  # two of them lie beyond the gate


def test_windows_lie_within_the_part_that_they_serve() -> None:
    data = _data()
    first, cut, end = data.bounds[0].astype(int)
    train = spans(data, "train", 20, 64, np.random.default_rng(1))
    assert train.shape == (1, 20, 64)
    assert train.min() >= first and train.max() < cut
    assert (train[:, 1:] - train[:, :-1] == 1).all()
    validation = spans(data, "validate", 20, 8, np.random.default_rng(1))
    assert validation.min() == cut - 20 // 5 and validation.max() < end


def test_columns_are_gathered_row_by_row() -> None:
    array = torch.tensor([[0, 1, 2], [10, 11, 12]])
    columns = torch.tensor([[[2, 0]], [[1, 1]]])
    assert gather_columns(array, columns).tolist() == [[[2, 0]], [[11, 11]]]
