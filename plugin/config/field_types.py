"""The kinds of values that a setting may hold: each says what is valid, reads it, and writes it
back.

A kind stands in the annotation of a field (`step: Annotated[int, Duration(1)]`). Values given in
code are taken as they are when they are typed already; those of a file must be spelt as the
documentation says.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, SecretStr, ValidationInfo
from pydantic_core import CoreSchema, core_schema

from plugin.config import durations
from plugin.config.problems import InvalidValue, kind_of, nearest_name, one_of, quoted, shown

SECRET = "<secret>"


class FieldType:
    """What is valid at one place."""

    valid: str

    def read(self, value: object) -> object:
        """The typed value; raises Refusal."""
        raise NotImplementedError

    def write(self, value: Any) -> object:
        """The spelling of the file."""
        return value

    def text(self, value: object) -> str:
        """The value if it is text that says something."""
        if isinstance(value, str) and value.strip():
            return value
        number = isinstance(value, (bool, int, float))
        raise InvalidValue(shown(value), self.valid, quoted(shown(value)) if number else None)

    def _validate(self, value: object, info: ValidationInfo) -> object:
        from_file = info.context is not None
        return self.read(value) if from_file or isinstance(value, str) else value

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
    """Any text, or text of a pattern; nothing at all where the pattern allows it."""

    valid: str
    pattern: str = r"(?s).+"

    def read(self, value: object) -> str:
        text = "" if value == "" else self.text(value)
        if not re.fullmatch(self.pattern, text):
            raise InvalidValue(shown(text), self.valid)
        return text


@dataclass(frozen=True)
class SecretField(FieldType):
    """Text that no message and no page ever shows."""

    valid: str
    pattern: str

    def read(self, value: object) -> SecretStr:
        if not isinstance(value, str):
            raise InvalidValue(
                f"{kind_of(value)} (not shown)" if value is not None else "nothing", self.valid
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
            raise InvalidValue(shown(value), self.valid, nearest_name(str(value), self.names))
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
        raise InvalidValue(shown(value), self.valid, meant)


@dataclass(frozen=True)
class NumberField(FieldType):
    """A number within bounds; `share` is for those who write 20 or 20% and mean 0.2."""

    low: float
    high: float = math.inf
    share: bool = False

    @property
    def valid(self) -> str:  # type: ignore[override]
        example = ", such as 0.2 for 20 %" if self.share else ""
        return f"a number {_bounds(self.low, self.high, shown)}{example}"

    def read(self, value: object) -> float:
        number = _number(value)
        if number is None or not self.low <= number <= self.high or math.isinf(number):
            percent = _number(str(value).rstrip("% ")) if self.share else None
            meant = percent is not None and self.low <= percent / 100 <= self.high
            raise InvalidValue(
                shown(value), self.valid, shown(percent / 100) if percent and meant else None
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
            raise InvalidValue(shown(value), self.valid)
        return int(number)


@dataclass(frozen=True)
class DurationField(FieldType):
    """A duration within bounds, in seconds."""

    low: int = 0
    high: int = durations.LONGEST

    @property
    def valid(self) -> str:  # type: ignore[override]
        return durations.DURATION

    def read(self, value: object) -> int:
        if not isinstance(value, str):
            whole = isinstance(value, int) and not isinstance(value, bool)
            raise InvalidValue(shown(value), self.valid, f'"{value}s"' if whole else None)
        seconds = durations.parse_duration(value)
        if not self.low <= seconds <= self.high:
            high = math.inf if self.high == durations.LONGEST else self.high
            bounds = _bounds(self.low, high, lambda bound: f'"{durations.format_duration(bound)}"')
            raise InvalidValue(shown(value), f"a duration {bounds}")
        return seconds

    def write(self, value: Any) -> str:
        return durations.format_duration(value)


class BudgetField(FieldType):
    """Alarms per series and second."""

    valid = durations.BUDGET

    def read(self, value: object) -> float:
        if not isinstance(value, str):
            raise InvalidValue(shown(value), self.valid)
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
            raise InvalidValue(shown(value), self.valid, self._meant(value))
        return pair

    def write(self, value: Any) -> str:
        return f"{value[0]} of {value[1]}"

    def _meant(self, value: object) -> str | None:
        items = value if isinstance(value, list) else re.findall(r"\d{1,3}", str(value))
        numbers = sorted(int(item) for item in items if str(item).isdecimal())
        if len(numbers) != 2 or not 1 <= numbers[0] <= numbers[1] <= 100:
            return None
        return f'"{numbers[0]} of {numbers[1]}"'


class RangeField(FieldType):
    """Lowest and highest value; an infinite bound is no bound."""

    valid = "[LOW, HIGH] with LOW < HIGH; null leaves one side open, such as [0, null]"

    def read(self, value: object) -> tuple[float, float]:
        if not isinstance(value, list) or len(value) != 2:
            raise InvalidValue(self._spelt(value), self.valid)
        low, high = (
            side if bound is None else _number(bound)
            for bound, side in zip(value, (-math.inf, math.inf), strict=True)
        )
        if low is None or high is None or (math.isinf(low) and math.isinf(high)):
            raise InvalidValue(self._spelt(value), self.valid)
        if low >= high:
            raise InvalidValue(
                self._spelt(value), self.valid, self._spelt([high, low]) if low > high else None
            )
        return low, high

    def write(self, value: Any) -> list[float | None]:
        return [None if math.isinf(bound) else bound for bound in value]

    def _spelt(self, value: object) -> str:
        if not isinstance(value, list) or len(value) > 4:
            return shown(value)
        return f"[{', '.join('null' if item is None else shown(item) for item in value)}]"


def _number(value: object) -> float | None:
    """A finite or infinite number, also as text (from the environment); None for everything
    else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return None if math.isnan(number) else number


def _bounds(low: float, high: float, spelt: Any) -> str:
    return (
        f"of at least {spelt(low)}" if math.isinf(high) else f"from {spelt(low)} to {spelt(high)}"
    )
