"""Which model each series gets, and that only the chosen one speaks."""

import numpy as np
import pytest
import torch

from detectors.api import Arrays, Diverged, FittedDetector, FloatArray, SeriesBatch
from detectors.auto import Auto, _Record
from detectors.checks import ALERT_BUDGET
from detectors.lstm import LSTM
from detectors.registry import detector_named

STEP = 300
START = 1_760_054_400
STEPS = 1_600
# rows
NOISE = 0
MEMORY = 1
QUICK = Auto(candidates="gru")


def _series(steps: int = STEPS) -> SeriesBatch:
    """White noise, which nobody can forecast, and a series that goes on as it went before."""
    rng = np.random.default_rng(11)
    values = rng.normal(size=(2, steps))
    for t in range(1, steps):
        values[MEMORY, t] += 0.95 * values[MEMORY, t - 1]
    return SeriesBatch(100 + values, np.ones(values.shape, bool), START, STEP)


def _young(steps: int = STEPS) -> SeriesBatch:
    """The same, of which the second has only just begun."""
    batch = _series(steps)
    batch.observed[MEMORY, :-100] = False
    return batch


@pytest.fixture(scope="module")
def fitted() -> FittedDetector:
    torch.set_num_threads(1)
    return Auto().fit(_series(), alert_budget=ALERT_BUDGET)


def _choice(fitted: FittedDetector) -> list[int]:
    return [int(number) for number in fitted.state["model.choice"]]


def _of(arrays: Arrays, name: str) -> dict[str, FloatArray]:
    return {key: array for key, array in arrays.items() if key.startswith(f"model.{name}.")}


def test_a_network_is_chosen_only_where_it_forecasts_better(fitted: FittedDetector) -> None:
    choice = _choice(fitted)
    assert choice[NOISE] == 0 and choice[MEMORY] > 0
    baseline = detector_named("baseline", {}).fit(_series(), alert_budget=ALERT_BUDGET)
    assert (
        fitted.loss[NOISE] == baseline.loss[NOISE]
        and fitted.loss[MEMORY] < 0.8 * baseline.loss[MEMORY]
    )


def test_who_is_not_chosen_has_nothing_to_say(fitted: FittedDetector) -> None:
    """The series that the baseline won is scored as the baseline alone scores it, whatever the
    others have learnt."""
    batch = _series()
    baseline = detector_named("baseline", {}).fit(batch, alert_budget=ALERT_BUDGET).score(batch)
    scores = fitted.score(batch)
    assert np.array_equal(scores.band.upper[NOISE], baseline.band.upper[NOISE])
    assert _of(fitted.state, "gru")["model.gru.head"][NOISE].any()
    assert (
        not scores.carry["model.gru.h"][NOISE].any()
        and not scores.carry["model.autoencoder.shown"][NOISE].any()
    )


def test_after_a_fit_it_goes_on_as_after_a_score(fitted: FittedDetector) -> None:
    carry = fitted.score(_series()).carry
    assert fitted.after is not None and carry.keys() == fitted.after.keys()
    for name, array in carry.items():
        # The level of a fit begins at that of the first day, which a cold start does not know.
        assert np.allclose(fitted.after[name], array, rtol=0.005, atol=5e-3), name


def _record(loss: float, beyond: float) -> _Record:
    return _Record(np.array([loss]), np.array([beyond]))


@pytest.mark.parametrize(
    ("loss", "beyond", "wins"),
    [
        (0.96, 0.03, True),
        (0.98, 0.03, False),  # not by the margin
        (0.50, 0.07, False),  # twice as many beyond as the simpler one leaves
        (np.nan, 0.0, False),  # nothing was held out
    ],
)
def test_a_network_must_win_by_a_margin_and_stay_calm(
    loss: float, beyond: float, wins: bool
) -> None:
    assert _record(loss, beyond).beats(_record(1.0, 0.03)) == [wins]


