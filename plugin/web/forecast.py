"""The band ahead of now: the published forecast, as far as it lies ahead of the samples. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from plugin.board import Board, Forecast, Snapshot
from plugin.series import FloatArray, IntArray, Samples, SeriesRecord
from plugin.web import rows

UNKNOWN_COLUMNS = ("value", "score", "anomaly", "provisional")  # of a row of /bands that lies ahead


@dataclass(frozen=True)
class Future:
    """What was on the board at one moment."""

    snapshots: Mapping[str, Snapshot]
    forecasts: Mapping[str, Forecast]

    @classmethod
    def of(cls, board: Board) -> "Future":
        return cls(board.snapshots(), board.forecasts())

    def ahead(
        self,
        record: SeriesRecord,
        *,
        start: int = 0,
        end: int | None = None,
        horizon: int | None = None,
    ) -> Samples:
        """The band of one series after all that its watch has scored, as samples without value and
        score.

        start, end: unix seconds, included. horizon: seconds after what has been scored.
        """
        snapshot = self.snapshots.get(record.watch)
        forecast = self.forecasts.get(record.watch)
        band = forecast.band(record.id) if forecast is not None else None
        if snapshot is None or forecast is None or band is None:
            return _unseen(np.empty(0, np.int64), np.empty((3, 0)))
        times = forecast.times
        mask = (times > snapshot.time) & (times >= start) & ~np.isnan(band[0])
        if end is not None:
            mask &= times <= end
        if horizon is not None:
            mask &= times <= snapshot.time + horizon
        return _unseen(times[mask], np.stack(band)[:, mask])

    def continued(self, record: SeriesRecord, samples: Samples, start: int, end: int) -> Samples:
        """Stored samples, which may be none, and the band ahead of them; a row of NaN marks a gap
        between the two."""
        last = int(samples.times[-1]) if len(samples) else start - 1
        future = self.ahead(record, start=last + 1, end=end)
        if not len(future):
            return samples
        step = self.forecasts[record.watch].step
        if len(samples) and future.times[0] - last > step:
            samples = _joined(samples, _unseen(np.array([last + step]), np.full((3, 1), np.nan)))
        return _joined(samples, future)


def forecast_rows(parts: Sequence[tuple[SeriesRecord, Samples]], *, labels: bool) -> list[rows.Row]:
    """The rows of /forecast, sorted by time over all series."""
    if labels:
        return [
            {name: value for name, value in row.items() if name not in UNKNOWN_COLUMNS}
            for row in rows.band_rows(parts)
        ]
    return [
        {"time": row.time, "expected": row.expected, "lower": row.lower, "upper": row.upper}
        for _, samples in parts
        for row in rows.number_rows(samples)
    ]


def _unseen(times: IntArray, band: FloatArray) -> Samples:
    """Samples without value and score. times: [T]; band: expected, lower and upper, [3, T]."""
    missing = np.full(len(times), np.nan)
    expected, lower, upper = band
    return Samples(times, missing, expected, lower, upper, missing, np.zeros(len(times), np.int64))


def _joined(first: Samples, second: Samples) -> Samples:
    return Samples(
        **{
            item.name: np.concatenate([getattr(first, item.name), getattr(second, item.name)])
            for item in fields(Samples)
        }
    )
