"""Settings that do not go together, and the words for them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plugin.config.durations import format_duration
from plugin.config.problems import InvalidValue, Nearest, Path, display_text


@dataclass(frozen=True)
class Conflict:
    """Settings that do not go together."""

    reads: tuple[Path, ...]  # the settings that the rule reads, the one to change first
    refusal: InvalidValue


def conflict(
    path: Path, actual: str, valid: str, nearest: Nearest = None, *, also: tuple[Path, ...] = ()
) -> Conflict:
    """The setting to change, what it is, and what is valid. also: the other settings of the
    rule."""
    return Conflict((path, *also), InvalidValue(actual, valid, nearest))


def repeated_names(paths: Sequence[Path], names: Sequence[str], valid: str) -> Iterator[Conflict]:
    """A conflict for each name that an earlier path has, too."""
    positions: dict[str, int] = {}
    for i, name in enumerate(names):
        first = positions.setdefault(name, i)
        if first < i:
            yield conflict(paths[i], f"{display_text(name)} again", valid, also=(paths[first],))


def quoted_duration(seconds: int) -> str:
    """`"1h30m"`, with the quotes."""
    return f'"{format_duration(seconds)}"'
