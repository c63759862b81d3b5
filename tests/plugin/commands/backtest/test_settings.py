"""A backtest refuses what a configuration file refuses, by the names of its flags."""

import numpy as np
import pandas as pd
import pytest

from plugin.commands.backtest.settings import check_settings
from plugin.commands.backtest.source import Recording, recorded
from plugin.config import Calendar, Watch
from plugin.domain.times import DAY, HOUR
from plugin.errors import ConfigError

WATCH = Watch(name="backtest", query="recorded", forecast=0)


def recording(name: str, step: int) -> Recording:
    times = step * np.arange(10)
    return recorded(name, step, times, np.ones(10), pd.DataFrame(index=range(10)))


@pytest.mark.parametrize("step", [1, 15, 60, 300, HOUR, 6 * HOUR])
def test_default_settings_suit_steps_from_a_second_to_hours(step: int) -> None:
    check_settings(WATCH, [recording("a", step)])


@pytest.mark.parametrize(
    ("settings", "step", "message"),
    [
        (
            {},
            DAY,
            '--alert-budget: found "1/w"; valid is at most one alarm in 20 samples, "1/20d" at the'
            ' step "1d" (one sample every 1d: a)',
        ),
        (
            {"fit_window": 14 * DAY, "alert_budget": 1 / (30 * DAY)},
            DAY,
            '--fit-window: found "2w" = 14 steps of "1d"; valid is 100 to 250000 steps, "100d" to'
            ' "250000d" (one sample every 1d: a)',
        ),
        (
            {"fit_every": HOUR},
            6 * HOUR,
            '--refit-every: found "1h"; valid is at least the step "6h" (one sample every 6h: a)',
        ),
        (
            {"calendar": Calendar(country="FR", subdivision="BE")},
            60,
            '--subdivision: found "BE"; valid is a part of FR: ',
        ),
    ],
)
def test_what_a_configuration_file_refuses_is_refused(
    settings: dict[str, object], step: int, message: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        check_settings(WATCH.model_copy(update=settings), [recording("a", step)])
    assert str(refused.value).startswith(message)


def test_each_step_is_checked_and_its_series_are_named() -> None:
    recordings = [recording(f"day{number}", DAY) for number in range(7)] + [recording("a", 60)]
    with pytest.raises(ConfigError, match=r"day0, day1, day2, day3, day4 and 2 more\)$"):
        check_settings(WATCH, recordings)


def test_a_series_with_the_name_of_the_list_of_alarms_is_refused() -> None:
    with pytest.raises(ConfigError, match="alarms.csv: a backtest writes its alarms under"):
        check_settings(WATCH, [recording("alarms", 60)])
