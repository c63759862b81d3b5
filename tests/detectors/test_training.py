"""The training loop on problems whose answer is known."""

import numpy as np
import pytest
import torch
from torch import Tensor

from detectors.api import DetectorError, Diverged
from detectors.fleet_prior import fleet_prior
from detectors.stacked import Weights
from detectors.training import TrainingPlan, initial, train

TARGETS = torch.tensor([[1.0, -2.0], [30.0, 40.0]])
PLAN = TrainingPlan(steps=400, rate=0.5, every=50, patience=100)


def _distance(weights: Weights, step: int = 0) -> Tensor:
    return ((weights["at"] - TARGETS) ** 2).sum(dim=1)


def _start(rows: int = 2) -> Weights:
    return {"at": torch.zeros(rows, 2)}


def test_each_series_finds_its_own_minimum() -> None:
    found = train(_distance, _distance, _start(), PLAN)
    assert np.allclose(found["at"], TARGETS, atol=0.05)


def test_the_best_weights_are_kept_per_series() -> None:
    """Validation of row 0 wants the start, that of row 1 the minimum."""

    def validate(weights: Weights) -> Tensor:
        return torch.stack([weights["at"][0].abs().sum(), _distance(weights)[1]])

    found = train(_distance, validate, _start(), PLAN)
    assert found["at"][0].tolist() == [0.0, 0.0]
    assert np.allclose(found["at"][1], TARGETS[1], atol=0.05)


def test_stops_when_no_series_makes_progress() -> None:
    seen: list[int] = []

    def loss(weights: Weights, step: int) -> Tensor:
        seen.append(step)
        return _distance(weights)

    train(
        loss,
        lambda weights: torch.ones(2),
        _start(),
        TrainingPlan(steps=1_000, rate=0.1, every=10, patience=2),
    )
    assert len(seen) == 20


def test_without_validation_the_last_weights_stay() -> None:
    found = train(_distance, lambda weights: torch.full((2,), torch.nan), _start(), PLAN)
    assert np.allclose(found["at"], TARGETS, atol=0.1)


def test_a_series_that_diverges_is_named_and_harms_no_other() -> None:
    def loss(weights: Weights, step: int) -> Tensor:
        return _distance(weights) * torch.tensor([1.0, torch.inf])

    with pytest.raises(Diverged, match="row 1") as caught:
        train(loss, loss_of(loss), _start(), PLAN)
    assert caught.value.rows == (1,)


def loss_of(loss):  # type: ignore[no-untyped-def]
    return lambda weights: loss(weights, 0)


def test_progress_reaches_one() -> None:
    shares: list[float] = []
    train(_distance, _distance, _start(), PLAN, progress=shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_a_prior_of_another_shape_is_refused() -> None:
    with pytest.raises(DetectorError, match=r"prior `at` must be \(2, 3\): got \(2, 2\)"):
        initial({"at": (3,)}, {"at": np.zeros((2, 2))}, 2, seed=0)


def test_a_fleet_prior_is_the_mean_of_its_peers_and_knows_nothing_of_their_times() -> None:
    state = {"weight": np.array([[1.0, 2.0], [3.0, 6.0]], np.float32), "until": np.array([7, 9])}
    prior = fleet_prior(state, 3)
    assert prior["weight"].tolist() == [[2.0, 4.0]] * 3 and prior["weight"].dtype == np.float32
    assert prior["until"].tolist() == [0, 0, 0] and prior["until"].dtype == np.int64
