"""Pictures of a band. The only file that knows matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from detectors.evaluate import runs

VALUE_COLOR = "#1f2933"
BAND_COLOR = "#9ecbff"
EXPECTED_COLOR = "#2f6fb3"
ALARM_COLOR = "#d6303a"
LABEL_COLOR = "#f3c969"
LEARNING_COLOR = "#c8ccd0"
LEVEL_COLOR = "#2b8a3e"
ZOOM_SAMPLES = 1440  # in the lower panel
MAX_DRAWN_SAMPLES = 2000  # of a band; more would not fit a picture
MAX_SCORE = 3.0  # drawn
LEGEND_BESIDE_TITLE: dict[str, Any] = {
    "loc": "lower right",
    "bbox_to_anchor": (1, 1),
    "ncols": 7,
    "fontsize": 8,
    "frameon": False,
}


def draw_picture(
    path: Path,
    title: str,
    table: pd.DataFrame,
    *,
    learning_until: int = 0,
    accepted: Sequence[int] | np.ndarray = (),
) -> None:
    """Draws time,value,expected,lower,upper,score (and label): all of it, and a close look at the
    worst alarm.

    learning_until: the band is provisional before. accepted: when new levels were. All unix
    seconds.
    """
    matplotlib.rcParams["timezone"] = "UTC"
    figure = Figure(figsize=(13, 7), dpi=100, layout="constrained")
    whole_axes, zoom_axes = figure.subplots(2, 1)
    times = _times(table)
    _draw_dated(whole_axes, times, table)
    whole_axes.set_title(title, loc="left", fontsize=11)
    centre = int(np.nanargmax(table["score"])) if table["score"].notna().any() else len(table) // 2
    start = min(max(0, centre - ZOOM_SAMPLES // 2), max(0, len(table) - ZOOM_SAMPLES))
    zoom = slice(start, start + ZOOM_SAMPLES)
    _draw_dated(zoom_axes, times[zoom], table.iloc[zoom])
    for axes, part in ((whole_axes, table), (zoom_axes, table.iloc[zoom])):
        _draw_moments(axes, part["time"].to_numpy(), learning_until, np.asarray(accepted))
    zoom_axes.set_title("around the highest score", loc="left", fontsize=10)
    whole_axes.legend(**LEGEND_BESIDE_TITLE)
    figure.savefig(path)


def _draw_moments(
    axes: Axes, seconds: np.ndarray, learning_until: int, accepted: np.ndarray
) -> None:
    """The time of the rows in which the series was learnt from only, and a line where a new level
    was accepted; all unix seconds."""
    first, last = int(seconds[0]), int(seconds[-1])
    if learning_until > first:
        begin, end = _dates([first, min(learning_until, last)])
        axes.axvspan(begin, end, color=LEARNING_COLOR, alpha=0.35, lw=0, zorder=0, label="learning")
    visible_times = accepted[(accepted >= first) & (accepted <= last)]
    for number, time in enumerate(_dates(visible_times)):
        label = None if number else "new level accepted"
        axes.axvline(time, color=LEVEL_COLOR, lw=1.2, ls=":", label=label)


def draw_compared(
    path: Path, title: str, columns: Mapping[str, np.ndarray], scores: Mapping[str, np.ndarray]
) -> None:
    """Draws time,value,expected,lower,upper,score,label, and below it each of the named scores, all
    [T]."""
    matplotlib.rcParams["timezone"] = "UTC"
    table = pd.DataFrame(columns)
    times = _times(table)
    figure = Figure(figsize=(10, 5.5), dpi=90, layout="constrained")
    band_axes, *score_axes = figure.subplots(
        1 + len(scores), 1, sharex=True, height_ratios=[3] + [1] * len(scores)
    )
    _draw_dated(band_axes, times, table)
    band_axes.set_title(title, loc="left", fontsize=11)
    handles, labels = band_axes.get_legend_handles_labels()
    band_axes.legend(
        handles, [label.replace("labelled", "incident") for label in labels], **LEGEND_BESIDE_TITLE
    )
    for axes, (name, score) in zip(score_axes, scores.items(), strict=True):
        _draw_score(axes, times, score)
        for first, end in runs(table["label"].to_numpy() == 1):
            axes.axvspan(times[first], times[end - 1], color=LABEL_COLOR, alpha=0.4, lw=0, zorder=0)
        axes.set_title(name, loc="left", fontsize=9)
    figure.savefig(path)


def _times(table: pd.DataFrame) -> np.ndarray:
    return _dates(table["time"].to_numpy())


def _dates(seconds: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.asarray(seconds, "datetime64[s]")


def _draw_score(axes: Axes, times: np.ndarray, score: np.ndarray) -> None:
    """A score up to MAX_SCORE, red where it is above 1."""
    height = np.clip(np.nan_to_num(score), 0, MAX_SCORE)
    axes.fill_between(times, height, color=VALUE_COLOR, alpha=0.35, lw=0, step="mid")
    axes.fill_between(times, np.where(height > 1, height, 0), color=ALARM_COLOR, lw=0, step="mid")
    axes.axhline(1, color=ALARM_COLOR, lw=0.8, ls="--")
    axes.set(ylim=(0, MAX_SCORE), yticks=[0, 1, MAX_SCORE])
    axes.spines[["top", "right"]].set_visible(False)


def _draw_dated(axes: Axes, times: np.ndarray, table: pd.DataFrame) -> None:
    draw_band(axes, times, table)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(AutoDateLocator()))  # type: ignore[no-untyped-call]


def draw_band(axes: Axes, positions: np.ndarray, table: pd.DataFrame) -> None:
    """The values of a table in their band, with what is outside and what is labelled.

    positions: [T] of the rows on the x axis: times or numbers.
    """
    value = table["value"].to_numpy()
    lower = table["lower"].to_numpy()
    upper = table["upper"].to_numpy()
    bottom, top = _limits(value, lower, upper)
    # where there is no bound, the band is filled beyond the edge of the picture
    low = np.where(np.isneginf(lower), 2 * bottom - top, lower)
    high = np.where(np.isposinf(upper), 2 * top - bottom, upper)
    thinned = slice(None, None, max(1, len(table) // MAX_DRAWN_SAMPLES))
    axes.fill_between(
        positions[thinned],
        low[thinned],
        high[thinned],
        color=BAND_COLOR,
        alpha=0.55,
        lw=0,
        label="band",
    )
    expected = table["expected"].to_numpy()[thinned]
    axes.plot(positions[thinned], expected, color=EXPECTED_COLOR, lw=0.8, ls="--", label="expected")
    axes.plot(positions, value, color=VALUE_COLOR, lw=0.7, label="value")
    above = np.nan_to_num(table["score"].to_numpy(), nan=0.0) > 1
    axes.scatter(
        positions[above], value[above], s=10, color=ALARM_COLOR, zorder=3, label="score > 1"
    )
    if "label" in table:
        for number, (first, end) in enumerate(runs(table["label"].to_numpy() == 1)):
            axes.axvspan(
                positions[first],
                positions[end - 1],
                color=LABEL_COLOR,
                alpha=0.4,
                lw=0,
                zorder=0,
                label=None if number else "labelled",
            )
    axes.set_ylim(bottom, top)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.005)


def _limits(value: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> tuple[float, float]:
    """The lowest and highest number of a picture: all values are in it; a band that is far wider
    than they are is cut."""
    values, lower, upper = (column[np.isfinite(column)] for column in (value, lower, upper))
    if len(values) == 0:
        bounds = np.concatenate([lower, upper])
        values = bounds if len(bounds) else np.array([0.0, 1.0])
    low = float(values.min())
    high = float(values.max())
    spread = (high - low) or abs(high) or 1.0
    band_low = float(np.quantile(lower, 0.01)) if len(lower) else low
    band_high = float(np.quantile(upper, 0.99)) if len(upper) else high
    bottom = max(min(low, band_low), low - spread)
    top = min(max(high, band_high), high + spread)
    return bottom - 0.04 * spread, top + 0.04 * spread
