"""Which samples of a history serve what; small arrays."""

import numpy as np
import pytest

from detectors.api import NotEnoughData, SeriesBatch
from detectors.history import (
    MIN_WALK_STEPS,
    REFIT_SECONDS,
    WALK_SECONDS,
    around,
    holdout_samples,
    prepare_history,
    require_samples,
)

DAY = 86_400


def _batch(observed: list[list[bool]]) -> SeriesBatch:
    mask = np.array(observed)
    return SeriesBatch(np.ones(mask.shape), mask, start=0, step=DAY)


def test_around_a_flag() -> None:
    flags = np.array([[False, False, True, False, False, False]])
    assert around(flags, 1).tolist() == [[False, True, True, True, False, False]]
    assert around(flags, 0).tolist() == flags.tolist()


def test_the_last_trusted_samples_are_held_out() -> None:
    batch = _batch([[True] * 4 + [False] * 4, [True] * 8])
    holdout = holdout_samples(batch, 0.25)
    assert [np.flatnonzero(row).tolist() for row in holdout] == [[3], [6, 7]]


def test_rows_with_too_few_samples_are_named() -> None:
    batch = _batch([[True, True], [True, False]])
    require_samples(batch, 1)
    with pytest.raises(NotEnoughData, match="1 of 2 series have fewer than 2 samples") as error:
        require_samples(batch, 2)
    assert error.value.rows == (1,)


@pytest.mark.parametrize(("days_ago", "is_refit"), [(1, True), (2, True), (3, False)])
def test_a_recent_prior_makes_a_refit(days_ago: int, is_refit: bool) -> None:
    steps = MIN_WALK_STEPS + 10
    end = steps * DAY
    prior = {"until": np.array([end - days_ago * DAY])}
    history = prepare_history(_batch([[True] * steps]), 1, prior)
    assert (history.prior_state is prior) == is_refit
    assert history.batch.shape[1] == MIN_WALK_STEPS
    assert history.until == end


@pytest.mark.parametrize(("days_ago", "seconds"), [(1, REFIT_SECONDS), (3, WALK_SECONDS)])
def test_the_last_days_are_walked_through(days_ago: int, seconds: int) -> None:
    steps = 20 * DAY // 60
    batch = SeriesBatch(np.ones((1, steps)), np.ones((1, steps), bool), start=0, step=60)
    prior = {"until": np.array([(20 - days_ago) * DAY])}
    assert prepare_history(batch, 1, prior).batch.shape[1] == seconds // 60
