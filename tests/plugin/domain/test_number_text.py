"""Numbers with their unit in few digits."""

import math

import pytest

from plugin.domain.number_text import expected_range


@pytest.mark.parametrize(
    ("value", "lower", "upper", "unit", "words"),
    [
        (812.34, 1020.4, 1310.6, "reqps", "812 req/s; expected 1,020 to 1,311 req/s"),
        (12_345_678, 1, 20_000_000, "short", "12,350,000; expected 1 to 20,000,000"),
        (12.3, 1, 20, "baskets", "12.3 baskets; expected 1 to 20 baskets"),
        (12.3, 1, 20, "suffix:pages", "12.3 pages; expected 1 to 20 pages"),
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


@pytest.mark.parametrize(
    ("value", "lower", "upper", "unit", "words"),
    [
        (250.0, -1e-9, 240.0, "", "250; expected 0 to 240"),
        (-1e-9, -3.0, 240.0, "reqps", "0 req/s; expected -3 to 240 req/s"),
        (0.0, -1e-9, 240.0, "", "0; expected 0 to 240"),  # inside: it may look like its bound
        (0.0, 1e-9, 240.0, "", "0; expected 1e-09 to 240"),  # below, and one must see it
        (-2e-9, -1e-9, 240.0, "", "-2e-09; expected -1e-09 to 240"),
        (0.5, -1e-9, 0.2, "s", "500 ms; expected 0 to 200 ms"),
        (1024.0, 5 * 2.0**30, 6 * 2.0**30, "bytes", "1 KiB; expected 5 to 6 GiB"),
        (-1e-9, -3e-9, 2e-9, "", "-1e-09; expected -3e-09 to 2e-09"),  # all are small
        (-1e-9, math.nan, math.nan, "", "-1e-09; "),  # nothing beside it
    ],
)
def test_what_is_negligible_beside_the_others_is_0(
    value: float, lower: float, upper: float, unit: str, words: str
) -> None:
    assert "; ".join(expected_range(value, math.nan, lower, upper, unit)) == words
