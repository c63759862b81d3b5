"""Messages about mistakes in the configuration: `file:line: path: found …; valid is …; did you mean
…?`"""

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plugin.errors import ConfigError

Path = tuple[str | int, ...]  # ("watches", 1, "step")

MAX_SHOWN_CHARACTERS = 60  # characters of a value that a message repeats


class InvalidValue(ConfigError, ValueError):
    """A value that is not valid: what was found, what is valid, and perhaps a valid spelling of
    what was meant.

    Also a ValueError, so that pydantic collects it.
    """

    def __init__(self, actual: str, valid: str, nearest: str | None = None) -> None:
        super().__init__(actual, valid, nearest)
        self.found = actual
        self.valid = valid
        self.nearest = nearest

    def __str__(self) -> str:
        hint = "" if self.nearest is None else f"; did you mean {self.nearest}?"
        return f"found {self.found}; valid is {self.valid}{hint}"


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake and its line in the file; line 0 = the whole file."""

    line: int
    path: str
    text: str

    def describe(self, file: str) -> str:
        """The line of the message."""
        position = f"{file}:{self.line}" if self.line else file
        return ": ".join(part for part in (position, self.path, self.text) if part)


def config_error(file: str, problems: Iterable[Problem]) -> ConfigError:
    """All mistakes of a file as one error, a line for each, in the order of the file."""
    return ConfigError("\n".join(problem.describe(file) for problem in sorted(set(problems))))


def path_text(path: Path) -> str:
    """("watches", 1, "step") -> `watches[1].step`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def display_text(value: object) -> str:
    """A scalar in the spelling of the file; of a list or a mapping only its type."""
    if value is None or isinstance(value, (list, tuple, dict)):
        return type_name(value)
    if isinstance(value, float):
        return f"{value:g}".replace("inf", ".inf")
    if not isinstance(value, str):
        return json.dumps(value, default=str)
    return quote(
        value if len(value) <= MAX_SHOWN_CHARACTERS else f"{value[:MAX_SHOWN_CHARACTERS]}…"
    )


def quote(text: str) -> str:
    """Text in quotes, as YAML needs it."""
    unescaped = '"' in text and "'" not in text and "\\" not in text and text.isprintable()
    return f"'{text}'" if unescaped else json.dumps(text, ensure_ascii=False)


def type_name(value: object) -> str:
    """The type of a value in words, without the value."""
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        tuple: "a list",
        dict: "a mapping",
    }
    return "nothing" if value is None else kinds.get(type(value), "something else")


def nearest_name(name: str, names: Iterable[str]) -> str | None:
    """The valid name that was probably meant, in quotes; None if no name is similar."""
    valid = sorted(names)
    folded = {candidate.casefold().replace("-", "_"): candidate for candidate in valid}
    match = difflib.get_close_matches(
        name.casefold().replace("-", "_").strip(), folded, n=1, cutoff=0.6
    )
    return quote(folded[match[0]]) if match else None


def one_of(names: Sequence[str]) -> str:
    """`a, b or c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
