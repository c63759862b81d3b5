"""`make bench-feedback DATA=dir SCORES=dir`: what a week of answered false alarms does to the next
week.

DATA holds labelled series, SCORES what `bandwatch backtest` has written for them. Every false alarm
of a week is answered once, at its end; the next week is then judged with the tolerances that
follow, by the code that the service runs. docs/feedback.md says how the numbers were chosen.
"""

import argparse
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from detectors.api import Band
from detectors.bands import rescore, stretch_band
from detectors.evaluate import Marks, alarm_spans, mark_series
from plugin.commands.backtest.evaluation import evaluate_series
from plugin.commands.backtest.source import csv_files, numbers, read_table
from plugin.commands.terminal import bar, table
from plugin.domain import tolerances as feedback
from plugin.domain.tolerances import NO_TOLERANCES, FeedbackEntry, Tolerances, Verdict, false_alarm
from plugin.series import FloatArray, IntArray, Samples

DAY = 86_400
WEEK = 7 * 86_400
LEAST = 2 * DAY  # of a second week: less says nothing
HIGHEST = 2**62
TRIED: Mapping[str, Sequence[Mapping[str, float]]] = {
    "bound": [{"MAX_FACTOR": limit} for limit in (1.5, 2, 2.5, 3, 3.5, 4, 5, 8)],
    "longest remembered": [
        {"MAX_BRIEF_SAMPLES": samples} for samples in (1, 3, 6, 10, 16, 20, 60, HIGHEST)
    ],
    "margin": [{"MARGIN": margin} for margin in (0.8, 1, 1.05, 1.1, 1.25, 1.5)],
    "half-life": [{"HALF_LIFE": days * DAY} for days in (7, 14, 21, 28, 42, 56)],
}


@dataclass(frozen=True)
class Recorded:
    """One series: what was scored, and what its labels say."""

    name: str
    samples: Samples
    label: IntArray
    observed: np.ndarray
    kind: np.ndarray | None
    step: int

    def marks(self, score: FloatArray) -> Marks:
        return mark_series(
            score, self.label, self.observed, self.kind, self.step, self.samples.times
        )


@dataclass
class Totals:
    """Over pairs of a week and the next one; `answered` counts the series that had a false alarm to
    answer."""

    series: int = 0
    answered: int = 0
    false: int = 0  # in the first weeks, all of them answered
    next_before: int = 0  # in the next weeks of the answered series, had nobody answered
    next_after: int = 0
    others: int = 0  # in the next weeks of the series where there was nothing to answer
    incidents: int = 0  # in the next weeks of all series
    caught_before: int = 0
    caught_after: int = 0


def read(data: Path, scores: Path) -> Iterator[Recorded]:
    for name, path in csv_files(scores, "time, value, band and score").items():
        judged = evaluate_series(
            csv_files(data, "time, value and label")[name], path, 1 / WEEK
        ).judged
        rows = read_table(path, ("time", "value", "lower", "expected", "upper", "score"))
        value, lower, expected, upper, score = (
            numbers(path, rows, column)
            for column in ("value", "lower", "expected", "upper", "score")
        )
        times = numbers(path, rows, "time").astype(np.int64)
        yield Recorded(
            name,
            Samples(times, value, expected, lower, upper, score, np.ones(len(times), np.int64)),
            judged.label,
            judged.observed,
            judged.kind,
            judged.step,
        )


def add_pairs(totals: Totals, series: Recorded) -> None:
    """Each week of one series and the one after."""
    times = series.samples.times
    first = int(times[0])
    end = int(times[-1]) + series.step
    before = series.marks(series.samples.score)
    for week in range(first, end - WEEK, WEEK):
        middle = week + WEEK
        last = min(week + 2 * WEEK, end)
        if last - middle < LEAST:
            continue
        false = list(false_alarms(series, before, week, middle))
        after = (
            before
            if not false
            else series.marks(_scores(series.samples, answers(series, false, middle)))
        )
        told = len(list(false_alarms(series, before, middle, last)))
        totals.series = totals.series + 1
        totals.answered = totals.answered + bool(false)
        totals.false += len(false)
        if false:
            totals.next_before += told
            totals.next_after += len(list(false_alarms(series, after, middle, last)))
        else:
            totals.others += told
        there = np.flatnonzero(series.observed)
        begun = times[there[before.incidents[:, 0]]] if len(before.incidents) else np.empty(0)
        inside = (begun >= middle) & (begun < last)
        totals.incidents += int(inside.sum())
        totals.caught_before += int((before.peaks[inside] > 1).sum()) if inside.any() else 0
        totals.caught_after += int((after.peaks[inside] > 1).sum()) if inside.any() else 0


