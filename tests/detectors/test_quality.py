"""The measures of a group, on series small enough to count by hand."""

import math

import numpy as np
import pytest

from detectors.evaluate import Events
from detectors.quality import JudgedSeries, judge, poisson_tail

DAY = 1440  # samples of a minute


def quiet(name: str, alarms: int, days: int = 7) -> JudgedSeries:
    score = np.zeros(days * DAY)
    score[100 * np.arange(1, alarms + 1)] = 2.0
    label = np.zeros(days * DAY, np.int64)
    return JudgedSeries(name, score, label, None, np.ones(days * DAY, bool), 60)


def labelled() -> JudgedSeries:
    """One day, two incidents: the first seen after 3 samples, the second never; one false alarm
    of 5."""
    score = np.zeros(DAY)
    label = np.zeros(DAY, np.int64)
    label[200:230] = label[600:630] = 1
    score[203:230] = 3.0
    score[1000] = 5.0
    return JudgedSeries("labelled", score, label, None, np.ones(DAY, bool), 60)


def injected(kinds: dict[str, int]) -> JudgedSeries:
    """One day; an incident of each kind, 60 samples, of which so many have a score of 2."""
    score = np.zeros(DAY)
    label = np.zeros(DAY, np.int64)
    kind = np.full(DAY, "", object)
    for number, (name, flagged) in enumerate(kinds.items()):
        start = 10 + number * 200
        label[start : start + 60] = 1
        kind[start : start + 60] = name
        score[start : start + flagged] = 2.0
    return JudgedSeries("injected", score, label, kind, np.ones(DAY, bool), 60)


def test_recall_at_a_rate_and_at_the_own_threshold() -> None:
    found = judge([labelled()])
    assert found.recall_at == {0.05: 0, 0.1: 0, 0.3: 0, 1.0: 0.5}
    assert found.threshold_at == {0.05: 5, 0.1: 5, 0.3: 5, 1.0: 0}
    assert found.own.events == Events(2, 1, 2, 1)
    assert (found.series, found.days, found.own.false_per_day, found.own.median_delay) == (
        1,
        1,
        1,
        3,
    )
    assert found.by_kind == {} and math.isnan(found.long_coverage)


def test_one_threshold_is_shared_by_all_series() -> None:
    found = judge([labelled(), quiet("quiet", 0, days=9)])
    assert found.days == 10 and found.threshold_at[0.1] == 0 and found.recall_at[0.1] == 0.5


def test_gaps_are_no_time_and_samples_without_a_score_are_told() -> None:
    score = np.full(DAY, np.nan)
    observed = np.arange(DAY) >= DAY // 2
    score[DAY // 2 + 10 :] = 0
    found = judge([JudgedSeries("gap", score, np.zeros(DAY, np.int64), None, observed, 60)])
    assert found.days == 0.5 and found.unscored == 10


def test_kinds() -> None:
    found = judge([injected({"shift": 60, "ramp": 15, "phase": 0, "spike": 6})])
    assert list(found.by_kind) == ["phase", "ramp", "shift", "spike"]
    assert [found.by_kind[name].recall for name in found.by_kind] == [0, 1, 1, 1]
    assert [found.by_kind[name].coverage for name in found.by_kind] == [0, 44 / 60, 1, 35 / 60]
    assert found.long_coverage == pytest.approx(
        (1 + 44 / 60 + 0) / 3
    )  # of the kinds that are there


def test_kinds_on_call_are_judged_at_the_threshold_that_keeps_the_rate() -> None:
    louder = injected({"shift": 60})
    louder.score[1000] = 2.0
    found = judge([louder])
    assert found.threshold_at[0.1] == 2
    kind = found.by_kind["shift"]
    assert (kind.recall, kind.coverage, kind.on_call_recall, kind.on_call_coverage) == (1, 1, 0, 0)
    assert found.long_coverage == 0


def test_calibration_is_of_quiet_series() -> None:
    found = judge([labelled(), quiet("a", 0), quiet("b", 1), quiet("c", 5)]).calibration
    assert (found.series, found.days, found.false_alarms, found.promised) == (
        3,
        21,
        6,
        pytest.approx(3),
    )
    assert (
        found.ratio == pytest.approx(2)
        and found.above == 1
        and found.share_above == pytest.approx(1 / 3)
    )
    assert math.isnan(judge([labelled()]).calibration.ratio)


def test_the_budget_is_what_was_promised() -> None:
    assert judge([quiet("a", 3)], alert_budget=1 / 86_400).calibration.ratio == pytest.approx(3 / 7)


@pytest.mark.parametrize(
    ("number", "mean", "tail"),
    [
        (0, 1.0, 1.0),
        (1, 1.0, 1 - math.exp(-1)),
        (3, 1.0, 1 - 2.5 * math.exp(-1)),
        (0, 0.0, 1.0),
        (1, 0.0, 0.0),
    ],
)
def test_poisson_tail(number: int, mean: float, tail: float) -> None:
    assert poisson_tail(number, mean) == pytest.approx(tail)


def test_the_poisson_tail_of_large_numbers() -> None:
    assert 0.49 < poisson_tail(10_000, 10_000) < 0.51
