"""The curve says at every threshold what counting at that threshold says."""

import math
from dataclasses import replace

import numpy as np
import pytest

from detectors.evaluate import Events, Marks, count, mark_series
from detectors.thresholds import curve, lowest_until


def series(
    score: list[float], label: list[int] | None = None, kind: list[str] | None = None
) -> Marks:
    marks = np.zeros(len(score), np.int64) if label is None else np.array(label)
    kinds = None if kind is None else np.array(kind)
    return mark_series(np.array(score, np.float64), marks, np.ones(len(score), bool), kinds)


def test_the_lowest_score_on_the_way() -> None:
    flags = np.array([False, False, True, False, True, False])
    marks = series([0.5, 0.1, 0.3, 0.2, 0.4, 0.9])
    held = replace(marks, score=np.array([5, 1, 3, 2, 4, 9.0]), before=np.array([0, 5, 1, 3, 2, 4]))
    assert lowest_until(held, flags).tolist() == [1, 1, 3, 2, 4, -np.inf]
    torn = replace(held, before=np.array([0, 5, 0.5, 3, 2, 4]))  # less is held in a gap before it
    assert lowest_until(torn, flags).tolist() == [0.5, 0.5, 3, 2, 4, -np.inf]


@pytest.mark.parametrize("seed", range(8))
def test_every_threshold_is_counted_exactly(seed: int) -> None:
    random = np.random.default_rng(seed)
    marks = []
    for number in range(3):
        score = np.round(np.abs(random.standard_cauchy(400)), 1)
        score[random.random(400) < 0.05] = np.nan
        label = np.zeros(400, np.int64)
        for start in random.integers(0, 360, 4):
            label[start : start + random.integers(1, 40)] = random.choice([1, 1, -1])
        kind = np.where(label == 1, random.choice(["dip", "ramp"]), "") if number else None
        observed = random.random(400) < 0.9
        observed[100 : 100 + random.integers(0, 20)] = False
        marks.append(mark_series(score, label, observed, kind, step=600))
    found = curve(marks, days=2.0)
    for threshold in [0, *np.unique(np.concatenate([each.score for each in marks]))[1:]]:
        want = sum((count(each, float(threshold)) for each in marks), Events())
        false = int(found.false_alarms.at(threshold))
        true = int(found.true_alarms.at(threshold))
        assert (false, true, found.recall(threshold)) == (
            want.false_alarms,
            want.alarms - want.false_alarms,
            want.recall,
        )


def test_the_lowest_threshold_that_keeps_a_rate() -> None:
    quiet = [0.1] * 40
    found = curve([series([*quiet, 3, *quiet, 5, *quiet, 4, *quiet])], days=2.0)
    assert [found.threshold_for(rate) for rate in (0.4, 0.5, 1, 1.5)] == [5, 4, 3, 0]


def test_a_threshold_below_too_many_alarms_is_not_taken() -> None:
    """Below 0.2 the three alarms are one, and that is within the rate again."""
    quiet = [0.2] * 40
    found = curve([series([*quiet, 3, *quiet, 5, *quiet, 4, *quiet])], days=2.0)
    assert int(found.false_alarms.at(np.array(0.1))) == 1 and found.threshold_for(0.5) == 4


def test_an_endless_score_has_no_threshold() -> None:
    found = curve([series([0, np.inf, 0])], days=1.0)
    assert found.threshold_for(0.5) == np.inf and found.threshold_for(1) == 0


def test_the_best_f1_by_event() -> None:
    quiet = [0.1, 0.2] * 30
    score = [*quiet, 4, *quiet, 2, *quiet, 3, *quiet]
    label = [0] * 60 + [1] + [0] * 121 + [1] + [0] * 60
    found = curve([series(score, label)], days=1.0)
    threshold, f1 = found.best_f1()
    assert threshold == 2 and f1 == 1  # both incidents, and not the 2 between them


def test_flagging_everything_is_not_the_best() -> None:
    noise = [float(value) for value in np.random.default_rng(0).random(2000)]
    label = [0] * 1000 + [1] * 5 + [0] * 995
    noise[1002] = 0.99
    threshold, f1 = curve([series(noise, label)], days=1.0).best_f1()
    assert 0.98 < threshold < 0.99 and 0 < f1 < 0.15


def test_without_incidents_there_is_nothing_to_choose() -> None:
    found = curve([series([0, 1, 0])], days=1.0)
    assert math.isnan(found.recall(0.5)) and all(map(math.isnan, found.best_f1()))
    threshold, f1 = curve([series([np.nan, 0], [1, 0])], days=1.0).best_f1()
    assert math.isnan(threshold) and f1 == 0
    assert curve([], days=0.0).threshold_for(0.1) == 0
