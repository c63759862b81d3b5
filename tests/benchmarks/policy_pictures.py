"""The pictures of the policies in docs/configuration.md: made-up series, judged by the code that
judges real ones.

`python -m tests.benchmarks.pictures` draws them together with the others. A policy that moves the
band is shown without and with it; `persistence` and `missing_data` by what alert rules read.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from detectors.api import Band
from plugin.commands.plot import ALARM_COLOR, EXPECTED_COLOR, LABEL_COLOR, VALUE_COLOR, draw_band
from plugin.config import Watch
from plugin.domain.alarms import OpenAlarms
from plugin.jobs.latest_samples import LatestSamples
from plugin.jobs.policies import judge_values
from plugin.series import FloatArray, Labels, SeriesRecord, SeriesState, Tick

COLUMNS = ("value", "expected", "lower", "upper", "score")
DOTS = 100  # dots per inch: pictures are 700 pixels wide
STEP = 60  # seconds
DAY = np.arange(0, 24, 1 / 12)  # hours
MINUTE = np.arange(-15.0, 91.0)


@dataclass(frozen=True)
class Series:
    """A made-up series and the band that a detector might draw around it; all [T]."""

    value: FloatArray
    expected: FloatArray
    below: FloatArray  # from expected down to the lower bound
    above: FloatArray

    @property
    def band(self) -> Band:
        return Band(
            *(
                row[None]
                for row in (self.expected - self.below, self.expected, self.expected + self.above)
            )
        )

    def judged(self, **settings: Any) -> pd.DataFrame:
        """value,expected,lower,upper,score after the policies of a watch."""
        score, band = judge_values(self.value[None], self.band, watch(**settings))
        return pd.DataFrame(
            {
                "value": self.value,
                "expected": band.expected[0],
                "lower": band.lower[0],
                "upper": band.upper[0],
                "score": score[0],
            }
        )


@dataclass(frozen=True)
class Scene:
    """A policy that moves the band."""

    name: str
    written: str
    unit: str
    series: Callable[[], Series]
    settings: dict[str, Any] = field(default_factory=dict)


def watch(**settings: Any) -> Watch:
    return Watch(name="w", query="up", step=STEP, learn_for=0, **settings)


def noise(size: int) -> FloatArray:
    """[size], the same numbers every time."""
    return np.convolve(
        np.random.default_rng(7).normal(size=size + 2), np.full(3, 1 / 3), mode="valid"
    )


def raised(hours: FloatArray, begin: float, end: float, by: float) -> FloatArray:
    """`by` from one hour to another, else 0."""
    return np.where((hours >= begin) & (hours < end), by, 0.0)


def latency() -> Series:
    expected = 200 + 40 * np.sin((DAY - 9) * np.pi / 12)
    value = expected + 12 * noise(len(DAY)) + raised(DAY, 5, 6.5, -90) + raised(DAY, 17, 18, 120)
    return Series(value, expected, np.full(len(DAY), 32.0), np.full(len(DAY), 32.0))


def temperature() -> Series:
    expected = np.full(len(DAY), 20.0)
    value = expected + 0.02 * noise(len(DAY)) + raised(DAY, 5, 9, 0.5) + raised(DAY, 17, 19, -4)
    return Series(value, expected, np.full(len(DAY), 0.08), np.full(len(DAY), 0.08))


def requests() -> Series:
    expected = 520 + 440 * np.sin((DAY - 7) * np.pi / 12)
    value = expected * (
        1 + 0.015 * noise(len(DAY)) + raised(DAY, 11, 13.5, 0.13) + raised(DAY, 18, 19.5, -0.45)
    )
    return Series(value, expected, np.full(len(DAY), 45.0), np.full(len(DAY), 45.0))


def hit_ratio() -> Series:
    expected = 0.88 + 0.06 * np.sin((DAY - 9) * np.pi / 12)
    value = expected + 0.02 * noise(len(DAY)) + raised(DAY, 16, 17, 0.12)
    return Series(value, expected, np.full(len(DAY), 0.1), np.full(len(DAY), 0.16))


SCENES = (
    Scene("direction", "direction: above", "latency, ms", latency, {"direction": "above"}),
    Scene("min-deviation", "min_deviation: 1", "°C", temperature, {"min_deviation": 1.0}),
    Scene(
        "min-relative-deviation",
        "min_relative_deviation: 0.2",
        "requests/s",
        requests,
        {"min_relative_deviation": 0.2},
    ),
    Scene(
        "valid-range", "valid_range: [0, 1]", "hit ratio", hit_ratio, {"valid_range": (0.0, 1.0)}
    ),
)


def main(folder: Path) -> None:
    for scene in SCENES:
        moved(folder / f"policy-{scene.name}.png", scene)
    persistence(folder / "policy-persistence.png")
    missing_data(folder / "policy-missing-data.png")
    for path in sorted(folder.glob("policy-*.png")):
        print(f"{path}: {path.stat().st_size // 1024} KB")


def moved(path: Path, scene: Scene) -> None:
    """The same series without and with the policy."""
    figure = Figure(figsize=(7, 2.5), dpi=DOTS, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    series = scene.series()
    limits = []
    for each, title, settings in zip(
        axes, ("without", scene.written), ({}, scene.settings), strict=True
    ):
        table = series.judged(**settings)
        draw_band(each, DAY, table)
        limits += each.get_ylim()
        each.set_title(f"{title} ({flagged(table)} samples flagged)", loc="left", fontsize=8.5)
        each.set_xlabel("hour", fontsize=9)
        each.set_xticks(range(0, 25, 6))
        each.tick_params(labelsize=8)
    axes[0].set_ylabel(scene.unit, fontsize=9)
    axes[0].set_ylim(min(limits), max(limits))
    _legend(figure, axes[0])
    figure.savefig(path)


def flagged(table: pd.DataFrame) -> int:
    return int((table["score"] > 1).sum())


def persistence(path: Path) -> None:
    """One outlier, then an incident: the value in its band, and what alert rules read with and
    without."""
    expected = np.full(len(MINUTE), 50.0)
    outside = np.isin(MINUTE, (-3.0, 38.0, 39.0, 40.0, 42.0, 43.0, 44.0, 45.0))
    value = expected + 4 * noise(len(MINUTE)) + np.where(outside, 24.0, 0.0)
    series = Series(value, expected, np.full(len(MINUTE), 12.0), np.full(len(MINUTE), 12.0))
    figure = Figure(figsize=(7, 3.8), dpi=DOTS, layout="constrained")
    top, *below = figure.subplots(4, 1, sharex=True, height_ratios=[2.2, 1, 1, 1])
    draw_band(top, MINUTE, series.judged())
    top.set_title("value", loc="left", fontsize=9)
    for axes, (k, n) in zip(below, ((1, 1), (2, 3), (3, 3)), strict=True):
        score, _ = read(series, persistence=(k, n))
        stepped(axes, score)
        axes.set_title(f"alert score, persistence: {k} of {n}", loc="left", fontsize=9)
    _finish(figure, [top, *below])
    figure.savefig(path)


def missing_data(path: Path) -> None:
    """A series that stops for an hour, while all is well and while it alerts."""
    figure = Figure(figsize=(7, 3.6), dpi=DOTS, layout="constrained")
    axes = figure.subplots(3, 2, sharex=True, sharey="row", height_ratios=[1.6, 1, 1])
    for column, offset in enumerate((0.0, 24.0)):
        series = stopped(offset)
        draw_band(axes[0, column], MINUTE, series.judged())
        axes[0, column].set_title(
            "stops while " + ("it alerts" if offset else "all is well"), loc="left", fontsize=9
        )
        for line, setting in enumerate(("skip", "alert"), 1):
            score, missing = read(series, missing_data=setting)
            stepped(axes[line, column], score)
            axes[line, column].fill_between(
                MINUTE,
                0,
                np.where(missing, 3, 0),
                step="post",
                color=LABEL_COLOR,
                alpha=0.5,
                lw=0,
                zorder=0,
                label="missing = 1",
            )
            axes[line, column].set_title(
                f"alert score, missing_data: {setting}", loc="left", fontsize=9
            )
    _finish(figure, list(axes.flat), axes[1, 1])
    figure.savefig(path)


def stopped(offset: float) -> Series:
    """No samples from minute 0 to 60; `offset` outside in the ten minutes before."""
    expected = np.full(len(MINUTE), 50.0)
    value = expected + 3 * noise(len(MINUTE)) + raised(MINUTE, -10, 0, offset)
    value[(MINUTE >= 0) & (MINUTE < 60)] = expected[(MINUTE >= 0) & (MINUTE < 60)] = np.nan
    return Series(value, expected, np.full(len(MINUTE), 12.0), np.full(len(MINUTE), 12.0))


def read(series: Series, **settings: Any) -> tuple[FloatArray, FloatArray]:
    """[T] what `/api/v1/alert` says after each minute: the score (NaN = no row), and whether the
    series is missing."""
    latest = LatestSamples(watch(**settings))
    alarms = OpenAlarms(STEP, watch(**settings).persistence, 0, {})
    table = series.judged()
    record = SeriesRecord(1, "w", Labels(()), SeriesState.OK, STEP, STEP)
    score = np.full(len(MINUTE), np.nan)
    missing = np.zeros(len(MINUTE), bool)
    for at in range(len(MINUTE)):
        now = (at + 1) * STEP
        row = table.iloc[[at]]
        value, expected, lower, upper, judgement = (row[name].to_numpy()[None] for name in COLUMNS)
        tick = Tick(
            "w",
            np.array([1]),
            np.array([now]),
            value,
            expected,
            lower,
            upper,
            judgement,
            np.ones(1, np.int64),
        )
        changed, alarms = alarms.after([tick], latest.recent)
        latest.update(tick)
        latest.hold(changed)
        latest.end_run(now - STEP, now)
        shown, _ = latest.snapshot([record], {}, now, 86_400)
        score[at] = shown.alert_score[0]
        missing[at] = shown.missing[0]
    return score, missing & ~np.isnan(score)


def stepped(axes: Axes, score: FloatArray) -> None:
    """An alert score: blank where there is no row, red above 1."""
    axes.step(MINUTE, score, where="post", color=VALUE_COLOR, lw=1)
    axes.fill_between(
        MINUTE, 0, np.where(score > 1, score, 0), step="post", color=ALARM_COLOR, alpha=0.8, lw=0
    )
    axes.axhline(1, color=EXPECTED_COLOR, lw=0.8, ls="--")
    if np.isnan(score).any():
        axes.text(float(MINUTE[np.isnan(score)].mean()), 1.6, "no row", ha="center", fontsize=8)
    axes.set(ylim=(-0.3, 3), yticks=[0, 1])


def _finish(figure: Figure, panels: list[Axes], marked: Axes | None = None) -> None:
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
        axes.set(xlim=(MINUTE[0], MINUTE[-1]), xticks=range(-15, 91, 15))
        if axes.xaxis.get_tick_params()["labelbottom"]:
            axes.set_xlabel("minute", fontsize=9)
    _legend(figure, panels[0], marked)


def _legend(figure: Figure, *panels: Axes | None) -> None:
    found = [axes.get_legend_handles_labels() for axes in panels if axes is not None]
    figure.legend(
        [handle for handles, _ in found for handle in handles],
        [name for _, names in found for name in names],
        loc="outside upper right",
        ncols=5,
        fontsize=8,
        frameon=False,
    )
