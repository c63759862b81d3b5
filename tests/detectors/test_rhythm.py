"""The width of time: by hand, and what one day may not widen."""

import numpy as np
import pytest

from detectors.api import FloatArray
from detectors.rhythm import (
    BEAT_POWER,
    BEAT_SECONDS,
    BEATS,
    MIN_BEAT_SAMPLES,
    Rhythm,
    fit_rhythm,
    rhythm_at,
)
from detectors.season import DAY
from detectors.votes import SLOTS
from tests.detectors.clocks import clock_of

DAYS = 8
STEP = 300


def _rhythm(
    sizes: FloatArray, known: bool = True, kept: int | None = None, least: float = 1e-3
) -> Rhythm:
    """Of |residual| of that size in each slot of each day [D, SLOTS]; all but `kept` samples of
    the first beat are missing."""
    times = np.arange(0, len(sizes) * DAY, STEP)
    there = np.ones((1, len(times)), bool)
    if kept is not None:
        there[0, np.flatnonzero(times % DAY < BEAT_SECONDS)[kept:]] = False
    row = sizes.reshape(1, -1)
    clock = clock_of(times, STEP)
    return fit_rhythm(row, row, there, clock, np.array([known]), np.array([least]))


def _beats(**heights: float) -> FloatArray:
    """[D, SLOTS] of beats of size 1, but for `beat_<number>`."""
    sizes = np.ones(BEATS)
    for name, height in heights.items():
        sizes[int(name.removeprefix("beat_"))] = height
    return np.tile(np.repeat(sizes, SLOTS // BEATS), (DAYS, 1))


def _at_middle(rhythm: Rhythm, beat: int) -> float:
    middle = clock_of(np.array([beat * BEAT_SECONDS + BEAT_SECONDS // 2]), STEP)
    return float(rhythm_at(rhythm, middle)[0, 0])


def test_a_rhythm_is_the_share_of_the_middle_and_not_wholly_believed() -> None:
    found = _rhythm(_beats(beat_3=2.0, beat_7=0.5))
    assert _at_middle(found, 3) == pytest.approx(2**BEAT_POWER, rel=0.02)
    assert _at_middle(found, 7) == pytest.approx(0.5**BEAT_POWER, rel=0.02)
    assert _at_middle(found, 0) == pytest.approx(1.0)


def test_a_rhythm_has_bounds() -> None:
    assert _at_middle(_rhythm(_beats(beat_1=1e-6)), 1) == pytest.approx(0.3**BEAT_POWER, rel=0.05)


def test_no_shape_of_the_day_or_no_noise_no_rhythm() -> None:
    assert (_rhythm(_beats(beat_3=9.0), known=False) == 1).all()
    assert (_rhythm(np.zeros((DAYS, SLOTS))) == 1).all()


def test_a_beat_with_few_samples_has_no_width_of_its_own() -> None:
    few, enough = (
        _at_middle(_rhythm(_beats(beat_0=2.0), kept=kept), 0)
        for kept in (MIN_BEAT_SAMPLES - 1, MIN_BEAT_SAMPLES)
    )
    assert few == pytest.approx(1.0) and enough == pytest.approx(2**BEAT_POWER, rel=0.02)


@pytest.mark.parametrize(("days", "wide"), [(1, False), (3, False), (6, True), (8, True)])
def test_a_slot_is_wide_only_if_most_days_agree(days: int, wide: bool) -> None:
    sizes = _beats()
    sizes[:days, 100:102] = 50.0
    found = _rhythm(sizes)[0]
    assert (found[100:102] > 20).tolist() == [wide] * 2
    assert (np.delete(found, [100, 101]) < 2).all(), "its own time only"


def test_an_incident_of_hours_on_one_day_widens_nothing() -> None:
    sizes = np.abs(np.random.default_rng(0).normal(size=(6, SLOTS)))
    sizes[1, 50:110] = 100.0
    assert (_rhythm(sizes)[0] < 3).all()


def test_what_happens_alone_at_night_is_normal_at_night() -> None:
    rng = np.random.default_rng(1)
    sizes = 0.1 * np.abs(rng.normal(size=(DAYS, SLOTS)))
    for day in range(DAYS):
        sizes[day, rng.integers(12, 60, 3)] = 5.0
    found = _rhythm(sizes, least=0.1)[0]
    assert (found[12:60] > 20).all() and (found[120:240] < 3).all()


def test_a_heavy_tail_all_day_is_no_rhythm() -> None:
    sizes = np.abs(np.random.default_rng(2).standard_t(3, (14, SLOTS)))
    assert (_rhythm(sizes)[0] > 3).mean() < 0.01
