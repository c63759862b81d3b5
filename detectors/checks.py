"""The contract as tests that anyone can run on a detector: `for name, check in yield_checks(Mine()): check()`.

Every check raises AssertionError with what it found. They use small synthetic series and take seconds.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from detectors.api import (
    Arrays,
    Band,
    Detector,
    FittedDetector,
    FloatArray,
    NotEnoughData,
    Scores,
    SeriesBatch,
)

BUDGET = 1 / 86_400  # one alarm a day
STEP = 300
START = 1_760_000_100 // STEP * STEP
FIT, ALL = 1_600, 2_000  # samples to fit on, and altogether
PIECES = (1, 2, 3, 7, 16, 17, 33, 1, 250, 1, 8, 9, 600, 1)  # steps
TOLERANCE = 0.02  # of the width of the band, where kernels may differ in the last digits

Check = Callable[[Detector], None]


def yield_checks(detector: Detector) -> Iterator[tuple[str, Callable[[], None]]]:
    """All checks by name; each stands alone."""
    for check in CHECKS:
        yield check.__name__.removeprefix("check_"), partial(check, detector)


def synthetic(rows: int = 3, steps: int = ALL, seed: int = 7) -> SeriesBatch:
    """Quiet daily shapes with noise of their own, a few gaps, and some samples not to be learnt from."""
    rng = np.random.default_rng(seed)
    times = START + STEP * np.arange(steps)
    day = np.sin(2 * np.pi * times / 86_400 + np.arange(rows)[:, None])
    noise = rng.normal(size=(rows, steps))
    noise[:, 1:] += 0.6 * noise[:, :-1]
    values = (10.0 ** np.arange(rows))[:, None] * (50 + 10 * day + noise)
    observed = rng.random((rows, steps)) > 0.02
    observed[:, steps // 2:steps // 2 + 20] = False
    usable = np.ones((rows, steps), bool)
    usable[:, steps // 3:steps // 3 + 10] = False
    return SeriesBatch(np.where(observed, values, np.nan), observed, START, STEP, usable)


def check_shapes_and_leading_axis(detector: Detector) -> None:
    batch, fitted = synthetic(), _fit(detector)
    scores = fitted.score(batch)
    for name, array in {**fitted.state, **scores.carry}.items():
        assert array.shape[:1] == (3,), f"`{name}` has no leading axis S: {array.shape}"
    for array in (scores.anomaly, scores.band.lower, scores.band.expected, scores.band.upper):
        assert array.shape == batch.shape and array.dtype == np.float64
    assert fitted.loss.shape == (3,)
    ahead = fitted.forecast(batch, 12)
    assert ahead.expected.shape == (3, 12) and np.isfinite(ahead.upper - ahead.lower).all()


def check_score_above_one_exactly_outside(detector: Detector) -> None:
    batch, fitted = synthetic(), _fit(detector)
    values = batch.values.copy()
    values[:, 1_700:1_720] *= 3
    for shaken in (values, _on_the_edge(fitted, batch)):
        scores = fitted.score(_with(batch, shaken))
        known = ~np.isnan(scores.anomaly)
        outside = (shaken < scores.band.lower) | (shaken > scores.band.upper)
        assert ((scores.anomaly > 1) == outside)[known].all(), "score > 1 and outside the band disagree"
        assert (scores.anomaly[known] >= 0).all()
    assert (scores.band.lower <= scores.band.expected).all() and (scores.band.expected <= scores.band.upper).all()


def check_gaps_have_no_score_and_a_band(detector: Detector) -> None:
    batch = synthetic()
    scores = _fit(detector).score(batch)
    settled = slice(detector.warm_up, None)
    assert np.isnan(scores.anomaly[~batch.observed]).all(), "a score where there is no sample"
    assert not np.isnan(scores.anomaly[:, settled][batch.observed[:, settled]]).any(), "a sample without a score"
    assert np.isfinite(scores.band.expected[:, settled]).all(), "no band in a gap"
    filled = _with(batch, np.where(batch.observed, batch.values, 1e9))
    _equal(scores, _fit(detector).score(filled), "what stands in a gap was read")


def check_future_never_changes_a_score(detector: Detector) -> None:
    batch, fitted = synthetic(), _fit(detector)
    changed = batch.values.copy()
    changed[:, 1_800:] *= -5
    before, after = fitted.score(batch), fitted.score(_with(batch, changed))
    _equal(_steps(before, 0, 1_800), _steps(after, 0, 1_800), "the future changed the past")
    assert np.array_equal(before.band.expected[:, 1_800], after.band.expected[:, 1_800]), "a band saw its own sample"
    assert np.array_equal(before.band.upper[:, 1_800], after.band.upper[:, 1_800]), "a band saw its own sample"


def check_pieces_equal_the_whole(detector: Detector) -> None:
    batch, fitted = synthetic(), _fit(detector)
    pieces_equal_the_whole(fitted, batch)
    # Another shape, so maybe another kernel.
    alone = {name: array[1:2] for name, array in fitted.state.items()}
    pieces_equal_the_whole(detector.restore(alone), batch.rows(np.array([1])))


def pieces_equal_the_whole(fitted: FittedDetector, batch: SeriesBatch) -> None:
    """Bit for bit, for pieces of many lengths that begin anywhere; the last is the rest."""
    whole = fitted.score(batch)
    carry: Arrays | None = None
    ends = np.minimum(np.cumsum(PIECES), batch.shape[1]).tolist()
    for begin, end in zip([0, *ends], [*ends, batch.shape[1]], strict=True):
        piece = fitted.score(batch.steps(begin, end), carry)
        _equal(_steps(whole, begin, end), piece, f"columns {begin} to {end} differ when scored apart")
        carry = piece.carry
    for name, array in whole.carry.items():
        assert carry is not None and np.array_equal(array, carry[name]), f"carry `{name}` differs"


def check_company_does_not_matter(detector: Detector) -> None:
    batch = synthetic()
    together = detector.fit(batch.steps(0, FIT), alert_budget=BUDGET)
    alone = detector.fit(batch.rows(np.array([1])).steps(0, FIT), alert_budget=BUDGET)
    _close(_rows(together.score(batch), [1]), alone.score(batch.rows(np.array([1]))), "fit in company != fit alone")


def check_same_data_same_result(detector: Detector) -> None:
    batch = synthetic().steps(0, FIT)
    first, second = (detector.fit(batch, alert_budget=BUDGET).state for _ in range(2))
    for name in first:
        assert np.array_equal(first[name], second[name]), f"`{name}` differs between two fits of the same data"


def check_restored_equals_fitted(detector: Detector) -> None:
    batch, fitted = synthetic(), _fit(detector)
    _equal(fitted.score(batch), detector.restore(fitted.state).score(batch), "restored scores differ")
    assert np.array_equal(fitted.loss, detector.restore(fitted.state).loss)


def check_rows_regroup(detector: Detector) -> None:
    batch, fitted = synthetic(), _fit(detector)
    order = np.array([2, 0])
    carry = fitted.score(batch.steps(0, FIT)).carry
    part = detector.restore({name: array[order] for name, array in fitted.state.items()})
    whole = fitted.score(batch.steps(FIT, ALL), carry)
    some = part.score(batch.rows(order).steps(FIT, ALL), {name: array[order] for name, array in carry.items()})
    _close(_rows(whole, [2, 0]), some, "rows [2, 0] of a stack differ from rows 2 and 0")


def check_saved_and_loaded(detector: Detector) -> None:
    from safetensors.numpy import load, save

    batch, fitted = synthetic(), _fit(detector)
    loaded = load(save({name: np.ascontiguousarray(array) for name, array in fitted.state.items()}))
    _equal(fitted.score(batch), detector.restore(loaded).score(batch), "scores differ after saving and loading")


def check_prior_is_taken(detector: Detector) -> None:
    batch = synthetic()
    again = detector.fit(batch.steps(0, FIT), _fit(detector).state, alert_budget=BUDGET)
    assert np.isfinite(again.score(batch).band.expected[:, detector.warm_up:]).all()
    assert (again.loss < 1.5 * _fit(detector).loss).all(), "a refit from its own weights is much worse"


def check_odd_series_have_finite_bands(detector: Detector) -> None:
    """Flat, all zero, rare bursts, whole numbers, huge counters, one incident in a flat line, nearly all missing."""
    rng = np.random.default_rng(3)
    rows = [np.full(ALL, 5.0), np.zeros(ALL), np.where(rng.random(ALL) < 0.01, 7.0, 0.0), rng.poisson(3, ALL) * 1.0,
            1e15 + rng.normal(0, 1e3, ALL), np.where(np.arange(ALL) // 50 == 10, 9.0, 5.0), rng.normal(0, 1e-9, ALL)]
    values = np.stack(rows)
    observed = np.ones(values.shape, bool)
    observed[3] = rng.random(ALL) < 0.3
    batch = SeriesBatch(np.where(observed, values, np.nan), observed, START, STEP)
    scores = detector.fit(batch.steps(0, FIT), alert_budget=BUDGET).score(batch)
    settled = slice(detector.warm_up, None)
    for bound in (scores.band.lower, scores.band.expected, scores.band.upper):
        assert np.isfinite(bound[:, settled]).all(), "a band that is not finite"
    assert (scores.band.lower < scores.band.upper)[:, settled].all(), "a band without width"
    assert not (scores.anomaly[:2, settled] > 1).any(), "a flat line is outside its band"


def check_too_little_history_names_the_rows(detector: Detector) -> None:
    batch = synthetic().steps(0, FIT)
    observed = batch.observed.copy()
    observed[1] = False
    bad = replace(batch, observed=observed)
    try:
        detector.fit(bad, alert_budget=BUDGET)
    except NotEnoughData as error:
        assert error.rows == (1,), f"NotEnoughData names rows {error.rows}, not (1,)"
    else:
        raise AssertionError("a series without a sample was fitted")


def check_inputs_stay_as_they_were(detector: Detector) -> None:
    batch = synthetic()
    arrays = (batch.values, batch.observed, batch.usable, batch.utc_offset, batch.covariates)
    for array in arrays:
        array.setflags(write=False)
    fitted = detector.fit(batch.steps(0, FIT), alert_budget=BUDGET)
    carry = fitted.score(batch.steps(0, FIT)).carry
    kept = {name: array.copy() for name, array in carry.items()}
    state = {name: array.copy() for name, array in fitted.state.items()}
    fitted.score(batch.steps(FIT, ALL), carry)
    assert all(np.array_equal(kept[name], carry[name]) for name in kept), "score changed the carry it was given"
    assert all(np.array_equal(state[name], fitted.state[name]) for name in state), "score changed the state"


def check_local_time_is_used(detector: Detector) -> None:
    """A day that moves with the clocks: with the offset of the zone it is the same day."""
    batch = synthetic()
    offset = np.full(ALL, 3_600 * 5, np.int64)
    moved = replace(batch, start=batch.start - 3_600 * 5, utc_offset=offset)
    fitted = detector.fit(moved.steps(0, FIT), alert_budget=BUDGET)
    _close(_fit(detector).score(batch), fitted.score(moved), "local time is not what the calendar reads")


def check_alarms_keep_the_promise(detector: Detector) -> None:
    """On quiet noise no more than three times the promised share of samples leaves the band."""
    batch = synthetic(rows=4, steps=6_000)
    fitted = detector.fit(batch.steps(0, 3_000), alert_budget=BUDGET * 20)
    anomaly = fitted.score(batch).anomaly[:, 3_000:]
    share = float((anomaly > 1).sum() / (~np.isnan(anomaly)).sum())
    promised = BUDGET * 20 * STEP
    assert share <= 3 * promised, f"{share:.4f} of the samples are outside; {promised:.4f} were promised"


CHECKS: tuple[Check, ...] = tuple(check for name, check in sorted(globals().items()) if name.startswith("check_"))

_fitted: dict[Detector, FittedDetector] = {}  # one fit serves many checks; equal detectors are equal specs


def _fit(detector: Detector) -> FittedDetector:
    if detector not in _fitted:
        _fitted[detector] = detector.fit(synthetic().steps(0, FIT), alert_budget=BUDGET)
    return _fitted[detector]


def _with(batch: SeriesBatch, values: FloatArray) -> SeriesBatch:
    return replace(batch, values=values)


def _on_the_edge(fitted: FittedDetector, batch: SeriesBatch) -> FloatArray:
    """Values of which the last lies exactly on its bound, and its neighbours are untouched."""
    values = batch.values.copy()
    band = fitted.score(batch).band
    values[:, -1] = band.upper[:, -1]
    return np.where(batch.observed, values, np.nan)


def _steps(scores: Scores, begin: int, end: int) -> Scores:
    return _part(scores, np.s_[:, begin:end])


def _rows(scores: Scores, rows: list[int]) -> Scores:
    return _part(scores, rows)


def _part(scores: Scores, cut: Any) -> Scores:
    band = Band(scores.band.lower[cut], scores.band.expected[cut], scores.band.upper[cut])
    return Scores(scores.anomaly[cut], band, {})


def _equal(first: Scores, second: Scores, message: str) -> None:
    """Bit for bit."""
    for one, other in _pairs(first, second):
        assert np.array_equal(one, other, equal_nan=True), message


def _close(first: Scores, second: Scores, message: str) -> None:
    """To a small share of the width of the band."""
    width = first.band.upper - first.band.lower
    for one, other in list(_pairs(first, second))[1:]:
        far = np.nanmax(np.abs(one - other) / width, initial=0.0)
        assert far <= TOLERANCE, f"{message}: by {far:.3g} of the width of the band"


def _pairs(first: Scores, second: Scores) -> Iterator[tuple[FloatArray, FloatArray]]:
    yield first.anomaly, second.anomaly
    for name in ("lower", "expected", "upper"):
        yield getattr(first.band, name), getattr(second.band, name)

