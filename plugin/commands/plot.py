"""Pictures of a band. The only file that knows matplotlib."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from detectors.evaluate import JOIN, runs

VALUE = "#1f2933"
BAND = "#9ecbff"
EXPECTED = "#2f6fb3"
ALARM = "#d6303a"
LABEL = "#f3c969"
ZOOM_SAMPLES = 1440  # shown in the lower panel
COLUMNS_DRAWN = 2000  # more would not fit a picture
HIGHEST = 3.0  # of the scores that are drawn


def picture(path: Path, title: str, table: pd.DataFrame) -> None:
    """Draws time,value,expected,lower,upper,score (and label): all of it, and a close look at the
    worst alarm."""
    matplotlib.rcParams["timezone"] = "UTC"
    figure = Figure(figsize=(13, 7), dpi=100, layout="constrained")
    whole, near = figure.subplots(2, 1)
    times = pd.to_datetime(table["time"], unit="s", utc=True).to_numpy()
    _dated(whole, times, table)
    whole.set_title(f"{title}: {_said(table)}", loc="left", fontsize=11)
    centre = int(np.nanargmax(table["score"])) if table["score"].notna().any() else len(table) // 2
    begin = min(max(0, centre - ZOOM_SAMPLES // 2), max(0, len(table) - ZOOM_SAMPLES))
    part = slice(begin, begin + ZOOM_SAMPLES)
    _dated(near, times[part], table.iloc[part])
    near.set_title("around the highest score", loc="left", fontsize=10)
    whole.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=5, fontsize=8, frameon=False
    )  # beside the title
    figure.savefig(path)


def compared(
    path: Path, title: str, columns: Mapping[str, np.ndarray], scores: Mapping[str, np.ndarray]
) -> None:
    """Draws time,value,expected,lower,upper,score,label, and below it each of the named scores, all
    [T]."""
    matplotlib.rcParams["timezone"] = "UTC"
    table = pd.DataFrame(columns)
    times = pd.to_datetime(table["time"], unit="s", utc=True).to_numpy()
    figure = Figure(figsize=(10, 5.5), dpi=90, layout="constrained")
    top, *below = figure.subplots(
        1 + len(scores), 1, sharex=True, height_ratios=[3] + [1] * len(scores)
    )
    _dated(top, times, table)
    top.set_title(title, loc="left", fontsize=11)
    handles, labels = top.get_legend_handles_labels()
    top.legend(
        handles,
        [label.replace("labelled", "incident") for label in labels],
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=5,
        fontsize=8,
        frameon=False,
    )
    for axes, (name, score) in zip(below, scores.items(), strict=True):
        _scored(axes, times, score)
        for first, end in runs(table["label"].to_numpy() == 1):
            axes.axvspan(times[first], times[end - 1], color=LABEL, alpha=0.4, lw=0, zorder=0)
        axes.set_title(name, loc="left", fontsize=9)
    figure.savefig(path)


def _scored(axes: Axes, times: np.ndarray, score: np.ndarray) -> None:
    """A score as far as HIGHEST, red where it is above 1."""
    shown = np.clip(np.nan_to_num(score), 0, HIGHEST)
    axes.fill_between(times, shown, color=VALUE, alpha=0.35, lw=0, step="mid")
    axes.fill_between(times, np.where(shown > 1, shown, 0), color=ALARM, lw=0, step="mid")
    axes.axhline(1, color=ALARM, lw=0.8, ls="--")
    axes.set(ylim=(0, HIGHEST), yticks=[0, 1, HIGHEST])
    axes.spines[["top", "right"]].set_visible(False)


def _said(table: pd.DataFrame) -> str:
    alarms = len(runs(np.nan_to_num(table["score"].to_numpy(), nan=0.0) > 1, JOIN))
    return f"would have alerted {alarms} time{'' if alarms == 1 else 's'}"


def _dated(axes: Axes, times: np.ndarray, table: pd.DataFrame) -> None:
    draw(axes, times, table)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(AutoDateLocator()))  # type: ignore[no-untyped-call]


def draw(axes: Axes, at: np.ndarray, piece: pd.DataFrame) -> None:
    """The values of a table in their band, with what is outside and what is labelled; at: where
    each row stands."""
    every = max(1, len(piece) // COLUMNS_DRAWN)
    value = piece["value"].to_numpy()
    score = piece["score"].to_numpy()
    lower = piece["lower"].to_numpy()
    upper = piece["upper"].to_numpy()
    bottom, top = _limits(value, lower, upper)
    low = np.where(
        np.isneginf(lower), 2 * bottom - top, lower
    )  # no bound: filled beyond the edge of the picture
    high = np.where(np.isposinf(upper), 2 * top - bottom, upper)
    axes.fill_between(
        at[::every], low[::every], high[::every], color=BAND, alpha=0.55, lw=0, label="band"
    )
    axes.plot(
        at[::every],
        piece["expected"].to_numpy()[::every],
        color=EXPECTED,
        lw=0.8,
        ls="--",
        label="expected",
    )
    axes.plot(at, value, color=VALUE, lw=0.7, label="value")
    over = np.nan_to_num(score, nan=0.0) > 1
    axes.scatter(at[over], value[over], s=10, color=ALARM, zorder=3, label="score > 1")
    if "label" in piece:
        for number, (first, end) in enumerate(runs(piece["label"].to_numpy() == 1)):
            axes.axvspan(
                at[first],
                at[end - 1],
                color=LABEL,
                alpha=0.4,
                lw=0,
                zorder=0,
                label=None if number else "labelled",
            )
    axes.set_ylim(bottom, top)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.005)


def _limits(value: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> tuple[float, float]:
    """What is shown: all values; the band may be cut where it is far wider than they are."""
    seen, lower, upper = (column[np.isfinite(column)] for column in (value, lower, upper))
    if len(seen) == 0:
        seen = np.concatenate([lower, upper]) if len(lower) + len(upper) else np.array([0.0, 1.0])
    low = float(seen.min())
    high = float(seen.max())
    room = (high - low) or abs(high) or 1.0
    band_low = float(np.quantile(lower, 0.01)) if len(lower) else low
    band_high = float(np.quantile(upper, 0.99)) if len(upper) else high
    bottom = max(min(low, band_low), low - room)
    top = min(max(high, band_high), high + room)
    return bottom - 0.04 * room, top + 0.04 * room
