"""YAML as plain data that remembers the line of each value.

The reader is our own, on the nodes of PyYAML, because messages must name the line.

YAML 1.2's plain types only (text, whole numbers, floats, true/false, null): `no`, `1:30` and
`2026-01-01` are text. `${NAME}` in a value is replaced from the environment; `$${` is a literal
`${`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from plugin.config.problems import (
    MAX_SHOWN_PROBLEMS,
    InvalidValue,
    Path,
    Problem,
    bare_text,
    config_error,
    display_text,
    nearest_name,
    path_text,
)
from plugin.config.yaml_nodes import TAG, YAML_TEXT, compose, fits
from plugin.errors import ConfigError

MAX_NODES = 100_000  # aliases of aliases can grow without end
MAX_CHARACTERS = 4_000_000  # of all values together, which aliases and the environment repeat

_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
# Halves of a character, control characters, and marks that turn the direction of what follows.
_HIDDEN_CHARACTER = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_UNREADABLE = object()  # in place of a value that could not be read


@dataclass
class Document:
    """The data of a file with the line of every key and item. What could not be read is left out
    and is among the problems."""

    data: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    # Values from the environment, which may be misplaced secrets, and the lists of them.
    hidden: dict[Path, str] = field(default_factory=dict)
    broken: set[Path] = field(default_factory=set)  # left out
    nested_detectors: set[Path] = field(default_factory=set)  # mappings of name and options
    problems: list[Problem] = field(default_factory=list)  # the first ones
    more_problems: int = 0  # beyond those

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def add_problem(self, path: Path, refusal: InvalidValue, line: int | None = None) -> None:
        """Adds a problem, or counts it if there are many. line: None = the line of the path."""
        if len(self.problems) >= MAX_SHOWN_PROBLEMS:
            self.more_problems += 1
            return
        self.problems.append(Problem(line or self.line(path), path_text(path), str(refusal)))

    def error(self, file: str) -> ConfigError:
        """The problems as one error."""
        error = config_error(file, self.problems)
        if not self.more_problems:
            return error
        found = f"{self.more_problems} more mistakes in the file, which are not listed"
        refusal = InvalidValue(found, "a file without any; correct these first")
        last = max(problem.line for problem in self.problems)
        return ConfigError(f"{error}\n{Problem(last, '', str(refusal)).describe(file)}")


def read_document(text: str, file: str, environment: Mapping[str, str]) -> Document:
    """The document with its problems. Raises ConfigError if the text is not YAML."""
    node = compose(text, file)
    document = Document()
    if node is None:
        return document
    try:
        document.data = _Reading(document, environment).value(node, ())
    except RecursionError:
        line = node.start_mark.line + 1
        refusal = InvalidValue("too deep a nesting", YAML_TEXT)
        raise config_error(file, [Problem(line, "", str(refusal))]) from None
    return document


class _Reading:
    """One pass over the nodes of a document."""

    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self._document = document
        self._environment = environment
        # The nodes around the current one: an anchor must not contain its own alias.
        self._parents: list[int] = []
        self._nodes = 0
        self._characters = 0

    def value(self, node: yaml.Node, path: Path) -> object:
        self._nodes += 1
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        kind = node.tag.removeprefix(TAG)
        try:
            if id(node) in self._parents or self._nodes > MAX_NODES:
                raise InvalidValue(
                    "an alias that repeats itself", "an alias of something finished and small"
                )
            self._parents.append(id(node))
            try:
                return self._typed(node, kind, path)
            finally:
                self._parents.pop()
        except InvalidValue as refusal:
            self._document.add_problem(path, refusal)
            self._document.broken.add(path)
            return _UNREADABLE

    def _typed(self, node: yaml.Node, kind: str, path: Path) -> object:
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            items = [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
            return [None if item is _UNREADABLE else item for item in items]
        if isinstance(node, yaml.ScalarNode) and kind in ("str", "int", "float", "bool", "null"):
            return self._scalar(node, kind, path)
        raise InvalidValue(
            "a YAML tag", "plain text, numbers, lists and mappings; text with a ! needs quotes"
        )

    def _scalar(self, node: yaml.ScalarNode, kind: str, path: Path) -> object:
        text: str = node.value
        if kind == "str":
            return self._text(text, path)
        if not fits(text, kind):
            raise InvalidValue("a YAML tag that its value does not fit", "a value without a tag")
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return int(text)
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))

    def _text(self, text: str, path: Path) -> str:
        """The value of a text. Raises InvalidValue."""
        self._count(text)
        expanded = self._expanded(text, path)
        if expanded is not text:
            self._count(expanded)
        _refuse_hidden_characters(expanded)
        return expanded

    def _count(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > MAX_CHARACTERS:
            raise InvalidValue(
                f"more than {MAX_CHARACTERS:,} characters, with all aliases and variables",
                "a file with less text",
            )

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            if key_node.tag != f"{TAG}merge":
                self._entry(data, key_node, value_node, path)
        for key_node, value_node in self._merged(node, (), set()):
            is_text = isinstance(key_node, yaml.ScalarNode)
            if not is_text or (*path, key_node.value) not in self._document.lines:
                self._entry(data, key_node, value_node, path)
        return data

    def _merged(
        self, node: yaml.MappingNode, around: tuple[yaml.Node, ...], merged: set[int]
    ) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """The entries that `<<: *anchor` brings, the nearest first. merged: the mappings that were
        brought already; a second time they bring nothing new."""
        around = (*around, node)
        for key_node, value_node in node.value:
            if key_node.tag != f"{TAG}merge":
                continue
            for other in (
                value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            ):
                if not isinstance(other, yaml.MappingNode) or other in around:
                    raise InvalidValue(
                        "<< with something else than a mapping", "<<: *anchor of another mapping"
                    )
                if id(other) not in merged:
                    merged.add(id(other))
                    yield from (entry for entry in other.value if entry[0].tag != f"{TAG}merge")
                    yield from self._merged(other, around, merged)

    def _entry(
        self, data: dict[str, object], key_node: yaml.Node, value_node: yaml.Node, path: Path
    ) -> None:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != f"{TAG}str":
            is_scalar = isinstance(key_node, yaml.ScalarNode)
            actual = f"the key {bare_text(key_node.value)}" if is_scalar else "a key with parts"
            refusal = InvalidValue(
                actual, "text as a key, in quotes where it looks like something else"
            )
            self._document.add_problem(path, refusal, line)
            return
        key = (*path, key_node.value)
        try:
            _refuse_hidden_characters(key_node.value)
        except InvalidValue as hidden_character:
            self._document.add_problem(key, hidden_character, line)
            return
        if key in self._document.lines:
            first = self._document.lines[key]
            refusal = InvalidValue(
                f"the key a second time (first on line {first})", "each key once"
            )
            self._document.add_problem(key, refusal, line)
            return
        self._document.lines[key] = line
        value = self.value(value_node, key)
        if value is not _UNREADABLE:
            data[key_node.value] = value

    def _expanded(self, text: str, path: Path) -> str:
        def replaced(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            name = match[1]
            if not match[2] or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
                raise InvalidValue(
                    display_text(match[0]),
                    "${NAME} of an environment variable, or $${ for a literal ${",
                )
            if name not in self._environment:
                raise InvalidValue(
                    f"${{{name}}}, which is not set in the environment",
                    "a variable that is set, or $${ for a literal ${",
                    lambda: nearest_name(name, self._environment),
                )
            return self._environment[name]

        expanded = _VARIABLE.sub(replaced, text)
        if any(match[0] != "$${" for match in _VARIABLE.finditer(text)):
            self._document.hidden[path] = expanded
            if path and isinstance(path[-1], int):
                self._document.hidden[path[:-1]] = expanded
        return expanded


def _refuse_hidden_characters(text: str) -> None:
    """Raises InvalidValue."""
    match = _HIDDEN_CHARACTER.search(text)
    if match:
        raise InvalidValue(
            f"text with the character U+{ord(match[0]):04X}",
            "text of whole characters, without control characters or marks of direction",
        )
