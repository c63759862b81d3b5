"""The tables: one row per method, peers first."""

import math
from collections.abc import Sequence

import numpy as np

from detectors.quality import ALARM_RATES, LONG_KINDS, ON_CALL_RATE, Quality
from plugin.commands.backtest.source import Recording
from plugin.commands.terminal import table
from tests.benchmarks.quality.forecast import METHODS, NAIVE, PROPHET, Compared
from tests.benchmarks.quality.peers import PEERS
from tests.benchmarks.quality.run import Row

NOTE = (
    "recall at RATE: at one common threshold that raises so many false alarms per series-day; own:"
    " at its own threshold, score 1; delay: median, in samples; budget: false alarms on quiet"
    " series by those promised (one a week; peers promise nothing); covered: share of these"
    " incidents that is flagged, at 0.1 false alarms a day; seconds: of one core per series, fits"
    " and scores, ours refitted daily; bytes: of a model, peers' an estimate"
)
FORECAST_NOTE = (
    "medians over series, in errors of the seasonal naive forecast; pinball: at .1, .5 and .9; "
    "samples outside incidents; Prophet and ours are fitted anew every day"
)

AGAINST = (NAIVE, PROPHET)


def show(folder: str, recordings: Sequence[Recording], rows: Sequence[Row], *, kinds: bool) -> None:
    """Prints what each method came to on one folder, and what failed."""
    judged = [(row, row.quality(recordings)) for row in rows]
    quality = judged[0][1]
    incidents = quality.own.events.incidents
    injected = bool(quality.by_kind)
    columns = [
        "method",
        "n",
        "failed",
        *(f"recall at {rate:g}" for rate in ALARM_RATES),
        "own recall",
        "own precision",
        "own false per day",
        "own delay",
        "budget",
    ]
    columns += [f"{kind} covered" for kind in LONG_KINDS] + ["mean covered"] if injected else []
    table(
        f"{folder}: {len(recordings)} series, {quality.days:.0f} series-days, {incidents}"
        " incidents",
        [*columns, "seconds", "bytes"],
        [
            [
                title(row.name),
                str(len(recordings)),
                str(len(row.failed)),
                *_measures(row, each, injected),
                *_cost(row),
            ]
            for row, each in judged
        ],
        note=NOTE,
    )
    for row, each in judged:
        _notes(row, each)
        if kinds and injected:
            _kinds(row, each)


def title(name: str) -> str:
    return PEERS[name][0] if name in PEERS else f"Bandwatch {name}"


def _measures(row: Row, quality: Quality, injected: bool) -> list[str]:
    events = quality.own.events
    shown = [
        *(number(quality.recall_at[rate]) for rate in ALARM_RATES),
        number(events.recall),
        number(events.precision),
        number(quality.own.false_per_day),
        number(quality.own.median_delay, 0),
        "" if row.name in PEERS else number(quality.calibration.ratio),
    ]
    if injected:
        covered = [
            quality.by_kind[kind].on_call_coverage if kind in quality.by_kind else math.nan
            for kind in LONG_KINDS
        ]
        shown += [number(share) for share in (*covered, quality.long_coverage)]
    return shown


def _cost(row: Row) -> list[str]:
    done = len(row.scores)
    return [
        number(row.seconds / done if done else math.nan, 3),
        f"{np.mean(row.bytes):,.0f}" if row.bytes else "-",
    ]


def _notes(row: Row, quality: Quality) -> None:
    """What a table cannot say: failures first, with one reason for each."""
    for reason in sorted(set(row.failed.values())):
        series = [name for name, why in row.failed.items() if why == reason]
        some = ", ".join([*series[:3], "..."] if len(series) > 3 else series)
        print(
            f"{title(row.name)}: failed on {len(series)} series ({some}): {reason}; "
            "their incidents count as missed"
        )
    if row.refused:
        print(f"{title(row.name)}: {row.refused} series were refused and scored by baseline")
    if quality.unscored and not row.failed:
        print(f"{title(row.name)}: {quality.unscored} observed samples without a score")


def _kinds(row: Row, quality: Quality) -> None:
    table(
        f"{title(row.name)}, by kind",
        [
            "kind",
            "incidents",
            "own recall",
            "own coverage",
            f"recall at {ON_CALL_RATE}",
            f"coverage at {ON_CALL_RATE}",
        ],
        [
            [
                name,
                str(kind.incidents),
                number(kind.recall),
                number(kind.coverage),
                number(kind.on_call_recall),
                number(kind.on_call_coverage),
            ]
            for name, kind in quality.by_kind.items()
        ],
    )


def show_forecasts(folder: str, series: int, found: Sequence[Compared]) -> None:
    """Prints the errors of every method, then on which share of the series each beats the usual
    ones."""
    table(
        f"{folder}: forecasts 2 h ahead, {series} series",
        ["method", "n", "failed", "MASE", "pinball", "seconds"],
        [
            [
                forecaster(each.name),
                str(len(each.errors)),
                str(len(each.without)),
                number(_median([error.mase for error in each.errors.values()])),
                number(_median([error.pinball for error in each.errors.values()])),
                number(each.seconds / max(1, series), 3),
            ]
            for each in found
        ],
        note=FORECAST_NOTE,
    )
    for other in (each for each in found if each.name in AGAINST):
        table(
            f"against {forecaster(other.name)}",
            ["method", "MASE better on", "MASE ratio", "pinball better on", "pinball ratio"],
            [
                [
                    forecaster(each.name),
                    *_versus(each, other, "mase"),
                    *_versus(each, other, "pinball"),
                ]
                for each in found
                if each.name != other.name
            ],
            note="better on: share of the series; ratio: median",
        )
    for each in found:
        for reason in sorted(set(each.without.values())):
            count = sum(why == reason for why in each.without.values())
            print(f"{forecaster(each.name)}: {count} series without a forecast: {reason}")


def forecaster(name: str) -> str:
    return METHODS[name][0] if name in METHODS else title(name)


def _versus(one: Compared, other: Compared, kind: str) -> list[str]:
    pairs = [
        (getattr(one.errors[name], kind), getattr(other.errors[name], kind))
        for name in one.errors
        if name in other.errors
    ]
    better = f"{np.mean([mine < theirs for mine, theirs in pairs]):.0%}" if pairs else "-"
    return [better, number(_median([mine / theirs for mine, theirs in pairs if theirs > 0]))]


def _median(numbers: list[float]) -> float:
    return float(np.median(numbers)) if numbers else math.nan


def number(value: float, digits: int = 2) -> str:
    """A number for a cell; - where there is none."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
