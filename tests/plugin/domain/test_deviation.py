"""Each kind of deviation is named, at the end of its alarm and by what is known then; and none is
claimed too early."""

from collections.abc import Callable

import numpy as np
import pytest

from plugin.domain.deviation import DeviationKind, classify
from plugin.domain.past_behaviour import PastBehaviour
from plugin.series import FloatArray, IntArray, Samples

STEP = 60
DAY = 1440
START = 1_795_219_200  # 2026-11-21T00:00:00Z
BEGIN = 9 * 60  # minute of that day at which something happens
HALF = 100.0  # width of the band on either side
Change = Callable[[FloatArray, FloatArray], FloatArray]  # values and minutes since BEGIN -> values


def usual(times: IntArray) -> FloatArray:
    return np.asarray(1000 + 400 * np.sin(2 * np.pi * (times / 86_400 - 0.25)))


def noisy(times: IntArray, seed: int = 1) -> FloatArray:
    return usual(times) + 20 * np.random.default_rng(seed).normal(size=len(times))


def seen(change: Change, until: int) -> tuple[Samples, int, int, int]:
    """The samples up to so many minutes after BEGIN, and the first and last minute outside, and on
    which side."""
    times = START + STEP * np.arange(-6 * 60, BEGIN + until)
    minutes = (times - START) // STEP - BEGIN
    value = noisy(times, 2)
    expected = usual(times)
    value = np.where(minutes >= 0, change(value, minutes.astype(float)), value)
    outside = np.flatnonzero((np.abs(value - expected) > HALF) & (minutes >= 0))
    score = np.abs(value - expected) / HALF
    samples = Samples(
        times,
        value,
        expected,
        expected - HALF,
        expected + HALF,
        score,
        np.ones(len(times), np.int64),
    )
    side = (
        1
        if value[outside[np.argmax(score[outside])]] > expected[outside[np.argmax(score[outside])]]
        else -1
    )
    return samples, int(times[outside[0]]), int(times[outside[-1]]), side


def told(change: Change, until: int) -> DeviationKind:
    samples, start, end, side = seen(change, until)
    times = start + STEP * np.arange(-14 * DAY, 0)
    return classify(PastBehaviour.of(times, noisy(times)), samples, start, end, side)


def during(minutes: FloatArray, length: int) -> FloatArray:
    return ((minutes >= 0) & (minutes < length)).astype(float)


def moved(hours: int) -> Change:
    return lambda value, minutes: noisy(
        START + STEP * (minutes.astype(np.int64) + BEGIN) - 3600 * hours, 3
    )


KINDS: list[tuple[str, Change, int, DeviationKind]] = [
    ("one sample", lambda value, m: value + 500 * during(m, 1), 10, DeviationKind.SPIKE),
    ("one sample down", lambda value, m: value - 500 * during(m, 1), 10, DeviationKind.SPIKE),
    ("half an hour down", lambda value, m: value - 500 * during(m, 30), 40, DeviationKind.DIP),
    ("half an hour up", lambda value, m: value + 500 * during(m, 30), 40, DeviationKind.BUMP),
    ("down for good", lambda value, m: value - 500, 180, DeviationKind.LEVEL),
    ("down for good, early", lambda value, m: value - 500, 25, DeviationKind.LEVEL),
    ("up for four hours", lambda value, m: value + 500 * during(m, 240), 250, DeviationKind.LEVEL),
    (
        "up by 4 a minute",
        lambda value, m: value + 4 * np.maximum(m, 0) * during(m, 180),
        190,
        DeviationKind.RAMP,
    ),
    ("down by 4 a minute", lambda value, m: value - 4 * np.maximum(m, 0), 170, DeviationKind.RAMP),
    ("what belongs six hours earlier", moved(6), 240, DeviationKind.SHAPE),
    (
        "a rise that is missing",
        lambda value, m: 600 + (value - 600) * (1 - 0.7 * np.clip(m / 20, 0, 1)),
        240,
        DeviationKind.SHAPE,
    ),
    (
        "four times the noise",
        lambda value, m: value + 100 * np.random.default_rng(5).normal(size=len(m)),
        60,
        DeviationKind.NOISE,
    ),
]


@pytest.mark.parametrize(
    ("change", "until", "kind"), [each[1:] for each in KINDS], ids=[each[0] for each in KINDS]
)
def test_each_kind_is_named(change: Change, until: int, kind: DeviationKind) -> None:
    assert told(change, until) is kind


@pytest.mark.parametrize("until", [1, 2, 5, 12])
def test_at_first_nothing_is_claimed(until: int) -> None:
    assert told(lambda value, m: value - 500, until) is DeviationKind.OUTSIDE


def test_a_value_that_does_not_change() -> None:
    """It alarms because it has come again and again, not because it lies far out."""
    times = START + STEP * np.arange(-6 * 60, BEGIN)
    value = noisy(times)
    value[-30:] = value[-30]
    samples = Samples(
        times,
        value,
        usual(times),
        usual(times) - HALF,
        usual(times) + HALF,
        0 * value,
        np.ones(len(times), np.int64),
    )
    history = START - STEP * np.arange(14 * DAY, 0, -1)
    assert (
        classify(
            PastBehaviour.of(history, noisy(history)), samples, int(times[-8]), int(times[-1]), 1
        )
        is DeviationKind.FLAT
    )
    assert (
        classify(
            PastBehaviour.of(history, np.round(noisy(history) / 500)),
            samples,
            int(times[-8]),
            int(times[-1]),
            1,
        )
        is not DeviationKind.FLAT
    ), "a series of few values stands still often"


def test_gaps_and_little_history_claim_nothing_wrong() -> None:
    samples, start, end, side = seen(lambda value, m: value - 500, 180)
    samples.value[::7] = np.nan
    times = start + STEP * np.arange(-14 * DAY, 0)
    past = noisy(times)
    past[::5] = np.nan
    assert classify(PastBehaviour.of(times, past), samples, start, end, side) is DeviationKind.LEVEL
    assert PastBehaviour.of(times[-10:], past[-10:]) is None
    assert classify(None, samples, start, end, side) is DeviationKind.OUTSIDE
    assert (
        classify(PastBehaviour.of(times, past), samples, end + 99 * STEP, end + 99 * STEP, side)
        is DeviationKind.OUTSIDE
    )


def test_an_even_series_has_no_shape_to_lose() -> None:
    times = START + STEP * np.arange(-3 * DAY, 0)
    flat = PastBehaviour.of(times, 5 + np.random.default_rng(0).normal(size=len(times)))
    short = PastBehaviour.of(times[-DAY:], noisy(times[-DAY:]))
    assert flat is not None and not flat.rhythmic
    assert short is not None and not short.rhythmic, "one day is none"
    assert flat.at(times[:1])[0] == pytest.approx(5, abs=0.5)
