"""Which samples are masked, what names them, and whose champion has learnt from them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from plugin.domain.intervals import Interval
from plugin.grid import Grid
from plugin.jobs.masks import fingerprint, masked_samples, outdated_series
from plugin.series import Labels, SeriesRecord, SeriesState
from plugin.store import ModelRecord

START = 6000
STEP = 60
STEPS = 5
END = START + (STEPS - 1) * STEP
GRID = Grid(START, STEP, STEPS)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (START, START, "x...."),
        (START - 1, START - 1, "....."),
        (START + 1, START + 59, "....."),
        (START + 1, START + 60, ".x..."),
        (0, 2**40, "xxxxx"),
        (START + 61, START + 180, "..xx."),
        (END, END + 1, "....x"),
        (END + 1, END + 900, "....."),
    ],
)
def test_flags_are_those_of_the_samples_inside(start: int, end: int, expected: str) -> None:
    found = masked_samples(
        [Interval(7, start, end), Interval(9, START, START)], np.array([3, 7]), GRID
    )
    drawn = "....." if found is None else "".join(".x"[each] for each in found[1].astype(int))
    assert drawn == expected and (found is None or not found[0].any())


def test_a_name_is_that_of_the_samples_however_they_are_masked() -> None:
    whole = fingerprint([Interval(1, START, START + 180)], GRID)
    pieces = [
        Interval(1, START + 120, START + 200),
        Interval(1, 0, START + 60),
        Interval(1, START + 30, START + 130),
    ]
    assert fingerprint(pieces, GRID) == whole != fingerprint(pieces[:1], GRID)
    assert (
        fingerprint([Interval(1, START, START + 180), Interval(1, END + 1, END + 900)], GRID)
        == whole
    )
    assert fingerprint([], GRID) == fingerprint([Interval(1, START + 1, START + 59)], GRID) == ""


def test_a_champion_is_outdated_when_its_masks_are_others_now() -> None:
    records = [
        SeriesRecord(id, "w", Labels.of({"n": str(id)}), SeriesState.OK, 0, 0)
        for id in (1, 2, 3, 4)
    ]
    mask = fingerprint([Interval(1, START, START)], GRID)
    model = ModelRecord(1, 1, 0, "baseline", "{}", Path("x"), 0.0, END, START, END)
    champions = {
        id: replace(model, series_id=id, masked=masked)
        for id, masked in ((1, ""), (2, ""), (3, mask))
    }
    asked: list[tuple[int, int]] = []

    def masked(_: object, start: int, end: int) -> list[Interval]:
        asked.append((start, end))
        return [Interval(1, START, START + 60), Interval(2, END + 1, END + 60)]

    assert outdated_series(champions, records, masked, STEP) == {1, 3} and asked == [(START, END)]
    assert outdated_series({}, records, masked, STEP) == frozenset()
