"""Settings tried on stored samples: the mildest that spares two thirds of the alarms and keeps
those that matter."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.api import Band
from plugin.config import Watch
from plugin.domain.alarms import Alarm, OpenAlarms
from plugin.domain.budget import Suggestion
from plugin.jobs import suggestions
from plugin.jobs.policies import judge_values
from plugin.jobs.suggestions import best_suggestion, episodes
from plugin.series import Samples, Tick

# alarms are so many samples apart
STEP = 60
LENGTH = 2000
APART = 40
START = 1_795_219_200
WATCH = Watch(name="w", query="up")


def samples(*excursions: tuple[float, int], half: float = 2.0, watch: Watch = WATCH) -> Samples:
    """A series at 100 ± 0.1 in a band of ± half, and every APART samples an excursion: (how far,
    how many samples)."""
    value = 100 + 0.1 * np.sin(np.arange(LENGTH))
    for number, (distance, length) in enumerate(excursions, start=1):
        value[number * APART : number * APART + length] = 100 + distance
    flat = np.full((1, LENGTH), 100.0)
    score, band = judge_values(value[None], Band(flat - half, flat, flat + half), watch)
    return Samples(
        START + STEP * np.arange(LENGTH),
        value,
        band.expected[0],
        band.lower[0],
        band.upper[0],
        score[0],
        np.ones(LENGTH, np.int64),
    )


def nth(found: Samples, number: int, watch: Watch = WATCH) -> Alarm:
    """The alarm of an excursion, counted from 1."""
    return counted(found, watch)[number - 1]


def counted(found: Samples, watch: Watch) -> list[Alarm]:
    """The alarms of stored samples under the settings of a watch."""
    score, band = judge_values(
        found.value[None], Band(found.lower[None], found.expected[None], found.upper[None]), watch
    )
    return episodes(
        watch,
        found.times,
        found.value,
        Band(band.lower[0], band.expected[0], band.upper[0]),
        score[0],
    )


def applied(made: Suggestion, watch: Watch = WATCH) -> Watch:
    name, _, value = made.setting.partition(": ")
    return Watch.model_validate(
        {**watch.model_dump(exclude={"persistence", "alert_budget"}), name: value}
    )


SMALL = [(2.9, 9)] * 8
LARGE = [(30.0, 9)] * 2


def test_small_alarms_are_spared_by_a_least_deviation() -> None:
    found = samples(*SMALL, *LARGE)
    made = best_suggestion(WATCH, found, [], [])
    assert made == Suggestion("min_deviation: 2.9", 8, 10, 0, True)
    assert len(counted(found, applied(made))) == 2


def test_single_samples_are_spared_by_waiting() -> None:
    found = samples(*[(15.0, 1), (-12.0, 1), (20.0, 1)] * 3, (40.0, 9))
    made = best_suggestion(WATCH, found, [], [])
    assert made == Suggestion("persistence: 2 of 3", 9, 10, 0, True)
    assert len(counted(found, applied(made))) == 1


def test_the_worst_stays_where_nobody_has_said_what_is_real() -> None:
    assert (
        best_suggestion(WATCH, samples(*[(8.0, 4)] * 9), [], []) is None
    )  # all alike: nothing tells them apart
    found = samples(*[(8.0, 4)] * 8, (9.0, 4))
    made = best_suggestion(WATCH, found, [], [])
    assert made is not None and (made.removed, made.of) == (8, 9)


def test_what_was_real_stays() -> None:
    found = samples(*SMALL, *LARGE, (3.5, 9))
    real = [nth(found, 11)]
    made = best_suggestion(WATCH, found, real, [])
    assert made == Suggestion("min_deviation: 2.9", 8, 10, 1, True)
    assert str(made).endswith("removed 8 of 10 alarms and kept the one marked real")
    hidden = best_suggestion(
        WATCH, found, [nth(found, 1)], []
    )  # as small as the others: any setting would hide it
    assert hidden is None


def test_what_was_real_elsewhere_stays() -> None:
    found = samples(*SMALL, *LARGE)
    other = replace(nth(found, 1), series_id=7)
    made = best_suggestion(WATCH, found, [], [replace(other, peak_value=103.5)])
    assert made is not None and made.setting == "min_deviation: 2.9"
    assert best_suggestion(WATCH, found, [], [other]) is None


def test_one_side_is_given_up_only_where_nothing_else_helps() -> None:
    found = samples(*[(-30.0, 9)] * 7, (3.0, 9))
    assert best_suggestion(WATCH, found, [nth(found, 8)], []) == Suggestion(
        "direction: above", 7, 7, 1, True
    )


def test_a_rarer_budget_is_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "PERSISTENCES", ())
    monkeypatch.setattr(suggestions, "_least", lambda *_: math.inf)
    made = best_suggestion(WATCH, samples(*[(2.2, 9)] * 6, (9.0, 9)), [], [])
    assert made == Suggestion("alert_budget: 1/2w", 6, 7, 0, False)


def test_few_alarms_are_no_habit() -> None:
    assert best_suggestion(WATCH, samples((3.0, 3), (30.0, 6)), [], []) is None
    assert best_suggestion(WATCH, samples(), [], []) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"min_deviation": 2.5},
        {"direction": "above"},
        {"persistence": "2 of 3"},
        {"valid_range": [0, 200]},
        {"alert_budget": "1/90d"},
    ],
)
def test_what_is_set_already_is_where_it_begins(settings: dict[str, Any]) -> None:
    watch = Watch.model_validate({"name": "w", "query": "up", **settings})
    found = samples(*SMALL, *LARGE, watch=watch)
    made = best_suggestion(watch, found, [], [])
    assert made is not None and (made.setting, made.removed, made.of) == (
        "min_deviation: 2.9",
        8,
        10,
    )


def test_alarms_are_those_of_the_score_job() -> None:
    """However few samples are looked at: against all of them."""
    rng = np.random.default_rng(0)
    for persistence in ((1, 1), (2, 3), (4, 6)):
        watch = WATCH.model_copy(update={"persistence": persistence})
        found = samples()
        wild = np.repeat(rng.random(LENGTH // 10) < 0.15, 10) & (rng.random(LENGTH) < 0.8)
        score = np.where(rng.random(LENGTH) < 0.1, np.nan, np.where(wild, 2.0, 0.5))
        band = Band(found.lower, found.expected, found.upper)
        few = episodes(watch, found.times, found.value, band, score)
        assert few == whole(watch, replace(found, score=score)) and len(few) > 10


def whole(watch: Watch, found: Samples) -> list[Alarm]:
    tick = Tick(
        "w",
        np.zeros(1, np.int64),
        found.times,
        found.value[None],
        found.expected[None],
        found.lower[None],
        found.upper[None],
        found.score[None],
        np.ones(1, np.int64),
    )
    n = watch.persistence[1]
    return OpenAlarms(STEP, watch.persistence, 0, {}).after(
        [tick], lambda ids: np.full((1, n), np.nan)
    )[0]
