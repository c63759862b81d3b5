"""Settings of watches that stand elsewhere than in a configuration file, such as in a preset."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from plugin.config.model import Config, Watch
from plugin.config.problems import InvalidValue, Path
from plugin.config.pydantic_errors import invalid_values


def invalid_watch_settings(
    watches: Sequence[Mapping[str, Any]],
) -> Iterator[tuple[Path, InvalidValue]]:
    """What a configuration file with these watches would be refused for, each with its path:
    ("watches", 1, "unit"). Rules between settings are not checked."""
    data = {"prometheus": {"url": "http://localhost:9090"}, "watches": list(watches)}
    try:
        Config.model_validate(data, context="file")
    except ValidationError as error:
        yield from invalid_values(error)


def watch_of(settings: Mapping[str, Any]) -> Watch:
    """The watch of settings that are valid."""
    return Watch.model_validate(dict(settings), context="file")
