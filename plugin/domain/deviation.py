"""What kind of deviation an alarm is: from its samples, from what came before, and from what is
usual at that hour. Pure.

Everything is measured against the usual day: the median of the last days at that time of the day,
shifted to where the series was in the hour before. docs/explanations.md says what each kind means.
Where no kind fits, the answer is only that the series is outside its band.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from plugin.domain.past_behaviour import MIN_FLAT_SAMPLES, ROUGHNESS_QUANTILE, PastBehaviour, smooth
from plugin.domain.times import HOUR, MINUTE
from plugin.series import BoolArray, FloatArray, IntArray, Samples

BASELINE_SECONDS = HOUR  # before the onset: the usual day is shifted to these samples
MAX_SPIKE_SAMPLES = 3  # samples outside
MAX_BRIEF_SECONDS = HOUR  # an excursion that is over by then is a dip or a bump
MIN_LEVEL_SAMPLES = 15  # samples since the onset that show a level
MAX_EDGE_SECONDS = 5 * MINUTE  # in which a level shifts
ONSET_FRACTION = 0.25  # of the half-width: an excursion starts where it is farther away than this
RETURN_FRACTION = 0.5  # of its size: an excursion is over when less than this remains
# By which a day may be shifted, both ways: 1 to 12 hours.
LAG_SECONDS = 15 * MINUTE * np.arange(4, 49)


class DeviationKind(StrEnum):
    """In which way the samples of an alarm are not as usual."""

    SPIKE = "spike"  # a few samples, then back
    DIP = "dip"  # below for up to an hour, then back
    BUMP = "bump"  # above for up to an hour, then back
    LEVEL = "level"  # a sudden and constant distance
    RAMP = "ramp"  # a growing distance
    # The samples of another hour, or a daily rise or fall that is smaller than usual.
    SHAPE = "shape"
    FLAT = "flat"  # the same value again and again
    NOISE = "noise"  # more spread on both sides
    OUTSIDE = "outside"  # outside the band: nothing more can be said


@dataclass(frozen=True)
class _AlarmSamples:
    """All known samples around an alarm, and where it is among them."""

    times: IntArray  # [T]
    value: FloatArray  # [T]
    onset: int  # position of the first sample of the excursion
    first: int  # position of the first sample outside
    last: int  # position of the last sample outside
    direction: int  # 1 = above the band, -1 = below


def classify(
    behaviour: PastBehaviour | None, samples: Samples, start: int, end: int, direction: int
) -> DeviationKind:
    """The kind of the alarm from `start` to `end`: unix seconds of its first and last sample
    outside.

    samples: some hours before it, up to now. direction: 1 = above the band, -1 = below.
    """
    has_value = ~np.isnan(samples.value)
    times = samples.times[has_value]
    value = samples.value[has_value]
    first, last = np.searchsorted(times, [start, end])
    if behaviour is None or last >= len(times):
        return DeviationKind.OUTSIDE
    if _is_flat(value, first, last, behaviour):
        return DeviationKind.FLAT
    onset = _onset(samples, has_value, first, direction)
    return _Excursion.of(behaviour, _AlarmSamples(times, value, onset, first, last, direction)).kind


@dataclass(frozen=True)
class _Excursion:
    """The samples from where a series left its usual values to where it came back, or to now."""

    past: PastBehaviour
    direction: int
    times: IntArray  # [T]
    value: FloatArray  # [T]
    usual: FloatArray  # [T] the usual day, shifted to where the series was before
    samples_outside: int  # of the alarm, first to last
    over: bool  # it has come back
    edge_seconds: int  # from near the usual value to near the full size
    both_sides: bool  # the samples around it are far out on both sides

    @classmethod
    def of(cls, behaviour: PastBehaviour, alarm: _AlarmSamples) -> "_Excursion":
        """The excursion that an alarm belongs to."""
        times = alarm.times
        value = alarm.value
        first = alarm.first
        last = alarm.last
        onset_time = times[alarm.onset]
        baseline = (times >= onset_time - BASELINE_SECONDS) & (times < onset_time)
        shift = (
            float(np.median(value[baseline] - behaviour.at(times[baseline])))
            if baseline.any()
            else 0.0
        )
        usual_value = behaviour.at(times) + shift
        distance = alarm.direction * (value - usual_value)
        size = float(np.median(distance[first : last + 1]))
        smoothed = smooth(distance, 2)
        returns = np.flatnonzero(
            ~(smoothed[last + 1 :] > max(2.5 * behaviour.noise, RETURN_FRACTION * size))
        )
        end = last + 1 + int(returns[0]) if len(returns) else len(times)
        low = np.flatnonzero(smoothed[: first + 1] < 0.2 * size)
        foot = int(low[-1]) if len(low) else 0
        top = foot + int(np.argmax(smoothed[foot:end] >= 0.8 * size))
        part = slice(min(alarm.onset, foot + 1), end)
        return cls(
            past=behaviour,
            direction=alarm.direction,
            times=times[part],
            value=value[part],
            usual=usual_value[part],
            samples_outside=last - first + 1,
            over=bool(len(returns)),
            edge_seconds=int(times[top] - times[foot]),
            both_sides=_far_on_both_sides(behaviour, value, usual_value, last),
        )

    @property
    def kind(self) -> DeviationKind:
        seconds = int(self.times[-1] - self.times[0])
        if self.both_sides:
            return DeviationKind.NOISE
        if (
            self.over
            and self.samples_outside <= MAX_SPIKE_SAMPLES
            and len(self.times) <= MAX_SPIKE_SAMPLES + 2
        ):
            return DeviationKind.SPIKE
        if self.over and seconds <= MAX_BRIEF_SECONDS:
            return DeviationKind.BUMP if self.direction > 0 else DeviationKind.DIP
        if seconds <= MAX_BRIEF_SECONDS:
            return DeviationKind.LEVEL if self._is_level else DeviationKind.OUTSIDE
        return self._long_kind

    @property
    def _is_level(self) -> bool:
        """Whether it moved at once to a level that has been constant since."""
        return (
            len(self.times) >= MIN_LEVEL_SAMPLES
            and self.edge_seconds <= MAX_EDGE_SECONDS
            and self._errors["level"] < 0.2 * self._size
        )

    @property
    def _size(self) -> float:
        return abs(float(np.median(self.value - self.usual)))

    @property
    def _long_kind(self) -> DeviationKind:
        errors = self._errors
        shape = min(errors["lagged"], errors["smaller"]) if self.past.rhythmic else np.inf
        is_abrupt = self.edge_seconds <= MAX_EDGE_SECONDS
        gradual = self.edge_seconds > max(
            4 * MAX_EDGE_SECONDS, (self.times[-1] - self.times[0]) / 5
        )
        # A shape may be a little better than a ramp by chance: its curve can bend.
        if gradual and errors["ramp"] < min(0.75 * errors["level"], 1.6 * shape):
            return DeviationKind.RAMP
        if shape < 0.75 * errors["level"] or (not is_abrupt and shape < 1.1 * errors["level"]):
            return DeviationKind.SHAPE
        return DeviationKind.LEVEL if is_abrupt else DeviationKind.OUTSIDE

    @property
    def _errors(self) -> dict[str, float]:
        """Mean distance of the samples from the best curve of each kind; every kind has one free
        parameter."""
        distance = self.value - self.usual
        ramp = np.arange(1, len(distance) + 1) / len(distance)
        extreme = self._shifted(np.quantile(self.past.day, 0.1 if self.direction < 0 else 0.9))
        lagged = [
            np.abs(self.value - self._shifted(self.past.at(self.times - lag))).mean()
            for lag in np.concatenate([-LAG_SECONDS, LAG_SECONDS])
        ]
        return {
            "level": float(np.abs(distance - np.median(distance)).mean()),
            "ramp": _fit_error(distance, ramp),
            "smaller": _fit_error(distance, self.usual - extreme),
            "lagged": float(min(lagged)),
        }

    def _shifted(self, usual_value: FloatArray | float) -> FloatArray:
        """A part of the usual day, with the shift that `usual` of this excursion has."""
        return np.asarray(usual_value + (self.usual[0] - self.past.at(self.times[:1])[0]))


def _far_on_both_sides(
    behaviour: PastBehaviour, value: FloatArray, usual_value: FloatArray, last: int
) -> bool:
    """Whether the samples since half an hour before `last` spread far on both sides."""
    around = slice(max(0, last - 30), None)
    distance = (value - usual_value)[around] / behaviour.noise
    roughness = float(np.quantile(np.abs(value - smooth(value, 2))[around], ROUGHNESS_QUANTILE))
    fraction = min((distance > 2.5).mean(), (distance < -2.5).mean())
    return bool(fraction >= 0.05 and roughness >= 2 * behaviour.roughness)


def _fit_error(distance: FloatArray, curve: FloatArray) -> float:
    """Mean distance from the multiple of a curve that fits best."""
    square = float(curve @ curve)
    factor = float(distance @ curve) / square if square else 0.0
    return float(np.abs(distance - factor * curve).mean())


def _onset(samples: Samples, has_value: BoolArray, first: int, direction: int) -> int:
    """Position of the sample with which the excursion started: back from the alarm to where the
    series was near the middle of its band."""
    width = samples.upper - samples.lower
    half_width = np.where(np.isfinite(width), width / 2, np.nan)[has_value]
    earlier = half_width[max(0, first - 180) : first]
    usual_width = float(np.nanmedian(earlier)) if (~np.isnan(earlier)).any() else np.inf
    distance = smooth(direction * (samples.value - samples.expected)[has_value], 2)[:first]
    near_positions = np.flatnonzero(~(distance > ONSET_FRACTION * usual_width))
    return int(near_positions[-1]) + 1 if len(near_positions) else 0


def _is_flat(value: FloatArray, first: int, last: int, behaviour: PastBehaviour) -> bool:
    """Whether the value was already constant when the alarm started, and has been since."""
    changes = np.flatnonzero(value[:first] != value[first])
    flat_samples = first - (int(changes[-1]) if len(changes) else -1)
    return (
        flat_samples >= max(MIN_FLAT_SAMPLES, 2 * behaviour.flat_samples)
        and float((value[first : last + 1] == value[first]).mean()) >= 0.8
    )
