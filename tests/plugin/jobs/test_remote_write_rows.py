"""What a receiver is told: each column's samples, and its end, wherever the reading begins."""

import math

import numpy as np
import pytest

from plugin.jobs.remote_write_rows import COLUMNS, samples_by_time
from plugin.series import Samples

NAN = math.nan
INF = math.inf
PATIENCE = 30  # three steps of 10 s
Told = tuple[int, int, str, float | None]  # time, series, column, value; None = the end


def rows(times: list[int], *, missing: tuple[str, ...] = (), version: int = 1) -> Samples:
    """score, value, expected, lower, upper are time + 0.1, 0.2, ..., but for the columns that are
    missing."""
    columns = {
        name: np.array(times) + (i + 1) / 10 if name not in missing else np.full(len(times), NAN)
        for i, name in enumerate(COLUMNS)
    }
    return Samples(np.array(times, np.int64), model_version=np.full(len(times), version), **columns)


def joined(*parts: Samples) -> Samples:
    names = (
        "times",
        *(name for name in ("value", "expected", "lower", "upper", "score")),
        "model_version",
    )
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def told(stored: dict[int, Samples], after: int = 0, until: int = 1000) -> list[Told]:
    """As the job asks: rows of (after - patience, until]."""
    cut = {}
    for series, each in stored.items():
        within = (each.times > after - PATIENCE) & (each.times <= until)
        if within.any():
            cut[series] = Samples(
                *(
                    getattr(each, name)[within]
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
    return [
        (moment.time, series, COLUMNS[column], None if value != value else value)
        for moment in samples_by_time(cut, after, until, PATIENCE)
        for series, column, value in zip(moment.ids, moment.column, moment.value, strict=True)
    ]


def times(of: list[Told], *, ends: bool) -> list[int]:
    return sorted({time for time, *_, value in of if (value is None) == ends})


def test_every_column_of_every_row_in_order_of_time_and_series() -> None:
    found = told({7: rows([100, 110]), 3: rows([110])}, until=110)
    expected = [(100, 7, 100), (110, 3, 110), (110, 7, 110)]
    assert found == [
        (time, series, name, base + (i + 1) / 10)
        for time, series, base in expected
        for i, name in enumerate(COLUMNS)
    ]


def test_only_what_lies_after_and_until() -> None:
    stored = {1: rows(list(range(100, 200, 10)))}
    assert times(told(stored, after=120, until=150), ends=False) == [130, 140, 150]
    assert times(told(stored, after=120, until=150), ends=True) == []


def test_a_series_ends_three_steps_after_its_last_row_once() -> None:
    stored = {1: rows([100, 110])}
    assert told(stored, until=139)[-1][3] is not None
    assert told(stored, after=139, until=140) == [(140, 1, name, None) for name in COLUMNS]
    assert told(stored, after=140) == []


def test_a_gap_of_two_rows_is_no_end_and_one_of_more_is() -> None:
    assert times(told({1: rows([100, 130])}, until=130), ends=True) == []
    assert times(told({1: rows([100, 140])}, until=140), ends=True) == [130]
    assert times(told({1: rows([100, 140])}, until=140), ends=False) == [100, 140]


def test_a_column_that_is_lost_ends_at_the_row_that_lacks_it() -> None:
    stored = {1: joined(rows([100]), rows([110], missing=("score", "upper")), rows([120]))}
    found = told(stored, until=120)
    assert [each for each in found if each[3] is None] == [
        (110, 1, "score", None),
        (110, 1, "upper", None),
    ]
    assert len(found) == 15


def test_infinite_bounds_are_told() -> None:
    stored = rows([100])
    stored.upper[0] = INF
    assert (100, 1, "upper", INF) in told({1: stored}, until=100)


def test_rows_without_a_judgement_are_not_told() -> None:
    only_values = rows([100, 110], missing=("score", "expected", "lower", "upper"), version=0)
    assert told({1: only_values}) == []
    lost = joined(rows([90]), only_values)
    assert times(told({1: lost}), ends=False) == [90] and times(told({1: lost}), ends=True) == [100]


def test_no_series() -> None:
    assert told({}) == []


@pytest.mark.parametrize("seed", range(5))
def test_the_same_is_told_in_one_piece_and_in_many(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stored = {}
    for series in range(6):
        each = rows((10 * np.flatnonzero(rng.random(60) < 0.6) + 100).tolist())
        each.score[rng.random(len(each)) < 0.2] = NAN
        stored[series] = each
    whole = told(stored, until=700)
    cuts = [0, *sorted(rng.choice(np.arange(1, 700), 12, replace=False).tolist()), 700]
    pieces = [
        each
        for after, until in zip(cuts, cuts[1:], strict=False)
        for each in told(stored, after, until)
    ]
    assert pieces == whole and any(each[3] is None for each in whole)
