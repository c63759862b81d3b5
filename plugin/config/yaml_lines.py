"""YAML as plain data that remembers the line of each value.

The reader is our own, on the nodes of PyYAML, because messages must name the line.

YAML 1.2's plain types only (text, whole numbers, floats, true/false, null): `no`, `1:30` and
`2026-01-01` are text. `${NAME}` in a value is replaced from the environment; `$${` is a literal
`${`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from plugin.config.problems import (
    InvalidValue,
    Path,
    Problem,
    config_error,
    display_text,
    nearest_name,
    path_text,
)

MAX_NODES = 100_000  # aliases of aliases can grow without end
YAML_TEXT = "YAML; text with brackets, quotes, ': ' or ' #' in it goes into single quotes"

_TAG = "tag:yaml.org,2002:"
_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_UNREADABLE = object()  # in place of a value that could not be read


class _Loader(yaml.SafeLoader):
    """Only the scalars of the core schema of YAML 1.2 are typed; the others are text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {
        first: [
            (f"{_TAG}{name}", re.compile(pattern))
            for name, pattern, firsts in (
                ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
                ("int", r"[-+]?(?:0|[1-9][0-9]{0,17})$", "-+0123456789"),
                (
                    "float",
                    r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?$",
                    "-+.0123456789",
                ),
                ("float", r"[-+]?[0-9]+[eE][-+]?[0-9]+$|[-+]?\.inf$|\.nan$", "-+.0123456789"),
                ("null", r"(?:~|null|Null|NULL|)$", "~nN"),
                ("merge", r"<<$", "<"),
            )
            if first in firsts
        ]
        for first in "tTfFnN~<-+.0123456789"
    } | {"": [(f"{_TAG}null", re.compile(r"$"))]}


@dataclass
class Document:
    """The data of a file with the line of every key and item. What could not be read is left out
    and is among the problems."""

    data: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    # From the environment: a value may be a misplaced secret.
    hidden: set[Path] = field(default_factory=set)
    broken: set[Path] = field(default_factory=set)  # left out
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def add_problem(self, path: Path, refusal: InvalidValue, line: int | None = None) -> None:
        """line: None = the line of the path."""
        self.problems.append(Problem(line or self.line(path), path_text(path), str(refusal)))


def read_document(text: str, file: str, environment: Mapping[str, str]) -> Document:
    """The document with its problems. Raises ConfigError if the text is not YAML."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise config_error(file, [_syntax_problem(text, error)]) from None
    document = Document()
    if node is None:
        return document
    try:
        document.data = _Reading(document, environment).value(node, ())
    except RecursionError:
        raise config_error(
            file, [Problem(1, "", str(InvalidValue("too deep a nesting", YAML_TEXT)))]
        ) from None
    return document


class _Reading:
    """One pass over the nodes of a document."""

    def __init__(self, document: Document, environment: Mapping[str, str]) -> None:
        self._document = document
        self._environment = environment
        # The nodes around the current one: an anchor must not contain its own alias.
        self._parents: list[int] = []
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path) -> object:
        self._nodes += 1
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        kind = node.tag.removeprefix(_TAG)
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
            return self._expanded(text, path)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        try:
            return (
                int(text)
                if kind == "int"
                else float(text.replace(".inf", "inf").replace(".nan", "nan"))
            )
        except ValueError:
            raise InvalidValue(
                "a YAML tag that its value does not fit", "a value without a tag"
            ) from None

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        data: dict[str, object] = {}
        for key_node, value_node in node.value:
            if key_node.tag != f"{_TAG}merge":
                self._entry(data, key_node, value_node, path)
        for key_node, value_node in self._merged(node, ()):
            if (*path, key_node.value) not in self._document.lines:
                self._entry(data, key_node, value_node, path)
        return data

    def _merged(
        self, node: yaml.MappingNode, around: tuple[yaml.Node, ...]
    ) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """The entries that `<<: *anchor` brings, the nearest first."""
        around = (*around, node)
        for key_node, value_node in node.value:
            if key_node.tag != f"{_TAG}merge":
                continue
            for other in (
                value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            ):
                if not isinstance(other, yaml.MappingNode) or other in around:
                    raise InvalidValue(
                        "<< with something else than a mapping", "<<: *anchor of another mapping"
                    )
                yield from (entry for entry in other.value if entry[0].tag != f"{_TAG}merge")
                yield from self._merged(other, around)

    def _entry(
        self, data: dict[str, object], key_node: yaml.Node, value_node: yaml.Node, path: Path
    ) -> None:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != f"{_TAG}str":
            is_scalar = isinstance(key_node, yaml.ScalarNode)
            actual = f"the key {key_node.value}" if is_scalar else "a key with parts"
            refusal = InvalidValue(
                actual, "text as a key, in quotes where it looks like something else"
            )
            self._document.add_problem(path, refusal, line)
            return
        key = (*path, key_node.value)
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
                nearest = nearest_name(name, self._environment)
                raise InvalidValue(
                    f"${{{name}}}, which is not set in the environment",
                    "a variable that is set, or $${ for a literal ${",
                    nearest,
                )
            self._document.hidden.add(path)
            return self._environment[name]

        return _VARIABLE.sub(replaced, text)


def _syntax_problem(text: str, error: Exception) -> Problem:
    """A syntax error in our words. It shows at most one character of the text, which may be part of
    a secret."""
    mark: Any = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    problem = getattr(error, "problem", None) or "text that is no YAML"
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        problem = f"the control character U+{error.character:04X}"
    elif isinstance(error, RecursionError):
        problem = "too deep a nesting"
    problem = re.sub(
        r"(duplicate anchor|undefined tag handle).*", r"\1", problem.removeprefix("found ")
    )
    if problem.startswith("undefined alias"):
        refusal = InvalidValue(
            "an alias without an anchor", "*NAME after &NAME; text with a * needs quotes"
        )
        return Problem(line, "", str(refusal))
    if "'\\t'" in problem:
        return Problem(line, "", str(InvalidValue("a tab in the indentation", "spaces")))
    if "single document" in str(error):
        return Problem(
            line, "", str(InvalidValue("a second document (---)", "one document in a file"))
        )
    return Problem(line, "", str(InvalidValue(f"broken YAML ({problem})", YAML_TEXT)))
