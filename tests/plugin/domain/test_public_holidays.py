import subprocess
import sys
from datetime import date

import pytest

from plugin.domain.public_holidays import (
    EPOCH,
    country_meant,
    holidays_between,
    subdivision_meant,
    subdivisions_by_country,
)


def day(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH).days


def test_a_country_has_its_holidays_and_a_part_of_it_its_own_besides() -> None:
    first, last = day("2026-03-01"), day("2026-10-31")
    germany = holidays_between(first, last, "DE")
    berlin = holidays_between(first, last, "DE", "BE")
    assert day("2026-10-03") in germany  # German Unity Day
    assert berlin.keys() - germany.keys() == {day("2026-03-08")}  # International Women's Day
    assert germany.keys() <= berlin.keys() and list(berlin) == sorted(berlin)


def test_holidays_are_found_over_the_end_of_a_year_with_both_ends() -> None:
    days = holidays_between(day("2026-12-25"), day("2027-01-01"), "DE")
    assert list(days) == [day("2026-12-25"), day("2026-12-26"), day("2027-01-01")]


@pytest.mark.parametrize(
    ("text", "country"),
    [("Germany", "DE"), ("de", "DE"), ("DEU", "DE"), ("UK", "GB"), ("Atlantis", None), ("", None)],
)
def test_a_country_is_meant_by_its_name_and_other_codes(text: str, country: str | None) -> None:
    assert country_meant(text) == country


@pytest.mark.parametrize(("text", "part"), [("Berlin", "BE"), ("be ", "BE"), ("Vienna", None)])
def test_a_part_is_meant_by_its_name(text: str, part: str | None) -> None:
    assert subdivision_meant("DE", text) == part


def test_many_countries_are_known() -> None:
    known = subdivisions_by_country()
    assert len(known) > 100 and "BE" in known["DE"] and "UK" not in known


def test_the_library_is_loaded_when_it_is_needed() -> None:
    program = "import sys, plugin.config; print('holidays' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "False"
