"""Samples and alarms in words."""

import math

import pytest

from plugin.domain.wording import AlarmPeak, alarm_text, alarm_title, explanation

NAN = math.nan
INF = math.inf


@pytest.mark.parametrize(
    ("value", "expected", "lower", "upper", "score", "words"),
    [
        (8, 4, -1, 9, 0.8, "8; expected -1 to 9"),
        (24, 4, -1, 9, 4.0, "24; expected -1 to 9; above its band (score 4)"),
        (-3, 4, -1, 9, 1.4, "-3; expected -1 to 9; below its band (score 1.4)"),
        (9.001, 4, -1, 9, 1.0002, "9.001; expected -1 to 9; just above its band"),
        (24, 4, -INF, 9, 4.0, "24; expected at most 9; above its band (score 4)"),
        (2, 4, 3, INF, 2.0, "2; expected at least 3; below its band (score 2)"),
        (2, 4, -INF, INF, 0.0, "2; expected about 4"),
        (0, 0, 0, 0, 0.0, "0; expected 0"),
        (5, NAN, NAN, NAN, NAN, "5; no band yet"),
        (NAN, 4, -1, 9, NAN, "no sample; expected -1 to 9"),
        (NAN, NAN, NAN, NAN, NAN, "no sample"),
    ],
)
def test_explanation(
    value: float, expected: float, lower: float, upper: float, score: float, words: str
) -> None:
    assert explanation(value, expected, lower, upper, score, "") == words


def test_an_alarm() -> None:
    title = alarm_title('requests{job="api"}', 1), alarm_title("up{}", -1)
    assert title == ('requests{job="api"} above its band', "up{} below its band")
    at = 1_795_230_300  # 2026-11-21T03:05:00Z
    peak = AlarmPeak(at, 24.0, 4.0, -1.0, 9.0, "")
    assert (
        alarm_text(peak, seconds=720, is_open=False)
        == "24 at 03:05 UTC; expected -1 to 9; outside for 12 min"
    )
    assert alarm_text(peak, seconds=0, is_open=True).endswith("; outside for one sample so far")
    over = alarm_text(peak, seconds=720, is_open=True, last=at + 600)
    assert over.endswith("; outside for 12 min, last outside at 03:15 UTC")
