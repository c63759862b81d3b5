"""Public holidays by country and its parts. Pure. The only file that knows the library `holidays`.

The library is loaded when a holiday is first asked for: without a calendar, never.
"""

from datetime import date, timedelta
from functools import lru_cache

EPOCH = date(1970, 1, 1)


@lru_cache(1)
def subdivisions_by_country() -> dict[str, tuple[str, ...]]:
    """ISO 3166 code of each country (`DE`) -> the codes of its parts that have holidays of their
    own (`BE`)."""
    import holidays

    countries = holidays.list_supported_countries(include_aliases=False)
    return {country: tuple(parts) for country, parts in countries.items()}


def country_meant(text: str) -> str | None:
    """The code of a country by its English name, or by a code in other letters; None = none."""
    from holidays.registry import COUNTRIES

    name = "".join(letter for letter in text.lower() if letter.isalnum())
    codes = [names[1] for names in COUNTRIES.values() if name in (spelt.lower() for spelt in names)]
    return next((code for code in codes if code in subdivisions_by_country()), None)


def subdivision_meant(country: str, text: str) -> str | None:
    """The code of a part of a country by its name, or in other letters; None = none."""
    import holidays

    names = {code: code for code in subdivisions_by_country()[country]}
    names |= holidays.country_holidays(country).subdivisions_aliases
    folded = {name.casefold(): code for name, code in names.items()}
    return folded.get(text.casefold().strip())


def holidays_between(
    first_day: int, last_day: int, country: str, subdivision: str = ""
) -> dict[int, str]:
    """The holidays of first_day..last_day, days since 1970-01-01, ascending -> their names.

    subdivision: "" = those of the whole country.
    Raises NotImplementedError, as the library does, for a place that it does not know.
    """
    import holidays

    first, last = (EPOCH + timedelta(days=day) for day in (first_day, last_day))
    names = holidays.country_holidays(
        country, subdiv=subdivision or None, years=range(first.year, last.year + 1)
    )
    days = {(day - EPOCH).days: name for day, name in sorted(names.items())}
    return {day: name for day, name in days.items() if first_day <= day <= last_day}
