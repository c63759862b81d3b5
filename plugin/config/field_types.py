"""The types of values that a setting may hold: each describes what is valid, reads it from the
file, and writes it.

A type stands in the annotation of a field (`step: Annotated[int, DurationField(1)]`). Values of a
file must have the documented spelling; values given in code that are typed already are not changed.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, SecretStr, ValidationInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from plugin.config import durations
from plugin.config.problems import (
    InvalidValue,
    bare_text,
    display_text,
    nearest_name,
    one_of,
    quote,
    type_name,
)

SECRET = "<secret>"


class FieldType:
    """What is valid for a setting."""

    valid: str

    def read(self, value: object) -> object:
        """The typed value. Raises InvalidValue."""
        raise NotImplementedError

    def write(self, value: Any) -> object:
        """The value in the spelling of the file."""
        return value

    def text(self, value: object) -> str:
        """The value if it is text and not blank. Raises InvalidValue."""
        if isinstance(value, str) and value.strip():
            return value
        number = isinstance(value, (bool, int, float))
        raise InvalidValue(
            display_text(value), self.valid, quote(display_text(value)) if number else None
        )

    def _validate(self, value: object, info: ValidationInfo) -> object:
        if info.context is None:
            return self.read(value) if isinstance(value, str) else value
        try:
            return self.read(value)
        # pydantic makes the message of a ValueError at once; most of those of a file are not told.
        except InvalidValue as refusal:
            raise PydanticCustomError("invalid_value", "not valid", {"error": refusal}) from None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        writing = core_schema.plain_serializer_function_ser_schema(
            self.write, when_used="json-unless-none"
        )
        return core_schema.with_info_before_validator_function(
            self._validate, handler(source), serialization=writing
        )


@dataclass(frozen=True)
class TextField(FieldType):
    """Any text, or text that matches a pattern; it may be empty if the pattern allows that."""

    valid: str
    pattern: str = r"(?s).+"
    before_colon: bool = False  # only that part is shown: a secret may follow it

    def read(self, value: object) -> str:
        text = "" if value == "" else self.text(value)
        if not re.fullmatch(self.pattern, text):
            found = quote(bare_text(text)) if self.before_colon else display_text(text)
            raise InvalidValue(found, self.valid)
        return text


@dataclass(frozen=True)
class SecretField(FieldType):
    """Text that no message and no page ever shows."""

    valid: str
    pattern: str

    def read(self, value: object) -> SecretStr:
        if not isinstance(value, str):
            raise InvalidValue(
                f"{type_name(value)} (not shown)" if value is not None else "nothing", self.valid
            )
        if not re.fullmatch(self.pattern, value):
            raise InvalidValue("text (not shown)" if value else "empty text", self.valid)
        return SecretStr(value)

    def write(self, value: Any) -> str:
        return SECRET


@dataclass(frozen=True)
class ChoiceField(FieldType):
    """One of a few names."""

    names: tuple[str, ...]

    @property
    def valid(self) -> str:  # type: ignore[override]
        return one_of(self.names)

    def read(self, value: object) -> str:
        if value not in self.names:
            raise InvalidValue(
                display_text(value), self.valid, nearest_name(str(value), self.names)
            )
        return str(value)


class FlagField(FieldType):
    """True or false."""

    valid = "true or false"

    def read(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):  # from the environment
            return value == "true"
        meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(str(value).lower())
        raise InvalidValue(display_text(value), self.valid, meant)


@dataclass(frozen=True)
class NumberField(FieldType):
    """A number within bounds. With `share`, the message for 20 or 20% suggests 0.2."""

    low: float
    high: float = math.inf
    share: bool = False

    @property
    def valid(self) -> str:  # type: ignore[override]
        example = ", such as 0.2 for 20 %" if self.share else ""
        return f"a number {_bounds(self.low, self.high, display_text)}{example}"

    def read(self, value: object) -> float:
        number = _number(value)
        if number is None or not self.low <= number <= self.high or math.isinf(number):
            percent = _number(str(value).rstrip("% ")) if self.share else None
            meant = percent is not None and self.low <= percent / 100 <= self.high
            raise InvalidValue(
                display_text(value),
                self.valid,
                display_text(percent / 100) if percent and meant else None,
            )
        return number


@dataclass(frozen=True)
class IntegerField(FieldType):
    """A whole number within bounds."""

    low: int
    high: int

    @property
    def valid(self) -> str:  # type: ignore[override]
        return f"a whole number {_bounds(self.low, self.high, str)}"

    def read(self, value: object) -> int:
        number = _number(value)
        if number is None or not self.low <= number <= self.high or number != int(number):
            raise InvalidValue(display_text(value), self.valid)
        return int(number)


@dataclass(frozen=True)
class DurationField(FieldType):
    """A duration within bounds, in seconds."""

    low: int = 0
    high: int = durations.MAX_SECONDS

    @property
    def valid(self) -> str:  # type: ignore[override]
        return durations.DURATION_FORMAT

    def read(self, value: object) -> int:
        if not isinstance(value, str):
            whole = isinstance(value, int) and not isinstance(value, bool)
            raise InvalidValue(display_text(value), self.valid, f'"{value}s"' if whole else None)
        seconds = durations.parse_duration(value)
        if not self.low <= seconds <= self.high:
            high = math.inf if self.high == durations.MAX_SECONDS else self.high
            bounds = _bounds(self.low, high, lambda bound: f'"{durations.format_duration(bound)}"')
            raise InvalidValue(display_text(value), f"a duration {bounds}")
        return seconds

    def write(self, value: Any) -> str:
        return durations.format_duration(value)


class BudgetField(FieldType):
    """Alarms per series and second."""

    valid = durations.BUDGET_FORMAT

    def read(self, value: object) -> float:
        if not isinstance(value, str):
            raise InvalidValue(display_text(value), self.valid)
        return durations.parse_budget(value)

    def write(self, value: Any) -> str:
        return durations.format_budget(value)


class PersistenceField(FieldType):
    """How many of the last samples must be anomalous."""

    valid = "K of N with 1 <= K <= N <= 100, such as 2 of 3"

    def read(self, value: object) -> tuple[int, int]:
        match = re.fullmatch(r"(\d{1,3}) of (\d{1,3})", value) if isinstance(value, str) else None
        pair = (int(match[1]), int(match[2])) if match else (0, 0)
        if not 1 <= pair[0] <= pair[1] <= 100:
            raise InvalidValue(display_text(value), self.valid, self._meant(value))
        return pair

    def write(self, value: Any) -> str:
        return f"{value[0]} of {value[1]}"

    def _meant(self, value: object) -> str | None:
        items = value if isinstance(value, list) else re.findall(r"\d{1,3}", str(value))
        numbers = sorted(
            int(item) for item in items if str(item).isdecimal() and len(str(item)) <= 3
        )
        if len(numbers) != 2 or not 1 <= numbers[0] <= numbers[1] <= 100:
            return None
        return f'"{numbers[0]} of {numbers[1]}"'


class RangeField(FieldType):
    """Lowest and highest value; an infinite bound = no bound."""

    valid = "[LOW, HIGH] with LOW < HIGH; null leaves one side open, such as [0, null]"

    def read(self, value: object) -> tuple[float, float]:
        if not isinstance(value, list) or len(value) != 2:
            raise InvalidValue(self._list_text(value), self.valid)
        low, high = (
            side if bound is None else _number(bound)
            for bound, side in zip(value, (-math.inf, math.inf), strict=True)
        )
        if low is None or high is None or (math.isinf(low) and math.isinf(high)):
            raise InvalidValue(self._list_text(value), self.valid)
        if low >= high:
            raise InvalidValue(
                self._list_text(value),
                self.valid,
                self._list_text([high, low]) if low > high else None,
            )
        return low, high

    def write(self, value: Any) -> list[float | None]:
        return [None if math.isinf(bound) else bound for bound in value]

    def _list_text(self, value: object) -> str:
        if not isinstance(value, list) or len(value) > 4:
            return display_text(value)
        return f"[{', '.join('null' if item is None else display_text(item) for item in value)}]"


def _number(value: object) -> float | None:
    """A finite or infinite number, also as text (from the environment); None for other values."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _bounds(low: float, high: float, spell: Any) -> str:
    return (
        f"of at least {spell(low)}" if math.isinf(high) else f"from {spell(low)} to {spell(high)}"
    )
