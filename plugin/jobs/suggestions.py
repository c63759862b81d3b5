"""Which setting would have spared a noisy series most of its alarms. Each one is tried on the
stored samples. Pure.

A policy moves the band, so the stored samples are judged again, with the moved band, and their
alarms are counted again. Only `alert_budget` would need another fit: its band is estimated with the
tail shape by which detectors adapt their limits to a budget.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.api import Band
from detectors.tails import sample_probability, tail_stretch
from plugin.config import Watch, format_budget
from plugin.domain.alarms import Alarm, OpenAlarms
from plugin.domain.budget import Suggestion
from plugin.domain.times import DAY
from plugin.jobs.policies import judge_values
from plugin.series import FloatArray, Samples, Tick

MIN_ALARMS = 3  # fewer do not repeat themselves
MIN_REMOVED_SHARE = 2 / 3  # of the alarms
ALARMS_PER_WORST = 10  # one in so many, the worst, stays if no alarm was marked as real
PERSISTENCES = ((2, 3), (3, 5), (4, 6))
# Alarms per second, each rarer than the one before.
BUDGETS = (1 / (14 * DAY), 1 / (30 * DAY), 1 / (90 * DAY))
MAX_RELATIVE_DEVIATION = 10.0
SAMPLE_COST = 0.1  # waiting for one more sample costs as much as a band wider by this share
ONE_SIDE_COST = math.inf  # giving up one side: only where nothing else helps


@dataclass(frozen=True)
class Candidate:
    """A setting to try."""

    setting: str
    watch: Watch  # with that setting
    stretch: float = 1.0  # of the half-widths; 1 = the policies alone move the band

    def judge(self, value: FloatArray, band: Band) -> tuple[FloatArray, Band]:
        """Scores and bands [T] that there would have been."""
        lower = band.lower
        expected = band.expected
        upper = band.upper
        if self.stretch != 1:
            lower = expected - self.stretch * (expected - lower)
            upper = expected + self.stretch * (upper - expected)
        wide = Band(lower[None], expected[None], upper[None])
        score, judged_band = judge_values(value[None], wide, self.watch)
        return score[0], Band(judged_band.lower[0], judged_band.expected[0], judged_band.upper[0])


def best_suggestion(
    watch: Watch, samples: Samples, real: Sequence[Alarm], elsewhere: Sequence[Alarm]
) -> Suggestion | None:
    """The mildest setting that spares at least two thirds of the alarms and keeps those that
    matter.

    real: alarms of the series that someone has marked as real: they stay. Without any, the worst
    tenth stays. elsewhere: such alarms of the other series of the watch, for which the setting
    would hold, too: their peaks stay outside. None where nothing helps, or where fewer than three
    alarms are noise.
    """
    band = Band(samples.lower, samples.expected, samples.upper)
    value = samples.value
    old_alarms = episodes(watch, samples.times, value, band, samples.score)
    noise = [alarm for alarm in old_alarms if not _touches(alarm, real)]
    if len(noise) < MIN_ALARMS:
        return None
    real_alarms = [alarm for alarm in old_alarms if _touches(alarm, real)]
    worst = sorted(noise, key=lambda alarm: -alarm.peak_score)[
        : max(1, len(noise) // ALARMS_PER_WORST)
    ]
    best: tuple[float, Suggestion] | None = None
    for candidate in _candidates(watch, samples, noise):
        score, new_band = candidate.judge(value, band)
        cost = _cost(watch, candidate, band, new_band)
        if best is not None and cost >= best[0]:
            continue
        alarms = episodes(candidate.watch, samples.times, value, new_band, score)
        removed = len(noise) - sum(not _touches(alarm, real) for alarm in alarms)
        if (
            removed >= MIN_REMOVED_SHARE * len(noise)
            and all(_touches(alarm, alarms) for alarm in real_alarms or worst)
            and _stay(candidate, elsewhere)
        ):
            best = (
                cost,
                Suggestion(
                    candidate.setting, removed, len(noise), len(real_alarms), candidate.stretch == 1
                ),
            )
    return best[1] if best is not None else None


def episodes(
    watch: Watch, times: np.ndarray, value: FloatArray, band: Band, score: FloatArray
) -> list[Alarm]:
    """The alarms of one series, as the score job would have counted them; all arrays [T]."""
    k, n = watch.persistence
    scored = np.flatnonzero(~np.isnan(score))
    is_near = score[scored] > 1
    # Of all samples, only those that the last n scores of an alarm can hold matter, and the last.
    for distance in range(1, n):
        is_near[distance:] |= score[scored][:-distance] > 1
    is_near[-1:] |= is_near.any()
    positions = scored[is_near]
    if not len(positions):
        return []
    tick = Tick(
        watch.name,
        np.zeros(1, np.int64),
        times[positions],
        value[None, positions],
        band.expected[None, positions],
        band.lower[None, positions],
        band.upper[None, positions],
        score[None, positions],
        np.ones(1, np.int64),
    )
    return OpenAlarms(watch.step, watch.persistence, 0, {}).after(
        [tick], lambda ids: np.full((len(ids), n), np.nan)
    )[0]


def _candidates(watch: Watch, samples: Samples, noise: Sequence[Alarm]) -> Iterator[Candidate]:
    """All settings that may be tried."""
    for k, n in PERSISTENCES:
        if k > watch.persistence[0]:
            yield _candidate(watch, "persistence", (k, n), f"{k} of {n}")
    distance = np.abs(samples.value - samples.expected)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = distance / np.abs(samples.expected)
    for name, measure, limit in (
        ("min_deviation", distance, math.inf),
        ("min_relative_deviation", relative, MAX_RELATIVE_DEVIATION),
    ):
        least = _least(samples, measure, noise)
        if getattr(watch, name) < least <= limit:
            yield _candidate(watch, name, least, f"{least:.15g}")
    for budget in BUDGETS:
        if budget < watch.alert_budget:
            stretch = _stretch(budget, watch.step) / _stretch(watch.alert_budget, watch.step)
            yield Candidate(f"alert_budget: {format_budget(budget)}", watch, stretch)
    for direction in ("above", "below") if watch.direction == "both" else ():
        yield _candidate(watch, "direction", direction, direction)


def _candidate(watch: Watch, name: str, value: object, text: str) -> Candidate:
    return Candidate(f"{name}: {text}", watch.model_copy(update={name: value}))


def _stretch(budget: float, step: int) -> float:
    """What a limit is carried by to a budget, the slowest of those that a band has."""
    return float(tail_stretch(sample_probability(budget, step), step))


def _least(samples: Samples, measure: FloatArray, noise: Sequence[Alarm]) -> float:
    """What the measure of two thirds of the alarms does not exceed, rounded up to two digits; inf =
    no number does."""
    peaks = []
    for alarm in noise:
        first, end = np.searchsorted(samples.times, [alarm.start, alarm.end + 1])
        is_outside = samples.score[first:end] > 1
        peaks.append(float(measure[first:end][is_outside].max()))
    least = sorted(peaks)[math.ceil(MIN_REMOVED_SHARE * len(peaks)) - 1]
    if not 0 < least < math.inf:
        return math.inf
    digits = 1 - math.floor(math.log10(least))
    tens = float(10.0**digits)
    return math.ceil(round(least * tens, 9)) / tens


def _cost(watch: Watch, candidate: Candidate, old_band: Band, new_band: Band) -> float:
    """By what share a setting widens the band; ONE_SIDE_COST where it gives up one side."""
    if candidate.watch.direction != watch.direction:
        return ONE_SIDE_COST
    with np.errstate(invalid="ignore", divide="ignore"):
        sides = np.concatenate(
            [
                (new_band.upper - new_band.expected) / (old_band.upper - old_band.expected),
                (new_band.expected - new_band.lower) / (old_band.expected - old_band.lower),
            ]
        )
    ratios = sides[np.isfinite(sides)]
    wider = float(ratios.mean()) - 1 if len(ratios) else 0.0
    return wider + SAMPLE_COST * (candidate.watch.persistence[0] - watch.persistence[0])


def _stay(candidate: Candidate, alarms: Sequence[Alarm]) -> bool:
    """Whether alarms of other series would still be alarms: their peak is outside, and they are
    long enough."""
    if not alarms:
        return True
    peaks: Mapping[str, FloatArray] = {
        name: np.array([getattr(alarm, f"peak_{name}") for alarm in alarms])
        for name in ("value", "lower", "expected", "upper")
    }
    score, _ = candidate.judge(
        peaks["value"], Band(peaks["lower"], peaks["expected"], peaks["upper"])
    )
    long_enough = [alarm.samples >= candidate.watch.persistence[0] for alarm in alarms]
    return bool((score > 1).all()) and all(long_enough)


def _touches(alarm: Alarm, alarms: Sequence[Alarm]) -> bool:
    return any(alarm.start <= other.end and other.start <= alarm.end for other in alarms)
