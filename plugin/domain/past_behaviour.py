"""What a series was like before an alarm: its usual day, its noise, its records. Pure."""

from dataclasses import dataclass

import numpy as np

from plugin.domain.times import DAY
from plugin.series import FloatArray, IntArray

BIN_SECONDS = 600  # the samples in each such part of the day form one value of the usual day
MIN_FLAT_SAMPLES = 10  # equal samples in a row: the value does not change
# Noise is claimed when a quarter of the samples in half an hour are rough.
ROUGHNESS_QUANTILE = 0.75


@dataclass(frozen=True)
class PastBehaviour:
    """What a series was like before an alarm."""

    start: int  # unix seconds of the first sample
    end: int  # unix seconds of the last sample
    day: FloatArray  # [BINS] median at that time of the day, UTC
    noise: float  # spread of the samples around their neighbours
    roughness: float  # a large distance of a sample from the median of it and the four beside it
    flat_samples: float  # equal samples in a row that are still usual
    lows: tuple[IntArray, FloatArray]  # times and values of the samples below all later ones
    highs: tuple[IntArray, FloatArray]  # the same for the negated values

    @classmethod
    def of(cls, times: IntArray, values: FloatArray) -> "PastBehaviour | None":
        """times [T] unix seconds, values [T] as stored before the alarm, NaN = no sample.

        None where there are too few samples.
        """
        has_value = ~np.isnan(values)
        times = times[has_value]
        values = values[has_value]
        if len(times) < 2 * MIN_FLAT_SAMPLES:
            return None
        last_day = values[-DAY // max(1, int(np.median(np.diff(times)))) :]
        noise = max(
            1.4826 * float(np.median(np.abs(last_day - smooth(last_day, 15)))),
            1e-9 * float(np.abs(last_day).max()),
            1e-300,
        )
        distances = np.abs(last_day - smooth(last_day, 2))
        return cls(
            start=int(times[0]),
            end=int(times[-1]),
            day=_usual_day(times, values),
            noise=noise,
            roughness=max(float(np.quantile(distances, ROUGHNESS_QUANTILE)), 0.1 * noise),
            flat_samples=_usual_flat_samples(values),
            lows=_records(times, values),
            highs=_records(times, -values),
        )

    def at(self, times: IntArray | FloatArray) -> FloatArray:
        """The usual value at these times, interpolated; the median of all samples where that time
        of the day has none."""
        position = (np.asarray(times, float) % DAY) / DAY * len(self.day) - 0.5
        low = np.floor(position).astype(np.int64)
        weight = position - low
        return (1 - weight) * self.day[low % len(self.day)] + weight * self.day[
            (low + 1) % len(self.day)
        ]

    @property
    def swing(self) -> float:
        """From the lows of the usual day to its highs."""
        return float(np.quantile(self.day, 0.95) - np.quantile(self.day, 0.05))

    @property
    def rhythmic(self) -> bool:
        """Whether the usual value depends on the time of the day."""
        return self.end - self.start >= 2 * DAY and self.swing > 4 * self.noise


def smooth(values: FloatArray, radius: int) -> FloatArray:
    """[T] the median of each sample and `radius` samples on both sides; NaN where one of them
    is."""
    if not len(values):
        return values
    padded = np.pad(values, radius, mode="reflect" if len(values) > radius else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1)
    return np.asarray(np.median(windows, axis=1))


def _usual_day(times: IntArray, values: FloatArray) -> FloatArray:
    """[BINS] the median of the samples in each bin of the day, averaged with the bins beside it."""
    count = DAY // BIN_SECONDS
    bins = times % DAY // BIN_SECONDS
    order = np.lexsort((values, bins))
    edges = np.searchsorted(bins[order], np.arange(count + 1))
    medians = values[order][np.minimum((edges[:-1] + edges[1:]) // 2, len(values) - 1)]
    day = np.where(edges[1:] > edges[:-1], medians, np.median(values))
    return np.asarray((np.roll(day, 1) + day + np.roll(day, -1)) / 3)


def _usual_flat_samples(values: FloatArray) -> float:
    """The .95 quantile, over the samples, of how many equal values are in a row."""
    edges = np.flatnonzero(np.diff(values) != 0)
    lengths = np.diff(np.concatenate([[-1], edges, [len(values) - 1]]))
    return float(np.quantile(np.repeat(lengths, lengths), 0.95))


def _records(times: IntArray, values: FloatArray) -> tuple[IntArray, FloatArray]:
    """The samples that are below all later ones, the latest first."""
    reverse = values[::-1]
    lowest = np.minimum.accumulate(reverse)
    positions = np.flatnonzero(np.concatenate([[True], lowest[1:] < lowest[:-1]]))
    return times[::-1][positions], reverse[positions]
