"""Alarms, incidents, precision and recall on arrays small enough to count by hand."""

import math

import numpy as np
import pytest

from detectors.evaluate import (
    Events,
    alarm_spans,
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
    ("text", "expected"), [("", []), ("....", []), ("xx..x", [[0, 2], [4, 5]]), ("x", [[0, 1]])]
)
def test_runs(text: str, expected: list[list[int]]) -> None:
    assert runs(flags(text)).tolist() == expected


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
    assert judged([56], range(100, 130)).false_alarms == 0  # it is open for 30 samples
    assert judged([55], range(100, 130)).false_alarms == 1


def test_an_alarm_that_is_open_has_caught_what_begins() -> None:
    assert judged([80], range(100, 130)) == Events(1, 1, 1, 0)
    assert judged([70], range(100, 130)) == Events(1, 0, 1, 0)  # it ended the sample before


def test_quiet_within_the_hold_joins_alarms() -> None:
    assert judged([10, 40], range(0)).alarms == 1
    assert judged([10, 41], range(0)).alarms == 2
    assert judged([10, 40], range(0), gaps=range(20, 35)).alarms == 1
    assert judged([10, 41], range(0), gaps=range(20, 35)).alarms == 2


def test_an_alarm_ends_in_a_gap_as_it_does_in_quiet() -> None:
    """Samples stop while it is open; those after the gap are outside at once."""
    assert judged([10, 40], range(0), gaps=range(11, 40)).alarms == 1
    assert judged([10, 41], range(0), gaps=range(11, 41)).alarms == 2
    score = np.array([2.0, 2.0])
    times = np.array([0, 1860])
    marks = mark_series(score, np.zeros(2, np.int64), np.ones(2, bool), None, 60, times)
    assert alarm_spans(marks).tolist() == [[0, 1], [1, 2]]  # rows that are missing are a gap, too
    shared = mark_series(score, np.zeros(2, np.int64), np.ones(2, bool), None, 60, times // 100)
    assert alarm_spans(shared).tolist() == [[0, 2]]  # two rows of one step


@pytest.mark.parametrize("seed", range(5))
def test_alarms_are_the_episodes_above_a_threshold(seed: int) -> None:
    """Below 1 as if the band were narrower; above 1 those whose highest score so far exceeds it."""
    rng = np.random.default_rng(seed)
    score = np.round(rng.exponential(0.35, 500), 2)
    observed = rng.random(500) < 0.8
    observed[200:280] = False
    marks = mark_series(score, np.zeros(500, np.int64), observed, step=600)
    rows = np.flatnonzero(observed)
    for threshold in (0.4, 1.0, 1.3):
        found = []
        last = peak = -np.inf
        opened = False
        for at in range(500):
            over = at - last > 6 or not observed[at] and at - last >= 6
            peak = -np.inf if over else peak
            opened = opened and not over
            if observed[at] and score[at] > min(threshold, 1):
                last = at
                peak = max(peak, score[at])
                if peak > threshold and not opened:
                    opened = True
                    found.append(at)
        assert rows[alarm_spans(marks, threshold)[:, 0]].tolist() == found


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
    assert injected([70], "shift").false_alarms == 1
    assert injected([71], "shift").false_alarms == 0  # it is still open when the incident begins


def test_an_alarm_that_goes_on_over_an_incident_belongs_to_it_and_has_caught_it() -> None:
    assert injected([98, 104], "spike", range(101, 102)) == Events(1, 1, 1, 0)


def test_kinds_coverage_and_delay() -> None:
    label = np.array([0, 1, 1, 1, 1, 0, 0, 1, 1, 0])
    kind = np.array(["", *["ramp"] * 4, "", "", *["dip"] * 2, ""])
    score = np.array([0, 0, 2, np.nan, 2, 0, 0, 0, 0, 3.0])
    found = mark_series(score, label, np.ones(10, bool), kind)
    assert found.peaks.tolist() == [2, 3]
    assert events_by_kind(found) == {"dip": Events(1, 1), "ramp": Events(1, 1)}
    assert events_by_kind(found, 2.5) == {"dip": Events(1, 1), "ramp": Events(1, 0)}
    assert coverage_by_kind(found) == {"ramp": (3, 4), "dip": (2, 2)}  # the alarm is still open
    assert coverage_by_kind(found, 2.5) == {"ramp": (0, 4), "dip": (0, 2)}
    assert delays(found) == [1, 0] and delays(found, 2.5) == [2]


def test_shapes_must_agree() -> None:
    with pytest.raises(
        ValueError, match=r"`times` must all be \[T\]: got \[\(3,\), \(2,\), \(3,\)\]"
    ):
        events(np.zeros(3), np.zeros(2, np.int64), np.ones(3, bool))
