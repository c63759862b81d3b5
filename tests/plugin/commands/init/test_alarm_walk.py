"""How many alarms a week a trial sees, over series whose past is known."""

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest

from plugin.commands.init.alarm_trial import AlarmTrial, NotTried
from plugin.commands.init.alarm_walk import AlarmWalk
from plugin.commands.init.survey import MetricSurvey
from plugin.config import Watch
from plugin.domain.times import DAY, WEEK
from plugin.errors import QueryRejected
from plugin.series import Labels, Series

STEP = 300
END = 1_790_000_000 // STEP * STEP


@dataclass
class Past:
    """Stands for a Prometheus with one series: a quiet wave of a day."""

    days: float = 7.0
    spikes: tuple[float, ...] = ()  # days before the end
    asked: list[int] = field(default_factory=list)  # seconds
    refuses: bool = False

    def last_days(self, query: str, step: int, seconds: int) -> list[Series]:
        if self.refuses:
            raise QueryRejected("no such function")
        self.asked.append(seconds)
        times = np.arange(END - int(self.days * DAY), END + STEP, STEP, dtype=np.int64)
        noise = np.random.default_rng(3).normal(0, 1, len(times))
        values = 100 + 20 * np.sin(2 * np.pi * times / DAY) + noise
        for day in self.spikes:
            values[abs(times - (END - day * DAY)) <= STEP] += 200
        return [Series(Labels.of({"job": "a"}), times, values)]

    def hole_spans(self, query: str, step: int, seconds: int) -> list[tuple[int, int]]:
        return []


def trial(past: Past, series: int = 1, **settings: object) -> AlarmTrial | NotTried:
    watch = Watch.model_validate({"name": "a", "query": "a", "step": STEP, **settings})
    return AlarmWalk(cast(MetricSurvey, past)).trial(watch, series)


def test_a_spike_is_an_alarm_and_a_quiet_week_has_none() -> None:
    loud = trial(Past(spikes=(1.0, 2.0)), series=10)
    quiet = trial(Past(), series=10, direction="above", min_deviation=50)
    assert isinstance(loud, AlarmTrial)
    assert isinstance(quiet, AlarmTrial)
    assert loud.alarms >= 2
    assert loud.weekly == pytest.approx(loud.alarms * 10 * WEEK / loud.seconds)
    assert loud.weekly_text.startswith("about ")
    assert (quiet.alarms, quiet.weekly_text) == (0, "below 20")
    assert loud.seconds == pytest.approx(3.5 * DAY, abs=2 * STEP)
    assert loud.fit_seconds > 0


@pytest.mark.parametrize(
    ("past", "series", "reason"),
    [
        (Past(days=1.5), 1, "its history is too short"),
        (Past(days=0), 1, "its history is too short"),
        (Past(), 100_000, "it has too many series for a quick trial"),
        (Past(refuses=True), 1, "no such function"),
    ],
)
def test_why_there_is_no_trial_is_said(past: Past, series: int, reason: str) -> None:
    assert trial(past, series) == NotTried(reason)


def test_many_series_are_read_over_fewer_days() -> None:
    past = Past(days=1.5)
    trial(past, 2_000)
    assert past.asked == [3 * DAY]


def test_all_trials_together_end_in_time() -> None:
    watch = Watch(name="a", query="a", step=STEP)
    walk = AlarmWalk(cast(MetricSurvey, Past()), max_seconds=-1)
    assert walk.trial(watch, 1) == NotTried("the trials before took too long")
