"""What a file of another system becomes: candidates for watches, and what they cannot carry."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plugin.commands.init.candidates import INVALID_IN_NAME, WatchCandidate
from plugin.config.yaml_lines import Document, read_document
from plugin.errors import ConfigError

# A value that is replaced from the environment before vmanomaly reads the file: no YAML as it is.
BARE_PLACEHOLDER = re.compile(r"([:-][ \t]+)(%\{\w*\})(?=[ \t]*(?:#.*)?$)", re.MULTILINE)


@dataclass(frozen=True)
class Omission:
    """What a file says and no watch carries."""

    place: str  # `rules.yml:12: alert HighErrors`
    reason: str


@dataclass
class CarriedWatches:
    """What came of one or more files."""

    candidates: list[WatchCandidate] = field(default_factory=list)
    omissions: list[Omission] = field(default_factory=list)

    def omit(self, place: str, reason: str) -> None:
        """Adds an omission."""
        self.omissions.append(Omission(place, reason))

    def extend(self, others: Iterable["CarriedWatches"]) -> None:
        """Adds what came of other files."""
        for other in others:
            self.candidates += other.candidates
            self.omissions += other.omissions

    def same_query(self, candidate: WatchCandidate) -> WatchCandidate | None:
        """One that asks the same already."""
        query = "".join(candidate.settings["query"].split())
        return next(
            (one for one in self.candidates if "".join(one.settings["query"].split()) == query),
            None,
        )


def watch_name(text: str) -> str:
    """A name for a watch, from that of a rule or of a query."""
    name = INVALID_IN_NAME.sub("_", text)
    return name if name[:1].isalpha() or name[:1] == "_" else f"_{name}"


def read_foreign_document(path: Path, flag: str) -> Document:
    """A YAML file in which `${` means nothing, and `%{NAME}` is text. Raises ConfigError, naming
    the flag."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"{flag} {path}: {reason or error}") from error
    text = BARE_PLACEHOLDER.sub(r'\1"\2"', text.replace("${", "$${"))
    document = read_document(text, str(path), {})
    if document.problems:
        raise document.error(str(path))
    return document


def texts(value: object) -> Sequence[str]:
    """A list of texts as it is, one text as a list of it, nothing else."""
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, list) else []
