"""The picture `situations.png`: what happens every week, and the band that common sense agrees
with. Four weeks are learnt, four days follow, a Saturday first; steps of five minutes, scored by
`baseline` with a budget of one alarm a week.
"""

from dataclasses import dataclass

import numpy as np

from detectors.api import FloatArray, SeriesBatch
from detectors.baseline import Baseline
from tests.benchmarks.scenes import Scene
from tests.odd_series import BUDGET, DAY, LIVE_DAYS, Grid, Judged, daily

WEEKS_LEARNT = 4
SATURDAY = 1_760_140_800  # a midnight
SCENES = (
    Scene("job", "a nightly job; once it is missing", 0, 72, (50, 50.25)),
    Scene("weekend", "quiet weekends; an outage on Sunday", 0, 84, (36, 40)),
    Scene("ratio", "coarse at night; 0.1 more by day", 24, 84, (60, 62)),
    Scene("counts", "counts, never zero; none for 1 h", 12, 60, (36, 37)),
    Scene("logins", "an edge, early or late by minutes", 24, 96),
    Scene("hourly", "a job every hour", 24, 48),
    Scene("deployment", "60 more for good: accepted", 24, 96),
    Scene("off", "switched off: accepted", 24, 96),
)


@dataclass(frozen=True)
class LongGrid(Grid):
    """The same with weeks before the days that are judged."""

    @property
    def live(self) -> int:
        return WEEKS_LEARNT * 7 * DAY // self.step

    @property
    def steps(self) -> int:
        return self.live + LIVE_DAYS * DAY // self.step


def situations() -> dict[str, Judged]:
    grid = LongGrid(5 * 60)
    rows = _rows(grid)
    values = np.stack(list(rows.values()))
    batch = SeriesBatch(
        values, np.ones(values.shape, bool), SATURDAY - WEEKS_LEARNT * 7 * DAY, grid.step
    )
    scores = Baseline().fit(batch.steps(0, grid.live), alert_budget=BUDGET).score(batch)
    band = scores.band
    return {
        name: Judged(
            grid,
            values[row],
            band.lower[row],
            band.expected[row],
            band.upper[row],
            scores.anomaly[row],
        )
        for row, name in enumerate(rows)
    }


def _rows(grid: Grid) -> dict[str, FloatArray]:
    rng = np.random.default_rng(1)
    hour = grid.hours % 24
    day = np.floor(grid.hours / 24).astype(int)
    course = daily(grid.hours) / 100  # 1 to 2

    def noise(size: float) -> FloatArray:
        return rng.normal(0, size, grid.steps)

    def during(begin: float, end: float) -> slice:
        return grid.during(begin, end)

    job = 20 + noise(1) + 80 * ((hour >= 2) & (hour < 2.25))
    job[during(50, 50.25)] = 20
    weekend = 100 * np.where(day % 7 < 2, 0.4, 1.0) * course + noise(3)
    weekend[during(36, 40)] *= 0.3
    ratio = 0.3 + noise(1) * np.where(hour < 6, 0.1, 0.01)
    ratio[during(60, 62)] += 0.1
    counts = rng.poisson(20 * course).astype(np.float64)
    counts[during(36, 37)] = 0
    late = rng.uniform(-0.05, 0.05, day.max() - day.min() + 1)[day - day.min()]
    logins = 5 + noise(1) + 60 * ((hour >= 8 + late) & (hour < 18))
    hourly = 20 + noise(1) + 40 * (grid.hours % 1 < 0.1)
    deployment = 100 * course + noise(3)
    deployment[during(30, 96)] += 60
    off = 50 + noise(4)
    off[during(30, 96)] = 0
    return {
        "job": job,
        "weekend": weekend,
        "ratio": ratio,
        "counts": counts,
        "logins": logins,
        "hourly": hourly,
        "deployment": deployment,
        "off": off,
    }
