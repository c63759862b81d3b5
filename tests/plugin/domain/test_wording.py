"""Numbers, bands and episodes in words."""

import math

import pytest

from plugin.domain.wording import alarm_text, alarm_title, duration, expected_range, explanation

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


@pytest.mark.parametrize(
    ("value", "lower", "upper", "unit", "words"),
    [
        (812.34, 1020.4, 1310.6, "reqps", "812 req/s; expected 1,020 to 1,311 req/s"),
        (12_345_678, 1, 20_000_000, "unheard-of", "12,350,000; expected 1 to 20,000,000"),
        (0.0123, 0.002, 0.0101, "s", "12.3 ms; expected 2 to 10.1 ms"),
        (90.0, 2.0, 3.0, "s", "90 s; expected 2 to 3 s"),
        (5400.0, 60.0, 3600.0, "s", "1.5 h; expected 1 min to 1 h"),
        (1500.0, 1.0, 2.0, "ms", "1,500 ms; expected 1 to 2 ms"),
        (3 * 2.0**20, 5 * 2.0**30, 6 * 2.0**30, "bytes", "3 MiB; expected 5 to 6 GiB"),
        (0.05, 2.0, 3.0, "s", "50 ms; expected 2 to 3 s"),
        (1536.0, 0.0, 1024.0, "bytes", "1.5 KiB; expected 0 to 1 KiB"),
        (2.5e6, 0.0, 1e6, "decbytes", "2.5 MB; expected 0 to 1 MB"),
        (0.25, 0.0, 0.2, "percentunit", "25%; expected 0 to 20%"),
        (25.0, 0.0, 20.0, "percent", "25%; expected 0 to 20%"),
        (
            1000.4,
            900.0,
            1000.0,
            "",
            "1,000.4; expected 900 to 1,000",
        ),  # as many digits as tell them apart
        (3.2e-7, 0.0, 1e-7, "", "3.2e-07; expected 0 to 1e-07"),
        (4e18, 0.0, 1e18, "ops", "4e+18 ops/s; expected 0 to 1e+18 ops/s"),
    ],
)
def test_numbers_are_rounded_for_people(
    value: float, lower: float, upper: float, unit: str, words: str
) -> None:
    assert "; ".join(expected_range(value, (lower + upper) / 2, lower, upper, unit)) == words


def test_an_alarm() -> None:
    title = alarm_title('requests{job="api"}', 1), alarm_title("up{}", -1)
    assert title == ('requests{job="api"} above its band', "up{} below its band")
    at = 1_795_230_300  # 2026-11-21T03:05:00Z
    band = (24.0, 4.0, -1.0, 9.0, "")
    assert (
        alarm_text(*band, at=at, seconds=720, open=False)
        == "24 at 03:05 UTC; expected -1 to 9; outside for 12 min"
    )
    assert alarm_text(*band, at=at, seconds=0, open=True).endswith(
        "; outside for one sample so far"
    )
    over = alarm_text(*band, at=at, seconds=720, open=True, last=at + 600)
    assert over.endswith("; outside for 12 min, last outside at 03:15 UTC")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (45, "45 s"),
        (720, "12 min"),
        (90, "1 min 30 s"),
        (3900, "1 h 5 min"),
        (3605, "1 h"),
        (90_000, "1 d 1 h"),
        (86_400, "1 d"),
    ],
)
def test_durations_have_two_parts_at_most(seconds: int, words: str) -> None:
    assert duration(seconds) == words