def test_a_candidate_that_is_uneven_is_passed_over() -> None:
    assert _record(1.0, 0.02).beats(_record(0.9, 0.05)) == [True]
    assert _record(1.0, 0.0).beats(_record(0.9, 0.03)) == [
        False
    ]  # hardly more than there should be


def test_a_young_series_keeps_the_baseline_and_starts_cold_once_it_is_old_enough() -> None:
    young = QUICK.fit(_young(), alert_budget=ALERT_BUDGET)
    assert _choice(young)[MEMORY] == 0 and np.isfinite(
        young.score(_young()).band.expected[MEMORY, -1]
    )
    assert not any(array[MEMORY].any() for array in _of(young.state, "gru").values())
    grown = QUICK.fit(_series(), young.state, alert_budget=ALERT_BUDGET)
    cold = QUICK.fit(_series(), alert_budget=ALERT_BUDGET)
    assert _choice(grown) == _choice(cold)
    for name, array in _of(cold.state, "gru").items():
        assert np.allclose(array[MEMORY], grown.state[name][MEMORY], atol=1e-4), name


def test_a_batch_that_is_all_too_young_has_states_of_the_same_shape() -> None:
    some, none = (QUICK.fit(batch, alert_budget=ALERT_BUDGET) for batch in (_young(), _series(200)))
    assert {name: array.shape for name, array in some.state.items()} == {
        name: array.shape for name, array in none.state.items()
    }
    assert _choice(none) == [0, 0]


def test_a_network_that_diverges_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    train = LSTM.train

    def broken(self: LSTM, course, batch, *rest):  # type: ignore[no-untyped-def]
        if len(batch.values) > 1:
            raise Diverged("not finite", [MEMORY])
        return train(self, course, batch, *rest)

    monkeypatch.setattr(LSTM, "train", broken)
    fitted = QUICK.fit(_series(), alert_budget=ALERT_BUDGET)
    taught = _of(fitted.state, "gru")["model.gru.head"].any(axis=(1, 2))
    assert taught.tolist() == [True, False] and _choice(fitted)[MEMORY] == 0


def test_covariates_are_not_looked_at() -> None:
    batch = _series()
    other = SeriesBatch(
        batch.values, batch.observed, START, STEP, covariates=np.ones((2, 1, STEPS))
    )
    one, two = (
        QUICK.fit(each, alert_budget=ALERT_BUDGET).score(each).band.upper for each in (batch, other)
    )
    assert np.array_equal(one, two)


@pytest.mark.parametrize("candidates", ["", "lstm,", "gru,gru", "baseline", "prophet"])
def test_candidates_are_networks_that_there_are(candidates: str) -> None:
    with pytest.raises(
        ValueError, match="`candidates` must be some of autoencoder, gru, .* each once"
    ):
        detector_named("auto", {"candidates": candidates})


def test_the_parts_that_score_are_small_and_score_alike(fitted: FittedDetector) -> None:
    """Without the networks that were not chosen, bit for bit; from a carry, and from a cold
    start."""
    batch = _series()
    past, rest = batch.steps(0, STEPS - 300), batch.steps(STEPS - 300, STEPS)
    warm = fitted.score(past)
    whole = fitted.score(rest, warm.carry)
    rows_seen = list[int]()
    for rows, state in Auto().divide(fitted.state):
        rows_seen += rows.tolist()
        networks = {name.split(".")[1] for name in state if name.count(".") > 1}
        assert len(networks) <= 1
        part = Auto().restore(state)
        cold = part.score(past.rows(rows))
        rows_carry = {name: array[rows] for name, array in warm.carry.items()}
        assert cold.carry.keys() == rows_carry.keys()
        for carry in (cold.carry, rows_carry):
            scores = part.score(rest.rows(rows), carry)
            assert np.array_equal(scores.anomaly, whole.anomaly[rows], equal_nan=True)
            for bound in ("lower", "expected", "upper"):
                band = getattr(scores.band, bound)
                assert np.array_equal(band, getattr(whole.band, bound)[rows], equal_nan=True)
    assert sorted(rows_seen) == [NOISE, MEMORY]
