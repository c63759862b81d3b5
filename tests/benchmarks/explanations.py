"""Whether injected incidents are named rightly: `python -m tests.benchmarks.explanations DATA
SCORES`.

DATA: a folder of NAME.csv.gz with time,value,label,kind. SCORES: what `bandwatch backtest` wrote of
it. Each incident that was detected is explained once, when its longest alarm has ended, from what
was known then.
"""

import argparse
import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from plugin.domain.alarms import Alarm, OpenAlarms, hold_seconds
from plugin.domain.deviation import DeviationKind, classify
from plugin.domain.past_behaviour import PastBehaviour
from plugin.series import BoolArray, FloatArray, IntArray, Samples, Tick

# seconds
WINDOW = 14 * 86_400
LEAD = 12 * 3600
RIGHT = {
    "spike": {DeviationKind.SPIKE},
    "dip": {DeviationKind.DIP},
    "shift": {DeviationKind.LEVEL},
    "ramp": {DeviationKind.RAMP},
    "stuck": {DeviationKind.FLAT},
    "noise": {DeviationKind.NOISE},
    "peakless": {DeviationKind.SHAPE},
    "phase": {DeviationKind.SHAPE},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("scores", type=Path)
    options = parser.parse_args()
    table = Counter[tuple[str, DeviationKind]]()
    for path in sorted(options.scores.glob("*.csv")):
        table.update(named(options.data / f"{path.stem}.csv.gz", path))
    print(
        f"{'injected':10}" + "".join(f"{kind.value:>9}" for kind in DeviationKind) + f"{'right':>9}"
    )
    for injected, right in RIGHT.items():
        counts = [table[injected, kind] for kind in DeviationKind]
        share = sum(table[injected, kind] for kind in right) / max(1, sum(counts))
        print(
            f"{injected:10}" + "".join(f"{count or '.':>9}" for count in counts) + f"{share:9.2f}"
        )
    good = sum(table[injected, kind] for injected, kinds in RIGHT.items() for kind in kinds)
    claimed = table.total() - sum(table[injected, DeviationKind.OUTSIDE] for injected in RIGHT)
    print(
        f"{table.total()} detected, {claimed} named, {good} of these rightly"
        f" ({good / max(1, claimed):.2f})"
    )


def named(data: Path, scores: Path) -> Iterator[tuple[str, DeviationKind]]:
    """(what was injected, what it is called) of each incident of one series that was detected."""
    times, value, label, kind = _labelled(data)
    samples = _scored(scores)
    alarms = _alarms(samples)
    for begin, end in _runs(label == 1):
        found = [
            alarm for alarm in alarms if alarm.end >= times[begin] and alarm.start <= times[end]
        ]
        if found:
            alarm = max(found, key=lambda each: each.end - each.start)
            yield kind[begin], explained(times, value, samples, alarm)


def explained(times: IntArray, value: FloatArray, samples: Samples, alarm: Alarm) -> DeviationKind:
    """The kind as it is known when the alarm has ended."""
    step = int(np.median(np.diff(samples.times)))
    before = (times >= alarm.start - WINDOW) & (times < alarm.start)
    first, last = samples.times.searchsorted(
        [alarm.start - LEAD, alarm.end + hold_seconds(step) + 1]
    )
    part = slice(first, last)
    seen = Samples(
        samples.times[part],
        samples.value[part],
        samples.expected[part],
        samples.lower[part],
        samples.upper[part],
        samples.score[part],
        samples.model_version[part],
    )
    return classify(
        PastBehaviour.of(times[before], value[before]),
        seen,
        alarm.start,
        alarm.end,
        alarm.direction,
    )


def _alarms(samples: Samples) -> list[Alarm]:
    """As the service finds them."""
    tick = Tick(
        "bench",
        np.zeros(1, np.int64),
        samples.times,
        samples.value[None],
        samples.expected[None],
        samples.lower[None],
        samples.upper[None],
        samples.score[None],
        np.ones(1, np.int64),
    )
    step = int(np.median(np.diff(samples.times)))
    found, left = OpenAlarms(step, (1, 1), 0, {}).after([tick], lambda ids: np.empty((0, 1)))
    return [*found, *(alarm for alarm in left.alarms.values() if alarm not in found)]


def _labelled(path: Path) -> tuple[IntArray, FloatArray, IntArray, list[str]]:
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    return (
        np.array([int(row["time"]) for row in rows]),
        np.array([_number(row["value"]) for row in rows]),
        np.array([int(row["label"]) for row in rows]),
        [row["kind"] for row in rows],
    )


def _scored(path: Path) -> Samples:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    value, expected, lower, upper, score = (
        np.array([_number(row[name]) for row in rows])
        for name in ("value", "expected", "lower", "upper", "score")
    )
    times = np.array([int(row["time"]) for row in rows])
    return Samples(times, value, expected, lower, upper, score, np.ones(len(times), np.int64))


def _number(text: str) -> float:
    return float(text) if text else np.nan


def _runs(flags: BoolArray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True))


if __name__ == "__main__":
    main()
