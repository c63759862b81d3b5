"""Alarms, incidents, precision and recall on arrays small enough to count by hand."""

import math

import numpy as np
import pytest

from detectors.evaluate import Events, events, runs


def flags(text: str) -> np.ndarray:
    return np.array([mark == "x" for mark in text])


@pytest.mark.parametrize(("text", "join", "expected"), [
    ("", 0, []),
    ("....", 0, []),
    ("xx..x", 0, [[0, 2], [4, 5]]),
    ("xx..x", 1, [[0, 2], [4, 5]]),
    ("xx..x", 2, [[0, 5]]),
    ("x.x.x", 1, [[0, 5]]),
    ("x.x...x", 1, [[0, 3], [6, 7]]),
])
def test_runs(text: str, join: int, expected: list[list[int]]) -> None:
    assert runs(flags(text), join).tolist() == expected


def judged(score_at: list[int], label_at: range, length: int = 200, gaps: range = range(0)) -> Events:
    score, label, observed = np.zeros(length), np.zeros(length, np.int64), np.ones(length, bool)
    score[score_at] = 1.5
    label[list(label_at)] = 1
    observed[list(gaps)] = False
    score[list(gaps)] = np.nan
    return events(score, label, observed)


def test_caught_within_the_first_sixteen_samples_only() -> None:
    assert judged([115], range(100, 130)) == Events(1, 1, 1, 0)
    assert judged([116], range(100, 130)) == Events(1, 0, 1, 0)


def test_an_alarm_is_false_when_farther_than_fifteen_samples() -> None:
    assert judged([144], range(100, 130)).false_alarms == 0
    assert judged([145], range(100, 130)).false_alarms == 1
    assert judged([85], range(100, 130)).false_alarms == 0
    assert judged([84], range(100, 130)).false_alarms == 1


def test_short_quiet_joins_alarms() -> None:
    assert judged([10, 16], range(0)).alarms == 1
    assert judged([10, 17], range(0)).alarms == 2


def test_a_gap_joins_an_incident() -> None:
    split = np.zeros(60, np.int64)
    split[20:25] = split[30:35] = 1
    observed = np.ones(60, bool)
    observed[25:30] = False
    score = np.where(observed, 0.0, np.nan)
    assert events(score, split, observed).incidents == 1


def test_minus_one_counts_as_neither() -> None:
    label = np.zeros(100, np.int64)
    label[50:60] = -1
    score = np.zeros(100)
    score[55] = 2.0
    assert events(score, label, np.ones(100, bool)) == Events(0, 0, 0, 0)


def test_ratios() -> None:
    total = Events(4, 3, 10, 2) + Events(1, 1, 0, 0)
    assert total.recall == 0.8 and total.precision == 0.8
    assert math.isnan(Events().recall) and math.isnan(Events().precision)
