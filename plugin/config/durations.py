"""Durations (`1h30m`, seconds) and alert budgets (`1/w`, alarms per series and second) in the
spelling of the file.

The parser is our own, because it must accept exactly the durations of Prometheus, and a message
must suggest the valid spelling of what was meant.
"""

import re
from fractions import Fraction

from plugin.config.problems import InvalidValue, display_text
from plugin.domain.times import DAY, HOUR, MINUTE, WEEK

DURATION_FORMAT = "a duration such as 30s, 5m, 2h, 1d, 2w"
BUDGET_FORMAT = "a number of alarms per time such as 1/w, 2/d, 1/30d, 1/month"
MAX_SECONDS = 10 * 366 * DAY

UNIT_SECONDS = {"w": WEEK, "d": DAY, "h": HOUR, "m": MINUTE, "s": 1}
PERIOD_SECONDS = {"h": HOUR, "d": DAY, "w": WEEK, "month": 30 * DAY}
# Only for suggestions: the words that people write, in seconds.
UNIT_WORDS = {
    **UNIT_SECONDS,
    "sec": 1,
    "second": 1,
    "min": MINUTE,
    "minute": MINUTE,
    "hr": HOUR,
    "hour": HOUR,
    "day": DAY,
    "week": WEEK,
    "month": PERIOD_SECONDS["month"],
    "mo": PERIOD_SECONDS["month"],
    "year": 365 * DAY,
    "y": 365 * DAY,
}

MAX_MEANT_CHARACTERS = 60  # of a text for which a valid spelling is looked for

_DURATION = re.compile(
    r"(?:(\d{1,12})w)?(?:(\d{1,12})d)?(?:(\d{1,12})h)?(?:(\d{1,12})m)?(?:(\d{1,12})s)?"
)
_LOOSE_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)[\s,]*")
_BUDGET = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*/\s*(\S+)")
_LOOSE_BUDGET = re.compile(
    r"(\d{1,6}|once|one)\s*(?:alarms?|alerts?)?\s*(?:/|per|an|a|every|in)?"
    r"\s*(\d*)\s*([a-z]+)"
)


def parse_duration(text: str) -> int:
    """Seconds of `30s 5m 2h 1d 2w` or a compound, largest unit first.

    Raises InvalidValue, a ValueError.
    """
    match = _DURATION.fullmatch(text)
    if not text.isascii() or not match or not text:
        raise InvalidValue(display_text(text), DURATION_FORMAT, _meant_duration(text))
    counts = match.groups(default="0")
    seconds = sum(
        int(count) * unit for count, unit in zip(counts, UNIT_SECONDS.values(), strict=True)
    )
    if seconds > MAX_SECONDS:
        raise InvalidValue(display_text(text), "a duration of at most 10 years")
    return seconds


def format_duration(seconds: int) -> str:
    """The inverse of `parse_duration`: whole weeks, otherwise days, hours, minutes, seconds (`90d`,
    `1h30m`)."""
    if seconds and seconds % UNIT_SECONDS["w"] == 0:
        return f"{seconds // UNIT_SECONDS['w']}w"
    parts = []
    for unit in "dhms":
        count, seconds = divmod(seconds, UNIT_SECONDS[unit])
        parts.append(f"{count}{unit}" if count else "")
    return "".join(parts) or "0s"


def parse_budget(text: str) -> float:
    """Alarms per series and second of `1/w`, `2/d`, `1/30d`, `1/month` (30 days).

    Raises InvalidValue.
    """
    match = _BUDGET.fullmatch(text.strip())
    if not match or match[2] == "m":  # `1/m` may be minute or month; `1/1m` is a minute
        raise InvalidValue(display_text(text), BUDGET_FORMAT, _meant_budget(text))
    try:
        period = PERIOD_SECONDS.get(match[2]) or parse_duration(match[2])
    except InvalidValue:
        raise InvalidValue(display_text(text), BUDGET_FORMAT, _meant_budget(text)) from None
    if not period or not float(match[1]):
        raise InvalidValue(
            display_text(text),
            "a budget above zero; for fewer alarms take a longer time such as 1/365d",
        )
    return float(Fraction(match[1]) / period)


def format_budget(rate: float) -> str:
    """The inverse of `parse_budget`: the smallest whole number of alarms in a whole number of
    seconds that gives the rate."""
    if not rate > 0:
        raise ValueError(f"a budget is above zero: got {rate}")
    for alarms in range(1, 1_000):
        seconds = round(alarms / rate)
        if seconds and alarms / seconds == rate:
            return f"{alarms}/{_period(seconds)}"
    return f"1/{_period(max(1, round(1 / rate)))}"


def _meant_duration(text: str) -> str | None:
    lower = text.strip().lower()
    if len(lower) > MAX_MEANT_CHARACTERS:
        return None
    if lower.isdecimal() and lower.isascii() and len(lower) < 9:
        return f'"{lower}s"'
    parts = _LOOSE_PART.findall(lower)
    units = [_unit(unit) for _, unit in parts]
    if not parts or None in units or _LOOSE_PART.sub("", lower):
        return None
    seconds = sum(
        float(count) * unit for (count, _), unit in zip(parts, units, strict=True) if unit
    )
    return f'"{format_duration(round(seconds))}"' if 1 <= seconds <= MAX_SECONDS else None


def _meant_budget(text: str) -> str | None:
    lower = text.strip().lower()
    match = _LOOSE_BUDGET.fullmatch(lower) if len(lower) <= MAX_MEANT_CHARACTERS else None
    if not match:
        return None
    alarms = "1" if match[1] in ("once", "one") else match[1]
    if match[3] in ("m", "mo", "month", "months") and match[2] in ("", "1"):
        return f'"{alarms}/month"'
    unit = _unit(match[3])
    if not unit or int(alarms) == 0 or len(match[2]) > 6:
        return None
    return f'"{alarms}/{_period(int(match[2] or 1) * unit)}"'


def _period(seconds: int) -> str:
    text = format_duration(seconds)
    return text[1:] if text in ("1h", "1d", "1w") else text


def _unit(word: str) -> int | None:
    """Seconds of a unit in the words of people, singular or plural."""
    return UNIT_WORDS.get(word) or (
        UNIT_WORDS.get(word.removesuffix("s")) if len(word) > 2 else None
    )
