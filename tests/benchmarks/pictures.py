"""The pictures of the documentation: `python -m tests.benchmarks.pictures [FOLDER]` draws them anew
in half a minute.

`odd-series.png`: flat, all-zero, sparse, bursty, quantised and stuck series, a new regime and a
long gap, each in its band. `incidents.png`: four incidents that a band which follows them would
miss, with the share of each that is flagged. Both are at one minute, scored by `baseline` with a
budget of one alarm a week, and made by `tests/odd_series.py`. `situations.png` is told in
situation_pictures.py, those of the policies in policy_pictures.py.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from detectors.baseline import Baseline
from plugin.commands.plot import ALARM_COLOR, LABEL_COLOR, VALUE_COLOR, draw_band
from tests.benchmarks import policy_pictures, situation_pictures
from tests.benchmarks.scenes import Scene
from tests.odd_series import Grid, Judged, judged, troubled

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
HIGHEST = 3.0  # of the scores that are drawn
DOTS = 90  # dots per inch


ODD = (
    Scene("flat", "flat; a tenth more for 4 h", 24, 48, (36, 40)),
    Scene("zero", "all zero; 1,000 for 4 h", 24, 48, (36, 40)),
    Scene("sparse", "a sample every 30 steps; 80 more for 12 h", 12, 60, (36, 48)),
    Scene("bursty", "bursts by habit; one of ten times the size", 24, 60, (50, 50.25)),
    Scene("quantised", "whole numbers; 18 for an hour", 24, 48, (36, 37)),
    Scene("stuck_an_hour", "one value for an hour", 22, 32, (26.5, 27.5)),
    Scene("regime", "60 more for good: accepted after half a day", 12, 72),
    Scene("gap", "no samples for 20 h", 12, 60),
)
INCIDENTS = (
    Scene("peakless", "the daily peak is missing", 12, 60, (34.7, 43.3)),
    Scene("shift", "40 more for 4 h", 24, 42, (30, 34)),
    Scene("ramp", "a ramp to 60 more in 3 h", 24, 42, (30, 33)),
    Scene("stuck", "one value for 3 h", 20, 34, (25.5, 28.5)),
)


def main(folder: Path) -> None:
    policy_pictures.main(folder)
    grid = Grid(60)
    rows = troubled(grid)
    series = judged(Baseline(), grid, {scene.name: rows[scene.name] for scene in ODD + INCIDENTS})
    series |= situation_pictures.situations()
    for name, scenes in (
        ("odd-series", ODD),
        ("incidents", INCIDENTS),
        ("situations", situation_pictures.SCENES),
    ):
        path = folder / f"{name}.png"
        sheet(path, scenes, series)
        print(f"{path}: {path.stat().st_size // 1024} KB")


def sheet(path: Path, scenes: tuple[Scene, ...], series: dict[str, Judged]) -> None:
    """Each scene: the value in its band, and the score below."""
    columns = 4 if len(scenes) > 4 else 2
    lines = len(scenes) // columns
    figure = Figure(figsize=(4 + 2.5 * columns, 3.5 * lines + 0.3), dpi=DOTS, layout="constrained")
    axes = figure.subplots(2 * lines, columns, height_ratios=[3, 1] * lines)
    for number, scene in enumerate(scenes):
        line, column = divmod(number, columns)
        above = axes[2 * line, column]
        below = axes[2 * line + 1, column]
        _scene(above, below, scene, series[scene.name])
        if line == lines - 1:
            below.set_xlabel("hours")
        if column == 0:
            above.set_ylabel("value")
            below.set_ylabel("score")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles,
        [label.replace("labelled", "what was put in") for label in labels],
        loc="outside upper right",
        ncols=5,
        fontsize=9,
        frameon=False,
    )
    figure.savefig(path)


def _scene(above: Axes, below: Axes, scene: Scene, series: Judged) -> None:
    part = series.grid.during(scene.begin, scene.end)
    hours = series.grid.hours[part]
    names = ("value", "lower", "expected", "upper", "score")
    table = pd.DataFrame({name: getattr(series, name)[part] for name in names})
    if scene.incident:
        table["label"] = ((hours >= scene.incident[0]) & (hours < scene.incident[1])).astype(int)
    there = table["value"].notna().to_numpy()
    if there.mean() < 0.5:  # a line needs neighbours
        above.plot(hours[there], table["value"][there], ".", ms=3, color=VALUE_COLOR)
    draw_band(above, hours, table)
    above.set_title(scene.title, loc="left", fontsize=10)
    above.tick_params(labelbottom=False)
    score = np.minimum(np.nan_to_num(table["score"].to_numpy()), HIGHEST)
    shown = there if there.mean() < 0.5 else np.ones(len(hours), bool)
    below.fill_between(hours[shown], score[shown], color=VALUE_COLOR, alpha=0.35, lw=0, step="mid")
    below.fill_between(
        hours[shown], np.where(score > 1, score, 0)[shown], color=ALARM_COLOR, lw=0, step="mid"
    )
    below.axhline(1, color=ALARM_COLOR, lw=0.8, ls="--")
    if scene.incident:
        below.axvspan(*scene.incident, color=LABEL_COLOR, alpha=0.4, lw=0, zorder=0)
    below.set(ylim=(0, HIGHEST), xlim=above.get_xlim(), yticks=[0, 1, HIGHEST])
    below.spines[["top", "right"]].set_visible(False)
    for axis in (above.xaxis, below.xaxis):
        axis.set_major_locator(
            MultipleLocator(12 if scene.end - scene.begin > 30 else 6 if scene.end > 40 else 2)
        )
    below.set_title(_said(scene, series), loc="left", fontsize=9)


def _said(scene: Scene, series: Judged) -> str:
    begin, end = scene.incident or (scene.begin, scene.end)
    if scene.incident is None:
        hours = series.alarm[series.grid.during(begin, end)].sum() * series.grid.step / 3_600
        return f"{hours:.1f} h flagged"
    delay = series.first(begin) * 60
    return f"{series.flagged(begin, end):.0%} flagged, the first after {delay:.0f} min"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
