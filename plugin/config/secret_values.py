"""Messages without values of the environment: a value may be a secret in the wrong place."""

import json
from collections.abc import Iterable, Mapping

from plugin.config.problems import MAX_SHOWN_CHARACTERS, InvalidValue, Path

NOT_SHOWN = "a value from the environment (not shown)"
MIN_CHARACTERS = 4  # a shorter value is no secret, and words contain it


def without_secrets(
    refusal: InvalidValue, reads: Iterable[Path], hidden: Mapping[Path, str]
) -> InvalidValue:
    """The refusal without what came from the environment.

    reads: the settings that it is about. hidden: all values from the environment by their path.
    """
    if any(path in hidden for path in reads):
        return InvalidValue(NOT_SHOWN, _masked(refusal.valid, hidden))
    if not hidden:
        return refusal
    return InvalidValue(
        _masked(refusal.found, hidden),
        _masked(refusal.valid, hidden),
        lambda: _masked(refusal.nearest or "", hidden) or None,
    )


def _masked(text: str, hidden: Mapping[Path, str]) -> str:
    """The text without the values of other settings, such as the names of other watches."""
    for value in hidden.values():
        for spelling in (value, value[:MAX_SHOWN_CHARACTERS]):
            escaped = json.dumps(spelling, ensure_ascii=False)[1:-1]
            for form in (spelling, escaped):
                if len(form) >= MIN_CHARACTERS:
                    text = text.replace(form, "<not shown>")
    return text
