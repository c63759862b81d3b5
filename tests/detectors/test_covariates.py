"""Covariates: what they explain is no incident, what they do not explain is; without them nothing
changes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from detectors import checks
from detectors.api import DetectorError, FloatArray, SeriesBatch
from detectors.check_series import FIT_SAMPLES, START, STEP, synthetic
from detectors.checks import ALERT_BUDGET, CHECKS
from detectors.covariates import WithCovariates, explain_batch, fit_covariates
from detectors.lstm import LSTM
from detectors.registry import detector_named

# where something happens, after the history of a fit
STEPS = 2_000
MOVE = slice(1_800, 1_840)
UNITS = np.array([[1.0], [1e3]])  # of the two series


def noise(rng: np.random.Generator, memory: float) -> FloatArray:
    found = rng.normal(size=(2, STEPS))
    for t in range(1, STEPS):
        found[:, t] += memory * found[:, t - 1]
    return found


def batch(*, target: float = 0.0, covariate: float = 0.0, others: int = 0) -> SeriesBatch:
    """Two series = noise + 3 x covariate, in units of their own; a move of the target, of the
    covariate alone, both.

    others: further covariates that have nothing to do with them.
    """
    rng = np.random.default_rng(0)
    day = np.sin(2 * np.pi * (START + STEP * np.arange(STEPS)) / 86_400)
    given = 20 + 5 * day + noise(rng, 0.9)
    values = 50 + noise(rng, 0.3) + 3 * given
    values[:, MOVE] += target
    given[:, MOVE] += covariate
    given = np.stack([given, *(10 * day + noise(rng, 0.9) for _ in range(others))], axis=1)
    return SeriesBatch(UNITS * values, np.ones(values.shape, bool), START, STEP, covariates=given)


def without(one: SeriesBatch) -> SeriesBatch:
    return SeriesBatch(one.values, one.observed, one.start, one.step)


def lost(one: SeriesBatch, part: slice) -> SeriesBatch:
    """The same with all covariates missing in some columns."""
    covariates = one.covariates.copy()
    covariates[:, :, part] = np.nan
    return SeriesBatch(one.values, one.observed, one.start, one.step, covariates=covariates)


@pytest.fixture(scope="module")
def fitted() -> WithCovariates:
    torch.set_num_threads(1)
    found = LSTM().fit(batch().steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET)
    assert isinstance(found, WithCovariates)
    return found


def flagged(fitted: WithCovariates, one: SeriesBatch) -> float:
    """The share of the samples of the move that are outside the band."""
    return float((fitted.score(one).anomaly[:, MOVE] > 1).mean())


def test_the_held_out_loss_is_clearly_lower(fitted: WithCovariates) -> None:
    alone = LSTM().fit(without(batch()).steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET)
    assert (fitted.loss < 0.5 * alone.loss).all()


def test_what_the_covariate_explains_is_not_flagged_and_the_rest_is(fitted: WithCovariates) -> None:
    assert flagged(fitted, batch(target=30, covariate=10)) == 0
    assert flagged(fitted, batch(target=30)) == 1
    assert flagged(fitted, batch(covariate=10)) == 1, "a series that does not follow is not well"


def test_a_missing_covariate_widens_the_band_and_is_still_judged(fitted: WithCovariates) -> None:
    whole = fitted.score(batch())
    part = fitted.score(lost(batch(), MOVE))
    width, wider = (
        np.median((scores.band.upper - scores.band.lower)[:, MOVE], axis=1)
        for scores in (whole, part)
    )
    assert (wider > 3 * width).all() and np.isfinite(wider).all()
    assert np.isfinite(part.anomaly[:, MOVE]).all() and (part.anomaly[:, MOVE] > 1).mean() < 0.05
    gone = fitted.score(without(batch()))
    assert (gone.anomaly[:, FIT_SAMPLES:] > 1).mean() < 0.02


def test_ahead_the_band_covers_what_the_covariate_may_do(fitted: WithCovariates) -> None:
    ahead = fitted.forecast(batch().steps(0, FIT_SAMPLES), 48)
    truth = batch().values[:, FIT_SAMPLES : FIT_SAMPLES + 48]
    assert ((truth > ahead.lower) & (truth < ahead.upper)).mean() > 0.95


def test_slopes_are_found_and_strangers_have_none() -> None:
    shares = fit_covariates(batch(others=2))
    np.testing.assert_allclose(shares.slope[:, 0] / shares.scale[:, 0], [3, 3e3], rtol=0.05)
    assert (shares.slope[:, 1:] == 0).all()


def test_a_covariate_that_is_seldom_there_has_no_share() -> None:
    assert (fit_covariates(lost(batch(), slice(0, 800))).slope == 0).all()
    assert (fit_covariates(lost(batch(), slice(0, STEPS))).slope == 0).all()


def test_what_is_explained_by_hand() -> None:
    shares = fit_covariates(batch())
    seen = explain_batch(shares, lost(batch(covariate=10), slice(1_820, 1_821)))
    share = shares.slope[:, 0]
    scale = shares.scale[:, 0]
    whole = batch(covariate=10).covariates[:, 0]
    np.testing.assert_allclose(
        seen.explained[:, 1_810], share * (whole[:, 1_810] - shares.centre[:, 0]) / scale
    )
    assert not seen.residual.observed[:, 1_820].any() and seen.residual.observed[:, 1_819].all()
    np.testing.assert_allclose(seen.widening[:, 1_820], np.abs(share) * shares.usual_range[:, 0])
    assert (seen.widening[:, 1_810] > 0).all() and np.median(seen.widening[:, :1_800]) == 0


def test_no_covariates_is_as_before() -> None:
    """A batch with C = 0 is one that says nothing of covariates, and its state names none."""
    short = synthetic().steps(0, FIT_SAMPLES)
    empty = SeriesBatch(
        short.values,
        short.observed,
        short.start,
        short.step,
        short.usable,
        covariates=np.zeros((3, 0, FIT_SAMPLES)),
    )
    one, other = (
        LSTM(steps=5).fit(each, alert_budget=ALERT_BUDGET).state for each in (short, empty)
    )
    assert one.keys() == other.keys() and all(
        np.array_equal(one[name], other[name]) for name in one
    )
    assert not any("covariates" in name for name in one)


@pytest.mark.parametrize("name", ["autoencoder", "baseline", "seq2seq", "vae"])
def test_other_detectors_do_not_look_at_them(name: str) -> None:
    one = batch().steps(0, FIT_SAMPLES)
    options = {} if name == "baseline" else {"steps": 2}
    states = [
        detector_named(name, options).fit(each, alert_budget=ALERT_BUDGET).state
        for each in (one, without(one))
    ]
    assert states[0].keys() == states[1].keys()
    assert all(np.array_equal(states[0][key], states[1][key]) for key in states[1])


def test_another_number_of_covariates_is_refused(fitted: WithCovariates) -> None:
    with pytest.raises(DetectorError, match="fitted with 1 covariates, and the batch has 2"):
        fitted.score(batch(others=1))
    with pytest.raises(DetectorError, match="prior"):
        LSTM().fit(batch(others=1).steps(0, FIT_SAMPLES), fitted.state, alert_budget=ALERT_BUDGET)
    with pytest.raises(DetectorError, match="`covariates` must be"):
        SeriesBatch(np.zeros((2, 3)), np.ones((2, 3), bool), 0, 60, covariates=np.zeros((2, 1, 4)))


@pytest.mark.parametrize("check", [pytest.param(check, id=check.__name__) for check in CHECKS])
def test_contract(check: Callable[[LSTM], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped checks on series with two covariates: one that explains, one that comes and
    goes."""

    def given(rows: int = 3, steps: int = STEPS, seed: int = 7) -> SeriesBatch:
        one = synthetic(rows, steps, seed)
        at = np.arange(steps)
        wave = np.sin(at / 7) + np.sin(at / 23) * np.cos(at)
        rare = np.where(at % 50 < 2, np.nan, np.cos(at / 5))
        values = one.values + 3 * wave * 10.0 ** np.arange(rows)[:, None]
        return replace(one, values=values, covariates=np.stack([np.stack([wave, rare])] * rows))

    monkeypatch.setattr(checks, "synthetic", given)
    check(LSTM(steps=60, seed=60))  # fits are kept by spec: one that no other test has


def test_odd_covariates_give_sane_bands() -> None:
    """A constant, zeros, a huge counter, rare bursts, nothing at all, the series itself twice:
    together and alone."""
    plain = without(batch())
    rng = np.random.default_rng(1)
    shape = plain.values.shape
    odd = [
        np.full(shape, 5.0),
        np.zeros(shape),
        1e15 + 1e3 * np.arange(STEPS) * np.ones(shape),
        np.where(rng.random(shape) < 0.01, 7.0, 0.0),
        np.full(shape, np.nan),
        plain.values,
        2 * plain.values,
    ]
    for channels in (odd[:5], odd[5:], odd):
        one = replace(plain, covariates=np.stack(channels, axis=1))
        fitted = LSTM(steps=10).fit(one.steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET)
        scores = fitted.score(one)
        width = (scores.band.upper - scores.band.lower)[:, 512:]
        assert np.isfinite(width).all() and (width > 0).all() and np.isfinite(fitted.loss).all()
        assert (scores.anomaly[:, FIT_SAMPLES:] > 1).mean() < 0.02
