"""The contract as tests for any detector: `for name, check in yield_checks(Mine()): check()`.

A check raises AssertionError if the contract is broken. It uses small series and takes seconds.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from detectors.api import Arrays, Detector, FittedDetector, FloatArray, NotEnoughData, SeriesBatch
from detectors.check_scores import assert_close, assert_equal, slice_rows, slice_steps
from detectors.check_series import ALL_SAMPLES, FIT_SAMPLES, STEP, odd_series, synthetic

ALERT_BUDGET = 1 / 86_400  # one alarm a day
PIECE_STEPS = (1, 2, 3, 7, 16, 17, 33, 1, 250, 1, 8, 9, 600, 1)

Check = Callable[[Detector], None]


def yield_checks(detector: Detector) -> Iterator[tuple[str, Callable[[], None]]]:
    """All checks by name; each stands alone."""
    for check in CHECKS:
        yield check.__name__.removeprefix("check_"), partial(check, detector)


def check_shapes_and_leading_axis(detector: Detector) -> None:
    batch = synthetic()
    fitted = _fit(detector)
    scores = fitted.score(batch)
    for name, array in {**fitted.state, **scores.carry}.items():
        assert array.shape[:1] == (3,), f"`{name}` has no leading axis S: {array.shape}"
    for array in (scores.anomaly, scores.band.lower, scores.band.expected, scores.band.upper):
        assert array.shape == batch.shape and array.dtype == np.float64
    assert fitted.loss.shape == (3,)
    forecast = fitted.forecast(batch, 12)
    assert forecast.expected.shape == (3, 12) and np.isfinite(forecast.upper - forecast.lower).all()


def check_recent_bands(detector: Detector) -> None:
    """They are the bands of the last columns of the fit, as a `score` that is warm makes them."""
    fitted = _fit(detector)
    assert hasattr(fitted, "recent_bands"), (
        "a fitted detector must have the property `recent_bands`: the bands of the last columns of"
        " its fit, or None"
    )
    assert hasattr(detector.restore(fitted.state), "recent_bands"), (
        "a restored detector must have the property `recent_bands`, too: None"
    )
    band = fitted.recent_bands
    if band is None:
        return
    shapes = {array.shape for array in (band.lower, band.expected, band.upper)}
    length = band.expected.shape[-1]
    assert shapes == {(3, length)} and 0 < length <= FIT_SAMPLES, (
        f"`recent_bands` must be bands [3, N] of the last N of {FIT_SAMPLES} columns: got "
        f"{sorted(shapes)}"
    )
    scores = fitted.score(synthetic().steps(FIT_SAMPLES - length, FIT_SAMPLES))
    fit_scores = replace(scores, band=band)
    warm, warm_fit = (
        slice_steps(each, min(detector.warm_up, length - 1), length)
        for each in (scores, fit_scores)
    )
    assert_close(warm, warm_fit, "`recent_bands` differ from those of a score")


def check_score_above_one_exactly_outside(detector: Detector) -> None:
    batch = synthetic()
    fitted = _fit(detector)
    values = batch.values.copy()
    values[:, 1_700:1_720] *= 3
    for shaken in (values, _on_the_edge(fitted, batch)):
        scores = fitted.score(_with(batch, shaken))
        has_score = ~np.isnan(scores.anomaly)
        is_outside = (shaken < scores.band.lower) | (shaken > scores.band.upper)
        assert ((scores.anomaly > 1) == is_outside)[has_score].all(), (
            "score > 1 and outside the band disagree"
        )
        assert (scores.anomaly[has_score] >= 0).all()
    assert (scores.band.lower <= scores.band.expected).all() and (
        scores.band.expected <= scores.band.upper
    ).all()


def check_gaps_have_no_score_and_a_band(detector: Detector) -> None:
    batch = synthetic()
    scores = _fit(detector).score(batch)
    settled = slice(detector.warm_up, None)
    assert np.isnan(scores.anomaly[~batch.observed]).all(), "a score where there is no sample"
    assert not np.isnan(scores.anomaly[:, settled][batch.observed[:, settled]]).any(), (
        "a sample without a score"
    )
    assert np.isfinite(scores.band.expected[:, settled]).all(), "no band in a gap"
    filled = _with(batch, np.where(batch.observed, batch.values, 1e9))
    assert_equal(scores, _fit(detector).score(filled), "what stands in a gap was read")


def check_future_never_changes_a_score(detector: Detector) -> None:
    batch = synthetic()
    fitted = _fit(detector)
    changed = batch.values.copy()
    changed[:, 1_800:] *= -5
    scores = fitted.score(batch)
    changed_scores = fitted.score(_with(batch, changed))
    assert_equal(
        slice_steps(scores, 0, 1_800),
        slice_steps(changed_scores, 0, 1_800),
        "the future changed the past",
    )
    for left, right in (
        (scores.band.expected, changed_scores.band.expected),
        (scores.band.upper, changed_scores.band.upper),
    ):
        assert np.array_equal(left[:, 1_800], right[:, 1_800]), "a band saw its own sample"


def check_pieces_equal_the_whole(detector: Detector) -> None:
    batch = synthetic()
    fitted = _fit(detector)
    pieces_equal_the_whole(fitted, batch)
    # Another shape, so maybe another kernel.
    alone = {name: array[1:2] for name, array in fitted.state.items()}
    pieces_equal_the_whole(detector.restore(alone), batch.rows(np.array([1])))


def pieces_equal_the_whole(fitted: FittedDetector, batch: SeriesBatch) -> None:
    """Bit for bit, for pieces of many lengths that begin anywhere; the last is the rest."""
    whole = fitted.score(batch)
    carry: Arrays | None = None
    ends = np.minimum(np.cumsum(PIECE_STEPS), batch.shape[1]).tolist()
    for start, end in zip([0, *ends], [*ends, batch.shape[1]], strict=True):
        piece = fitted.score(batch.steps(start, end), carry)
        assert_equal(
            slice_steps(whole, start, end),
            piece,
            f"columns {start} to {end} differ when scored apart",
        )
        carry = piece.carry
    for name, array in whole.carry.items():
        assert carry is not None and np.array_equal(array, carry[name]), f"carry `{name}` differs"


def check_company_does_not_matter(detector: Detector) -> None:
    batch = synthetic()
    row = batch.rows(np.array([1]))
    alone = detector.fit(row.steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET)
    scores = slice_rows(_fit(detector).score(batch), [1])
    assert_close(scores, alone.score(row), "fit in company != fit alone")


def check_same_data_same_result(detector: Detector) -> None:
    batch = synthetic().steps(0, FIT_SAMPLES)
    first = _fit(detector).state
    second = detector.fit(batch, alert_budget=ALERT_BUDGET).state
    for name in first:
        assert np.array_equal(first[name], second[name]), (
            f"`{name}` differs between two fits of the same data"
        )


def check_restored_equals_fitted(detector: Detector) -> None:
    batch = synthetic()
    fitted = _fit(detector)
    restored = detector.restore(fitted.state)
    assert_equal(fitted.score(batch), restored.score(batch), "restored scores differ")
    assert np.array_equal(fitted.loss, restored.loss)


def check_rows_regroup(detector: Detector) -> None:
    batch = synthetic()
    fitted = _fit(detector)
    order = np.array([2, 0])
    carry = fitted.score(batch.steps(0, FIT_SAMPLES)).carry
    part = detector.restore({name: array[order] for name, array in fitted.state.items()})
    whole = fitted.score(batch.steps(FIT_SAMPLES, ALL_SAMPLES), carry)
    part_scores = part.score(
        batch.rows(order).steps(FIT_SAMPLES, ALL_SAMPLES),
        {name: array[order] for name, array in carry.items()},
    )
    assert_close(
        slice_rows(whole, [2, 0]), part_scores, "rows [2, 0] of a stack differ from rows 2 and 0"
    )


def check_saved_and_loaded(detector: Detector) -> None:
    from safetensors.numpy import load, save

    batch = synthetic()
    fitted = _fit(detector)
    loaded = load(save({name: np.ascontiguousarray(array) for name, array in fitted.state.items()}))
    again = detector.restore(loaded).score(batch)
    assert_equal(fitted.score(batch), again, "scores differ after saving and loading")


def check_prior_is_taken(detector: Detector) -> None:
    batch = synthetic()
    again = detector.fit(
        batch.steps(0, FIT_SAMPLES), _fit(detector).state, alert_budget=ALERT_BUDGET
    )
    assert np.isfinite(again.score(batch).band.expected[:, detector.warm_up :]).all()
    assert (again.loss < 1.5 * _fit(detector).loss).all(), (
        "a refit from its own weights is much worse"
    )


def check_odd_series_have_finite_bands(detector: Detector) -> None:
    batch = odd_series()
    scores = detector.fit(batch.steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET).score(batch)
    settled = slice(detector.warm_up, None)
    for bound in (scores.band.lower, scores.band.expected, scores.band.upper):
        assert np.isfinite(bound[:, settled]).all(), "a band that is not finite"
    assert (scores.band.lower < scores.band.upper)[:, settled].all(), "a band without width"
    assert not (scores.anomaly[:2, settled] > 1).any(), "a flat line is outside its band"


def check_too_little_history_names_the_rows(detector: Detector) -> None:
    batch = synthetic().steps(0, FIT_SAMPLES)
    observed = batch.observed.copy()
    observed[1] = False
    bad = replace(batch, observed=observed)
    try:
        detector.fit(bad, alert_budget=ALERT_BUDGET)
    except NotEnoughData as error:
        assert error.rows == (1,), f"NotEnoughData names rows {error.rows}, not (1,)"
    else:
        raise AssertionError("a series without a sample was fitted")


def check_inputs_stay_as_they_were(detector: Detector) -> None:
    batch = synthetic()
    of_columns = (batch.utc_offset, batch.holiday)
    arrays = (batch.values, batch.observed, batch.usable, batch.covariates, *of_columns)
    for array in arrays:
        array.setflags(write=False)
    fitted = detector.fit(batch.steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET)
    carry = fitted.score(batch.steps(0, FIT_SAMPLES)).carry
    carry_copy = {name: array.copy() for name, array in carry.items()}
    state_copy = {name: array.copy() for name, array in fitted.state.items()}
    fitted.score(batch.steps(FIT_SAMPLES, ALL_SAMPLES), carry)
    for name, array in carry_copy.items():
        assert np.array_equal(array, carry[name]), "score changed the carry it was given"
    for name, array in state_copy.items():
        assert np.array_equal(array, fitted.state[name]), "score changed the state"


def check_local_time_is_used(detector: Detector) -> None:
    """A day that moves with the clocks: with the offset of the zone it is the same day."""
    batch = synthetic()
    offset = np.full(ALL_SAMPLES, 3_600 * 5, np.int64)
    moved = replace(batch, start=batch.start - 3_600 * 5, utc_offset=offset)
    fitted = detector.fit(moved.steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET)
    assert_close(
        _fit(detector).score(batch),
        fitted.score(moved),
        "local time is not what the calendar reads",
    )


def check_alarms_keep_the_promise(detector: Detector) -> None:
    """On quiet noise no more than three times the promised share of samples leaves the band."""
    batch = synthetic(rows=4, steps=6_000)
    fitted = detector.fit(batch.steps(0, 3_000), alert_budget=ALERT_BUDGET * 20)
    anomaly = fitted.score(batch).anomaly[:, 3_000:]
    share = float((anomaly > 1).sum() / (~np.isnan(anomaly)).sum())
    promised = ALERT_BUDGET * 20 * STEP
    assert share <= 3 * promised, (
        f"{share:.4f} of the samples are outside; {promised:.4f} were promised"
    )


CHECKS: tuple[Check, ...] = tuple(
    check for name, check in sorted(globals().items()) if name.startswith("check_")
)

# One fit serves many checks: equal detectors are equal specs.
_fitted: dict[Detector, FittedDetector] = {}


def _fit(detector: Detector) -> FittedDetector:
    if detector not in _fitted:
        _fitted[detector] = detector.fit(
            synthetic().steps(0, FIT_SAMPLES), alert_budget=ALERT_BUDGET
        )
    return _fitted[detector]


def _with(batch: SeriesBatch, values: FloatArray) -> SeriesBatch:
    return replace(batch, values=values)


def _on_the_edge(fitted: FittedDetector, batch: SeriesBatch) -> FloatArray:
    """Values of which the last lies exactly on its bound, and its neighbours are untouched."""
    values = batch.values.copy()
    band = fitted.score(batch).band
    values[:, -1] = band.upper[:, -1]
    return np.where(batch.observed, values, np.nan)
