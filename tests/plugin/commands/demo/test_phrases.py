"""Numbers in words."""

import math

import pytest

from plugin.commands.demo.phrases import described, movement, scored
from plugin.commands.demo.shop import catalog
from plugin.domain.number_text import UNITS


@pytest.mark.parametrize(
    ("value", "lower", "upper", "unit", "words"),
    [
        (0.812, 0.24, 0.31, "s", "812 ms (expected 240 to 310 ms)"),
        (2.5, 0.9, 1.2, "s", "2.5 s (expected 0.9 to 1.2 s)"),
        (0, 221.4, 260.1, "reqps", "0 req/s (expected 221 to 260 req/s)"),
        (1.5 * 2**30, 2**29, 2**30, "bytes", "1.5 GiB (expected 0.5 to 1 GiB)"),
        (0.871, 0.95, 0.99, "percentunit", "87.1% (expected 95 to 99%)"),
        (85, 21.26, 24.5, "celsius", "85 °C (expected 21.3 to 24.5 °C)"),
        (1.0902, 1.0885, 1.0901, "", "1.0902 (expected 1.0885 to 1.0901)"),
        (12345, 4, 4, "", "12,340 (expected 4)"),
        (7, None, 5, "", "7 (expected at most 5)"),
        (7, 8, None, "", "7 (expected at least 8)"),
        (7, None, None, "", "7"),
    ],
)
def test_a_value_with_its_band(
    value: float, lower: float | None, upper: float | None, unit: str, words: str
) -> None:
    assert described({"value": value, "lower": lower, "upper": upper}, unit) == words


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"value": 9, "lower": 2, "upper": 4, "state": "ok"}, "rose to 9 (expected 2 to 4)"),
        ({"value": 1, "lower": 2, "upper": 4, "state": "ok"}, "fell to 1 (expected 2 to 4)"),
        ({"value": 3, "lower": 2, "upper": 4, "state": "ok"}, "is at 3 (expected 2 to 4)"),
        (
            {"value": 3, "lower": 2, "upper": 4, "state": "missing"},
            "vanished: its last value was 3 (expected 2 to 4)",
        ),
    ],
)
def test_what_it_did(row: dict[str, object], words: str) -> None:
    assert movement(row, "") == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-1e-9, "-1e-09"),
        (1234.5, "1,234"),
        (99.96, "100"),
        (0.01234, "0.0123"),
        (-12.34, "-12.3"),
        (math.inf, ""),
        (math.nan, ""),
    ],
)
def test_a_value_without_a_band(value: float, text: str) -> None:
    assert described({"value": value}, "") == text


@pytest.mark.parametrize(
    ("score", "words"), [(4.24, "score 4.2"), (0.97, "score 0.97"), (1.03, "score 1.03")]
)
def test_score(score: float, words: str) -> None:
    assert scored(score) == words


def test_every_unit_of_the_catalog_has_words() -> None:
    assert {source.unit for source in catalog(1)} - {""} <= UNITS.keys()
