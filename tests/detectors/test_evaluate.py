"""Alarms, incidents, precision and recall on arrays small enough to count by hand."""

import math

import numpy as np
import pytest

from detectors.evaluate import (
    Events,
    coverage_by_kind,
    delays,
    events,
    events_by_kind,
    mark_series,
    runs,
)


def flags(text: str) -> np.ndarray:
    return np.array([mark == "x" for mark in text])


@pytest.mark.parametrize(
    ("text", "join", "expected"),
    [
        ("", 0, []),
        ("....", 0, []),
        ("xx..x", 0, [[0, 2], [4, 5]]),
        ("xx..x", 1, [[0, 2], [4, 5]]),
        ("xx..x", 2, [[0, 5]]),
        ("x.x.x", 1, [[0, 5]]),
        ("x.x...x", 1, [[0, 3], [6, 7]]),
    ],
)
def test_runs(text: str, join: int, expected: list[list[int]]) -> None:
    assert runs(flags(text), join).tolist() == expected


def judged(
    score_at: list[int], label_at: range, length: int = 200, gaps: range = range(0)
) -> Events:
    score = np.zeros(length)
    label = np.zeros(length, np.int64)
    observed = np.ones(length, bool)
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
    assert total.f1 == pytest.approx(0.8)
    assert (
        math.isnan(Events().recall) and math.isnan(Events().precision) and math.isnan(Events().f1)
    )
    assert Events(3, 0, 0, 0).f1 == 0


def injected(
    score_at: list[int], kind: str, label_at: range = range(100, 110), length: int = 300
) -> Events:
    score = np.zeros(length)
    label = np.zeros(length, np.int64)
    score[score_at] = 1.5
    label[list(label_at)] = 1
    return events(score, label, np.ones(length, bool), kind=np.where(label == 1, kind, ""), step=60)


@pytest.mark.parametrize(
    ("kind", "at", "caught"),
    [
        ("shift", 104, 1),
        ("shift", 105, 0),  # half of ten samples
        ("dip", 109, 1),
        ("dip", 111, 1),
        ("dip", 112, 0),  # up to two samples after its end
    ],
)
def test_an_injected_incident_is_caught_by_its_kind(kind: str, at: int, caught: int) -> None:
    assert injected([at], kind) == Events(1, caught, 1, 0)


def test_a_spike_at_the_end_of_the_series_is_caught() -> None:
    assert injected([299], "spike", range(299, 300)) == Events(1, 1, 1, 0)


def test_an_hour_after_an_injected_incident_belongs_to_it_and_nothing_before() -> None:
    assert injected([169], "shift").false_alarms == 0
    assert injected([170], "shift").false_alarms == 1
    assert injected([99], "shift").false_alarms == 1


def test_an_alarm_over_quiet_samples_of_an_incident_belongs_to_it() -> None:
    assert injected([98, 104], "spike", range(101, 102)) == Events(1, 0, 1, 0)


def test_kinds_coverage_and_delay() -> None:
    label = np.array([0, 1, 1, 1, 1, 0, 0, 1, 1, 0])
    kind = np.array(["", *["ramp"] * 4, "", "", *["dip"] * 2, ""])
    score = np.array([0, 0, 2, np.nan, 2, 0, 0, 0, 0, 3.0])
    found = mark_series(score, label, np.ones(10, bool), kind)
    assert found.peaks.tolist() == [2, 3]
    assert events_by_kind(found) == {"dip": Events(1, 1), "ramp": Events(1, 1)}
    assert events_by_kind(found, 2.5) == {"dip": Events(1, 1), "ramp": Events(1, 0)}
    assert coverage_by_kind(found) == {"ramp": (2, 4), "dip": (0, 2)}
    assert delays(found) == [1, 2] and delays(found, 2.5) == [2]


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"must all be \[T\]: got \[\(3,\), \(2,\), \(3,\)\]"):
        events(np.zeros(3), np.zeros(2, np.int64), np.ones(3, bool))
