"""The Python call: a frame in, bands and alarms out."""

import numpy as np
import pandas as pd
import pytest

from plugin.commands.preview import preview
from plugin.domain.preview import PreviewAlarm
from plugin.errors import ConfigError

STEP = 600
START = 1_767_225_600  # Thursday, 1 January 2026
DAYS = 12
SETTINGS = {"detector": "baseline", "fit_window": "6d"}


def frame() -> pd.DataFrame:
    times = START + STEP * np.arange(DAYS * 144)
    noise = np.random.default_rng(0).normal(size=(2, len(times)))
    values = 100 + 20 * np.sin(2 * np.pi * times / 86_400) + noise
    values[0, 1400:1412] += 60
    index = pd.to_datetime(times, unit="s", utc=True)
    return pd.DataFrame({"a": values[0], "b": values[1]}, index=index)


@pytest.fixture(scope="module")
def found() -> tuple[pd.DataFrame, list[PreviewAlarm]]:
    return preview(frame(), since="6d", **SETTINGS)


def test_what_is_injected_alarms(found: tuple[pd.DataFrame, list[PreviewAlarm]]) -> None:
    _, alarms = found
    [alarm] = [alarm for alarm in alarms if alarm.series == '{series="a"}']
    assert (alarm.alarm.start, alarm.alarm.end) == (START + 1400 * STEP, START + 1411 * STEP)
    assert alarm.words.endswith("outside for 1 h 50 min")


def test_the_bands_are_a_row_for_each_sample(
    found: tuple[pd.DataFrame, list[PreviewAlarm]],
) -> None:
    bands, _ = found
    assert list(bands) == ["time", "series", "value", "expected", "lower", "upper", "score"]
    first = bands[bands["series"] == "a"].set_index("time")
    assert len(first) >= 6 * 144
    assert first["score"].notna().all()
    outside = first["score"] > 1
    assert (
        outside == ((first["value"] < first["lower"]) | (first["value"] > first["upper"]))
    ).all()
    pd.testing.assert_series_equal(
        first["value"], frame()["a"].loc[first.index], check_names=False, check_freq=False
    )


def test_settings_are_those_of_a_file() -> None:
    _, alarms = preview(frame(), since="3d", min_deviation=1000, **SETTINGS)
    assert alarms == []


def test_a_wrong_setting_is_told() -> None:
    with pytest.raises(ConfigError, match=r"watches\[0\].alert_budget: found \"often\""):
        preview(frame(), alert_budget="often")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (frame().reset_index(drop=True), "found an index of int64; valid is an index of times"),
        (frame().iloc[::-1], "its times do not ascend"),
        (frame().iloc[:1], "found 1 rows and 2 columns"),
        (frame()[[]], "and 0 columns"),
    ],
)
def test_a_wrong_frame_is_told(wrong: pd.DataFrame, words: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        preview(wrong)
    assert words in str(refusal.value)