def false_alarms(series: Recorded, marks: Marks, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """First and last time of each that begins within begin..end."""
    times = series.samples.times[np.flatnonzero(series.observed)]
    for first, past in alarm_spans(marks):
        if (
            begin <= times[first] < end
            and not (marks.belongs[first:past] | marks.neither[first:past]).any()
        ):
            yield int(times[first]), int(times[past - 1])


def answers(series: Recorded, false: Sequence[tuple[int, int]], at: int) -> Tolerances:
    samples = series.samples
    found = []
    for start, end in false:
        cut = slice(*np.searchsorted(samples.times, [start, end + 1]))
        alarm = Samples(
            *(
                getattr(samples, name)[cut]
                for name in (
                    "times",
                    "value",
                    "expected",
                    "lower",
                    "upper",
                    "score",
                    "model_version",
                )
            )
        )
        part = false_alarm(0, start, end, alarm, NO_TOLERANCES)
        if part is not None:
            found.append(FeedbackEntry(len(found), Verdict.FALSE_ALARM, "", "", "", at, (part,)))
    return Tolerances.of(found)


def _scores(samples: Samples, tolerances: Tolerances) -> FloatArray:
    widening = tolerances.widening(np.zeros(1, np.int64), samples.times)
    if widening is None:
        return samples.score
    band = stretch_band(
        Band(samples.lower[None], samples.expected[None], samples.upper[None]), *widening.factor
    )
    return np.asarray(rescore(samples.value[None], ~np.isnan(samples.value)[None], band)[0])


def measured(recordings: Sequence[Recorded], **settings: float) -> Totals:
    """settings: of plugin.domain.tolerances, in the place of those that are shipped."""
    totals = Totals()
    with mock.patch.multiple(
        "plugin.domain.tolerances", **{"MAX_FACTOR": feedback.MAX_FACTOR, **settings}
    ):
        for series in recordings:
            add_pairs(totals, series)
    return totals


def row(name: str, found: Totals) -> list[str]:
    share = found.next_after / found.false if found.false else math.nan
    recall = [
        caught / found.incidents if found.incidents else math.nan
        for caught in (found.caught_before, found.caught_after)
    ]
    return [
        name,
        str(found.false),
        str(found.next_before),
        str(found.next_after),
        f"{share:.2f}",
        str(found.others),
        f"{recall[0]:.3f}",
        f"{recall[1]:.3f}",
        f"{recall[1] - recall[0]:+.3f}",
    ]


COLUMNS = [
    "tolerance",
    "false in the week",
    "next week without answers",
    "next week with answers",
    "of the week",
    "others in the next week",
    "recall without",
    "recall with",
    "change",
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-feedback", description=__doc__)
    parser.add_argument("data", type=Path, help="folder of NAME.csv[.gz]: time,value,label[,kind]")
    parser.add_argument(
        "scores", type=Path, help="folder that `bandwatch backtest DATA --output` has written"
    )
    parser.add_argument(
        "--tried", action="store_true", help="also with other numbers than the shipped ones"
    )
    options = parser.parse_args()
    recordings = list(read(options.data, options.scores))
    shipped = measured(recordings)
    rows = [row("as shipped", shipped)]
    sets = (
        [(f"{name} {_said(each)}", each) for name, group in TRIED.items() for each in group]
        if options.tried
        else []
    )
    with bar("other numbers") as progress:
        for done, (name, each) in enumerate(sets, start=1):
            rows.append(row(name, measured(recordings, **each)))
            progress(done / len(sets))
    table(
        f"{options.data.name}: {shipped.series} pairs of weeks, {shipped.answered} with a false"
        f" alarm to answer, {shipped.incidents} incidents in the next weeks",
        COLUMNS,
        rows,
    )


def _said(settings: Mapping[str, float]) -> str:
    ((name, number),) = settings.items()
    return (
        "none"
        if number == HIGHEST
        else f"{number / DAY:g} d"
        if name == "HALF_LIFE"
        else f"{number:g}"
    )


if __name__ == "__main__":
    main()
