"""Messages about mistakes in the configuration: `file:line: path: found …; valid is …; did you mean
…?`"""

import difflib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from plugin.errors import ConfigError

Path = tuple[str | int, ...]  # ("watches", 1, "step")

MAX_SHOWN_CHARACTERS = 60  # characters of a value that a message repeats
MAX_FOUND_CHARACTERS = 500  # with a reason in other words than ours
MAX_SHOWN_NAMES = 50  # of a list in a message
MAX_SHOWN_PROBLEMS = 50  # of one file

Nearest = str | Callable[[], str | None] | None


class InvalidValue(ConfigError, ValueError):
    """A value that is not valid: what was found, what is valid, and perhaps a valid spelling of
    what was meant.

    nearest: the spelling, or what finds it where that takes long; it is called for a message only.
    Also a ValueError, so that pydantic collects it.
    """

    def __init__(self, actual: str, valid: str, nearest: Nearest = None) -> None:
        super().__init__(actual, valid, nearest)
        self.found = _shortened(actual, MAX_FOUND_CHARACTERS)
        self.valid = valid
        self._nearest = nearest

    @property
    def nearest(self) -> str | None:
        """A valid spelling of what was meant; None if there is none."""
        return self._nearest() if callable(self._nearest) else self._nearest

    def __str__(self) -> str:
        nearest = self.nearest
        hint = "" if nearest is None else f"; did you mean {nearest}?"
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
        return visible(": ".join(part for part in (position, self.path, self.text) if part))


def config_error(file: str, problems: Iterable[Problem]) -> ConfigError:
    """All mistakes of a file as one error, a line for each, in the order of the file."""
    return ConfigError("\n".join(problem.describe(file) for problem in sorted(set(problems))))


def path_text(path: Path) -> str:
    """("watches", 1, "step") -> `watches[1].step`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{bare_text(part)}"
    return text.removeprefix(".")


def display_text(value: object) -> str:
    """A scalar in the spelling of the file; of a list or a mapping only its type."""
    if value is None or isinstance(value, (list, tuple, dict)):
        return type_name(value)
    if isinstance(value, float):
        return f"{value:g}".replace("inf", ".inf")
    if not isinstance(value, str):
        return json.dumps(value, default=str)
    return quote(_shortened(value))


def quote(text: str) -> str:
    """Text in quotes, as YAML needs it."""
    unescaped = '"' in text and "'" not in text and "\\" not in text and text.isprintable()
    return f"'{text}'" if unescaped else visible(json.dumps(text, ensure_ascii=False))


def bare_text(key: str) -> str:
    """A key or a name without quotes. What follows a `:` in it is left out: a value, perhaps a
    secret one, for which a space is missing."""
    name, colon, value = key.partition(":")
    return visible(_shortened(f"{name}:…" if colon and value else key))


def visible(text: str) -> str:
    """Text in which nothing acts on the terminal: what does not print, such as control characters
    and marks of direction, is an escape of YAML."""
    return text if text.isprintable() else "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    code = ord(character)
    if character.isprintable():
        return character
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x1_0000 else f"\\U{code:08x}"


def _shortened(text: str, characters: int = MAX_SHOWN_CHARACTERS) -> str:
    return text if len(text) <= characters else f"{text[:characters]}…"


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
    if len(name) > MAX_SHOWN_CHARACTERS:
        return None
    valid = sorted(names)
    folded = {candidate.casefold().replace("-", "_"): candidate for candidate in valid}
    match = difflib.get_close_matches(
        name.casefold().replace("-", "_").strip(), folded, n=1, cutoff=0.6
    )
    return quote(folded[match[0]]) if match else None


def one_of(names: Sequence[str]) -> str:
    """`a, b or c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def listed(names: Sequence[str]) -> str:
    """`a, b, c`; of very many only the first ones, and how many there are."""
    shown = ", ".join(names[:MAX_SHOWN_NAMES])
    return shown if len(names) <= MAX_SHOWN_NAMES else f"{shown}, … ({len(names)} in all)"
