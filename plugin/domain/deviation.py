"""What kind of deviation an alarm is: told from its samples, what came before, and what is usual at
that hour. Pure.

Everything is measured against the usual day: the median of the last days at that time of the day,
moved to where the series lay in the hour before. docs/explanations.md says what each kind means;
where none fits, none is claimed.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from plugin.series import BoolArray, FloatArray, IntArray, Samples

DAY = 86_400
BIN = 600  # seconds of the day whose samples are usual together
NEAR = 3600  # before the onset, by which the usual day is moved to where the series lay
FEW = 3  # samples outside that are a spike
BRIEF = 3600  # seconds; an excursion that is over by then is a dip or a bump
STABLE = 15  # samples outside that are enough for a level that stands still
RUN = 10  # samples of one value that are a value that does not change
SHARE = 0.25  # of the half-width: an excursion begins where it left that
BACK = 0.5  # of its size: an excursion is over when it is back by so much
ABRUPT = 300  # seconds in which a level shifts
ROUGH = (
    0.75  # quantile of those distances: noise is told when it has filled a quarter of half an hour
)
LAGS = 900 * np.arange(4, 49)  # seconds, both ways, by which a day may be moved: 1 to 12 hours


class DeviationKind(StrEnum):
    """What spoke."""

    SPIKE = "spike"  # a few samples, then back
    DIP = "dip"  # below for up to an hour, then back
    BUMP = "bump"  # above for up to an hour, then back
    LEVEL = "level"  # at once and since then apart by about the same
    RAMP = "ramp"  # apart by more and more
    SHAPE = (
        "shape"  # what belongs to another hour, or a daily rise or fall that is smaller than usual
    )
    FLAT = "flat"  # the same value again and again
    NOISE = "noise"  # the spread has grown on both sides
    OUTSIDE = "outside"  # outside its band: no more can be said


@dataclass(frozen=True)
class PastBehaviour:
    """What a series was like before an alarm."""

    begin: int  # unix seconds of the first sample known
    end: int  # of the last one
    day: FloatArray  # [BINS] median at that time of the day, UTC
    noise: float  # spread of the samples around their neighbours
    rough: float  # a large distance of a sample from the four beside it
    run: float  # so many samples of one value in a row are usual, at most
    lows: tuple[IntArray, FloatArray]  # times and values of the samples below all that came later
    highs: tuple[IntArray, FloatArray]

    @classmethod
    def of(cls, times: IntArray, values: FloatArray) -> "PastBehaviour | None":
        """times [T] unix seconds, values [T] of what is stored before the alarm, NaN = none; None
        where too little."""
        known = ~np.isnan(values)
        times = times[known]
        values = values[known]
        if len(times) < 2 * RUN:
            return None
        lately = values[-DAY // max(1, int(np.median(np.diff(times)))) :]
        noise = max(
            1.4826 * float(np.median(np.abs(lately - _smooth(lately, 15)))),
            1e-9 * float(np.abs(lately).max()),
            1e-300,
        )
        rough = max(float(np.quantile(np.abs(lately - _smooth(lately, 2)), ROUGH)), 0.1 * noise)
        return cls(
            int(times[0]),
            int(times[-1]),
            _usual_day(times, values),
            noise,
            rough,
            _usual_run(values),
            _records(times, values),
            _records(times, -values),
        )

    def at(self, times: IntArray | FloatArray) -> FloatArray:
        """What is usual at these times, the median of the day where that time of the day is not
        known."""
        place = (np.asarray(times, float) % DAY) / DAY * len(self.day) - 0.5
        low = np.floor(place).astype(np.int64)
        share = place - low
        return (1 - share) * self.day[low % len(self.day)] + share * self.day[
            (low + 1) % len(self.day)
        ]

    @property
    def swing(self) -> float:
        """From the lows of the usual day to its highs."""
        return float(np.quantile(self.day, 0.95) - np.quantile(self.day, 0.05))

    @property
    def rhythmic(self) -> bool:
        """Whether the hour matters at all."""
        return self.end - self.begin >= 2 * DAY and self.swing > 4 * self.noise


def kind_of(
    past: PastBehaviour | None, samples: Samples, start: int, end: int, direction: int
) -> DeviationKind:
    """What the alarm from `start` to `end` (unix seconds, its samples outside so far) is.

    samples: some hours before it, up to now. direction: 1 = above the band, -1 = below.
    """
    known = ~np.isnan(samples.value)
    times = samples.times[known]
    value = samples.value[known]
    first, last = np.searchsorted(times, [start, end])
    if past is None or last >= len(times):
        return DeviationKind.OUTSIDE
    if _stuck(value, first, last, past):
        return DeviationKind.FLAT
    seen = _Excursion.of(
        past, times, value, _onset(samples, known, first, direction), first, last, direction
    )
    return seen.kind


@dataclass(frozen=True)
class _Excursion:
    """The samples from where a series left its usual way to where it came back, or to now."""

    past: PastBehaviour
    direction: int
    times: IntArray  # [T]
    value: FloatArray  # [T]
    usual: FloatArray  # [T] the usual day, moved to where the series lay before
    outside: int  # samples of the alarm, first to last
    over: bool  # it has come back
    edge: int  # seconds that it took to get there
    both: bool  # the samples around it lie far out on both sides

    @classmethod
    def of(
        cls,
        past: PastBehaviour,
        times: IntArray,
        value: FloatArray,
        onset: int,
        first: int,
        last: int,
        direction: int,
    ) -> "_Excursion":
        """onset, first, last: positions of where it began, and of the first and last sample
        outside."""
        before = (times >= times[onset] - NEAR) & (times < times[onset])
        near = float(np.median(value[before] - past.at(times[before]))) if before.any() else 0.0
        usual = past.at(times) + near
        apart = direction * (value - usual)
        size = float(np.median(apart[first : last + 1]))
        smooth = _smooth(apart, 2)
        away = np.flatnonzero(~(smooth[last + 1 :] > max(2.5 * past.noise, BACK * size)))
        until = last + 1 + int(away[0]) if len(away) else len(times)
        below = np.flatnonzero(smooth[: first + 1] < 0.2 * size)
        foot = int(below[-1]) if len(below) else 0
        there = foot + int(np.argmax(smooth[foot:until] >= 0.8 * size))
        around = slice(max(0, last - 30), None)
        far = (value - usual)[around] / past.noise
        rough = float(np.quantile(np.abs(value - _smooth(value, 2))[around], ROUGH))
        both = min((far > 2.5).mean(), (far < -2.5).mean()) >= 0.05 and rough >= 2 * past.rough
        part = slice(min(onset, foot + 1), until)
        return cls(
            past,
            direction,
            times[part],
            value[part],
            usual[part],
            last - first + 1,
            bool(len(away)),
            int(times[there] - times[foot]),
            bool(both),
        )

    @property
    def kind(self) -> DeviationKind:
        lasted = int(self.times[-1] - self.times[0])
        if self.both:
            return DeviationKind.NOISE
        if self.over and self.outside <= FEW and len(self.times) <= FEW + 2:
            return DeviationKind.SPIKE
        if self.over and lasted <= BRIEF:
            return DeviationKind.BUMP if self.direction > 0 else DeviationKind.DIP
        if lasted <= BRIEF:
            return DeviationKind.LEVEL if self._stands else DeviationKind.OUTSIDE
        return self._lasting

    @property
    def _stands(self) -> bool:
        """Whether it went at once to a level that has stood still since."""
        return (
            len(self.times) >= STABLE
            and self.edge <= ABRUPT
            and self._errors["level"] < 0.2 * self._size
        )

    @property
    def _size(self) -> float:
        return abs(float(np.median(self.value - self.usual)))

    @property
    def _lasting(self) -> DeviationKind:
        errors = self._errors
        other = min(errors["moved"], errors["smaller"]) if self.past.rhythmic else np.inf
        gradual = self.edge > max(4 * ABRUPT, (self.times[-1] - self.times[0]) / 5)
        if gradual and errors["ramp"] < min(
            0.75 * errors["level"], 1.6 * other
        ):  # the others can bend
            return DeviationKind.RAMP
        if other < 0.75 * errors["level"] or (self.edge > ABRUPT and other < 1.1 * errors["level"]):
            return DeviationKind.SHAPE
        return DeviationKind.LEVEL if self.edge <= ABRUPT else DeviationKind.OUTSIDE

    @property
    def _errors(self) -> dict[str, float]:
        """How far the samples are, on average, from the best of each kind of curve with one free
        number."""
        apart = self.value - self.usual
        rising = np.arange(1, len(apart) + 1) / len(apart)
        foot = self._shifted(np.quantile(self.past.day, 0.1 if self.direction < 0 else 0.9))
        moved = [
            np.abs(self.value - self._shifted(self.past.at(self.times - lag))).mean()
            for lag in np.concatenate([-LAGS, LAGS])
        ]
        return {
            "level": float(np.abs(apart - np.median(apart)).mean()),
            "ramp": _left(apart, rising),
            "smaller": _left(apart, self.usual - foot),
            "moved": float(min(moved)),
        }

    def _shifted(self, usual: FloatArray | float) -> FloatArray:
        """Something of the usual day, moved as the day is."""
        return np.asarray(usual + (self.usual[0] - self.past.at(self.times[:1])[0]))


def _left(apart: FloatArray, curve: FloatArray) -> float:
    """Mean distance from the multiple of a curve that is nearest."""
    size = float(curve @ curve)
    return float(np.abs(apart - (float(apart @ curve) / size if size else 0.0) * curve).mean())


def _onset(samples: Samples, known: BoolArray, first: int, direction: int) -> int:
    """Position of the sample with which the excursion began: back from the alarm to where it was
    near the middle."""
    half = np.where(
        np.isfinite(samples.upper - samples.lower), (samples.upper - samples.lower) / 2, np.nan
    )[known]
    usual = half[max(0, first - 180) : first]
    width = float(np.nanmedian(usual)) if (~np.isnan(usual)).any() else np.inf
    gone = _smooth(direction * (samples.value - samples.expected)[known], 2)[:first] > SHARE * width
    still = np.flatnonzero(~gone)
    return int(still[-1]) + 1 if len(still) else 0


def _stuck(value: FloatArray, first: int, last: int, past: PastBehaviour) -> bool:
    """Whether one value had come again and again when the alarm began, and has since."""
    changed = np.flatnonzero(value[:first] != value[first])
    run = first - (int(changed[-1]) if len(changed) else -1)
    return (
        run >= max(RUN, 2 * past.run)
        and float((value[first : last + 1] == value[first]).mean()) >= 0.8
    )


def _usual_day(times: IntArray, values: FloatArray) -> FloatArray:
    """[BINS] the median of the samples in each ten minutes of the day, and the mean of that with
    those beside it."""
    count = DAY // BIN
    place = times % DAY // BIN
    order = np.lexsort((values, place))
    edges = np.searchsorted(place[order], np.arange(count + 1))
    middle = values[order][np.minimum((edges[:-1] + edges[1:]) // 2, len(values) - 1)]
    day = np.where(edges[1:] > edges[:-1], middle, np.median(values))
    return np.asarray((np.roll(day, 1) + day + np.roll(day, -1)) / 3)


def _usual_run(values: FloatArray) -> float:
    """The .95 quantile, by samples, of how often a value comes in a row."""
    edges = np.flatnonzero(np.diff(values) != 0)
    lengths = np.diff(np.concatenate([[-1], edges, [len(values) - 1]]))
    return float(np.quantile(np.repeat(lengths, lengths), 0.95))


def _records(times: IntArray, values: FloatArray) -> tuple[IntArray, FloatArray]:
    """The samples that are below all that came later, the latest first."""
    back = values[::-1]
    lowest = np.minimum.accumulate(back)
    at = np.flatnonzero(np.concatenate([[True], lowest[1:] < lowest[:-1]]))
    return times[::-1][at], back[at]


def _smooth(values: FloatArray, reach: int) -> FloatArray:
    """[T] the median of each sample and `reach` on both sides; NaN where one of them is."""
    if not len(values):
        return values
    padded = np.pad(values, reach, mode="reflect" if len(values) > reach else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
    return np.asarray(np.median(windows, axis=1))
