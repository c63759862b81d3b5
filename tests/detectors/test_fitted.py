"""The path that all detectors share: what is learnt from, how limits reach the band, what is
carried on."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from detectors.api import Arrays, FloatArray, NotEnoughData, Progress, SeriesBatch
from detectors.fitted import Fitted, fit, restore
from detectors.history import holdout_samples, prepare_history, require_samples
from detectors.trend_view import TrendView

STEP = 300
BUDGET = 1 / (7 * 86_400)


@dataclass(frozen=True)
class Told:
    """A model that says what its weights say, and counts the samples."""

    least: ClassVar[int] = 8

    offset: float = 0.0
    width: float = 1.0

    def train(
        self,
        course: TrendView,
        batch: SeriesBatch,
        prior: Arrays | None,
        device: str,
        progress: Progress | None,
    ) -> dict[str, FloatArray]:
        rows = len(course.deviation)
        return {"offset": np.full(rows, self.offset), "width": np.full(rows, self.width)}

    def predict(
        self, weights: Arrays, course: TrendView, carry: Arrays | None
    ) -> tuple[FloatArray, FloatArray, Arrays]:
        before = np.zeros(len(course.deviation)) if carry is None else carry["count"]
        offset, width = (
            weights[name][:, None] + np.zeros(course.deviation.shape)
            for name in ("offset", "width")
        )
        return offset, width, {"count": before + course.observed.sum(axis=1)}


def _batch(steps: int = 2_000, rows: int = 1, seed: int = 0) -> SeriesBatch:
    values = np.random.default_rng(seed).normal(50, 2, (rows, steps))
    return SeriesBatch(values, np.ones(values.shape, bool), 0, STEP)


def _below_zero(batch: SeriesBatch) -> SeriesBatch:
    return replace(batch, values=batch.values - 50)


def _fit(batch: SeriesBatch, model: Told | None = None, budget: float = BUDGET) -> Fitted:
    return fit(model or Told(), batch, None, alert_budget=budget, device="cpu", progress=None)


def test_the_last_quarter_of_the_trusted_samples_is_held_out() -> None:
    observed = np.ones((2, 10), bool)
    observed[1, ::2] = False
    usable = np.ones((2, 10), bool)
    usable[1, 9] = False
    late = holdout_samples(SeriesBatch(np.zeros((2, 10)), observed, 0, STEP, usable))
    assert late[0].tolist() == [False] * 8 + [True] * 2
    assert np.flatnonzero(late[1]).tolist() == [7]  # 1, 3, 5 and 7 are trusted


def test_too_few_samples_name_their_rows() -> None:
    batch = _batch(10, rows=3)
    batch.usable[1, 3:] = False
    with pytest.raises(
        NotEnoughData, match="1 of 3 series have fewer than 4 samples .*, the shortest 3; wait"
    ):
        require_samples(batch, 4)
    require_samples(batch, 3)


def test_limits_come_from_what_is_settled_and_calm() -> None:
    batch = _batch(200)
    batch.usable[0, :40] = False
    batch = replace(batch, alarmed=np.isin(np.arange(200), (150, 180))[None])
    history = prepare_history(batch, 8)
    assert np.flatnonzero(history.train_mask[0]).tolist() == list(
        range(80, 200)
    )  # a quarter of the trusted ones goes by
    around = [*range(146, 155), *range(176, 185)]  # twenty minutes
    assert np.flatnonzero(history.train_mask[0] & ~history.quiet_mask[0]).tolist() == around
    assert np.array_equal(history.holdout_mask, history.quiet_mask & (np.arange(200) >= 160)[None])


def test_a_series_that_alarms_all_the_time_is_learnt_as_it_is() -> None:
    batch = replace(_batch(200), alarmed=np.arange(200)[None] % 10 == 0)
    history = prepare_history(batch, 8)
    assert np.array_equal(history.quiet_mask, history.train_mask)


def test_a_short_history_is_settled_from_the_start() -> None:
    assert prepare_history(_batch(40), 8).train_mask.all()


def test_a_past_alarm_does_not_widen_the_band() -> None:
    values = _batch().values.copy()
    values[0, 1_500:1_560] += 30
    shaken = SeriesBatch(values, np.ones(values.shape, bool), 0, STEP)
    known = replace(shaken, alarmed=values > 70)
    plain, wide, narrow = (
        _fit(batch).calibration.limits.fast_limit[0, 1] for batch in (_batch(), shaken, known)
    )
    assert narrow == pytest.approx(plain, rel=0.1) and wide > 1.3 * narrow


@pytest.mark.parametrize(("width", "factor"), [(1.0, 1.0), (0.1, 1.0), (4.0, 2.0), (1e6, 5.0)])
def test_in_a_gap_the_band_is_wider_by_the_root_of_what_the_model_doubts(
    width: float, factor: float
) -> None:
    """Against the width that the model usually has; never narrower.

    While samples come, its width has no say.
    """
    batch = _below_zero(_batch())  # no bound of it is cut
    fitted = _fit(batch)
    doubting = replace(fitted, weights={**fitted.weights, "width": np.full(1, width)})
    ahead = _below_zero(_batch(3, seed=1))
    ahead = replace(ahead, observed=np.array([[True, False, False]]))
    usual, wide = (each.score(ahead, fitted.after).band for each in (fitted, doubting))
    ratio = (wide.upper - wide.lower) / (usual.upper - usual.lower)
    assert ratio[0, :2].tolist() == [
        1.0,
        1.0,
    ]  # the second is judged by a band that knows its neighbour
    gap = np.sqrt(1.01)  # two steps after the last sample
    assert ratio[0, 2] == pytest.approx(max(factor, gap) / gap, rel=0.01)


def test_a_forecast_is_what_is_expected_in_units_of_the_series() -> None:
    batch = _batch()
    fitted = _fit(batch, Told(offset=1.0))
    band = fitted.score(batch).band
    assert (band.expected[0, 1_000:] - 50).mean() == pytest.approx(
        2, abs=0.3
    )  # a spread of the noise above it
    assert np.isclose(fitted.loss, _fit(batch, Told(offset=-1.0)).loss, rtol=0.2).all()
    assert (fitted.loss > _fit(batch).loss).all()


def test_scores_and_carry_in_pieces_equal_the_whole() -> None:
    batch = _batch(400, rows=2)
    batch.values[1, 250:300] += 40
    fitted = _fit(batch)
    whole = fitted.score(batch)
    first = fitted.score(batch.steps(0, 270))
    second = fitted.score(batch.steps(270, 400), first.carry)
    assert np.array_equal(np.concatenate([first.anomaly, second.anomaly], axis=1), whole.anomaly)
    assert whole.carry["model.count"].tolist() == [400, 400]
    assert all(np.array_equal(whole.carry[name], second.carry[name]) for name in whole.carry)


def test_a_fit_hands_on_the_carry_at_the_end_of_its_history() -> None:
    """But for where the level began: at that of the first day, which a cold start does not know."""
    batch = _batch(400)
    batch.values[0, 380:] += 1e3  # out of the band as it ends
    fitted = _fit(batch)
    carry = fitted.score(batch).carry
    assert fitted.after is not None and fitted.after.keys() == carry.keys()
    for name in carry:
        np.testing.assert_allclose(fitted.after[name], carry[name], rtol=0.005, err_msg=name)


def test_restored_from_its_state_it_says_the_same() -> None:
    batch = _batch(400)
    fitted = _fit(batch, Told(offset=0.5))
    again = restore(Told(), fitted.state)
    assert np.array_equal(again.score(batch).anomaly, fitted.score(batch).anomaly)
    assert again.state.keys() == fitted.state.keys() and again.after is None


def test_a_smaller_budget_is_a_wider_band() -> None:
    batch = _batch()
    daily, monthly = (_fit(batch, budget=1 / (days * 86_400)).score(batch).band for days in (1, 30))
    assert (monthly.upper - monthly.lower)[0, 500:].mean() > 1.5 * (daily.upper - daily.lower)[
        0, 500:
    ].mean()


def test_a_forecast_goes_on_from_the_carry() -> None:
    batch = _batch(400)
    fitted = _fit(batch)
    whole = fitted.forecast(batch, 5)
    later = fitted.forecast(batch.steps(200, 400), 5, fitted.score(batch.steps(0, 200)).carry)
    assert whole.expected.shape == (1, 5)
    assert np.array_equal(whole.upper, later.upper) and np.array_equal(whole.lower, later.lower)
