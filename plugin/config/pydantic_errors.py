"""The errors of pydantic in our words: the path, what was found, what is valid, the nearest valid
name."""

from collections.abc import Iterator
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from plugin.config.field_types import FieldType
from plugin.config.model import Config, Section
from plugin.config.problems import (
    InvalidValue,
    Path,
    bare_text,
    display_text,
    nearest_name,
    quote,
    type_name,
)

# In place of required settings that were refused, so that the rules between the others can still be
# checked.
PLACEHOLDERS = {
    "url": "http://localhost/write",
    "name": "placeholder",
    "query": "placeholder",
    "username": "placeholder",
    "begin": "2026-01-01T00:00",
    "country": "DE",
}


def invalid_values(error: ValidationError) -> Iterator[tuple[Path, InvalidValue]]:
    """The errors of pydantic in our words. Only a field type may show the value itself."""
    for item in error.errors(include_url=False):
        path = tuple(part for part in item["loc"] if part != "[key]")
        cause = item.get("ctx", {}).get("error")
        section = _section_of(path)
        field = _field_of(path)
        if isinstance(cause, InvalidValue):
            yield path, cause
        elif item["type"] == "extra_forbidden":
            yield path, _unknown_key(str(path[-1]), section)
        elif path[2:3] == ("detector_options",):
            yield (
                path[:4],
                InvalidValue(type_name(item["input"]), "text, a number or true or false"),
            )
        # A list that is too short after its entries were refused has no problem of its own.
        elif item["type"] != "too_short" or not item["input"]:
            actual = "nothing" if item["type"] == "missing" else _empty_or_kind(item["input"])
            yield path, InvalidValue(actual, _valid(path, field))


def _empty_or_kind(value: object) -> str:
    return "an empty list" if value == [] else type_name(value)


def placeholder(path: Path) -> object:
    """A value for a required setting or an entry of a list; None for an optional setting."""
    field = _field_of(path)
    if field is None or (isinstance(path[-1], str) and not field.is_required()):
        return None
    section = _section_in(field.annotation)
    if section is None:
        return PLACEHOLDERS.get(str(path[-1]), "placeholder")
    fields = section.model_fields.items()
    required = {name: PLACEHOLDERS[name] for name, inner in fields if inner.is_required()}
    return [required] if _is_list(path, field) else required


def _valid(path: Path, field: FieldInfo | None) -> str:
    field_types = (
        [entry for entry in field.metadata if isinstance(entry, FieldType)] if field else []
    )
    if field_types:
        return field_types[0].valid
    section = _section_in(field.annotation) if field else None
    if field is not None and section is None and get_origin(field.annotation) is tuple:
        inner = get_args(get_args(field.annotation)[0])
        return (
            "a list, each entry"
            f" {next(entry.valid for entry in inner if isinstance(entry, FieldType))}"
        )
    if field is None or section is None:
        return "a mapping of names to text"
    keys = f"a mapping with {', '.join(_keys(section))}"
    return f"a list of at least one entry, each {keys}" if _is_list(path, field) else keys


def _unknown_key(key: str, section: type[Section]) -> InvalidValue:
    sections = {name: _section_in(field.annotation) for name, field in Config.model_fields.items()}
    home = next((name for name, inner in sections.items() if inner and key in _keys(inner)), None)
    found = f"the unknown key {quote(bare_text(key))}"
    valid = f"one of {', '.join(_keys(section))}"
    if home:  # a valid key in the wrong place
        place = f"{home}{'[]' if home == 'watches' else ''}.{key}"
        return InvalidValue(found, valid, display_text(place))
    return InvalidValue(found, valid, lambda: nearest_name(key, _keys(section)))


def _keys(section: type[Section]) -> list[str]:
    return [name for name in section.model_fields if name != "detector_options"]


def _section_of(path: Path) -> type[Section]:
    """The section that holds the last name of a path."""
    section: type[Section] = Config
    for part in path[:-1]:
        section = _section_under(section, str(part)) or section
    return section


@cache
def _section_under(section: type[Section], name: str) -> type[Section] | None:
    field = section.model_fields.get(name)
    return _section_in(field.annotation) if field else None


def _field_of(path: Path) -> FieldInfo | None:
    """The field of the last name of a path; entries of a list belong to the list's field."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return _section_of(path).model_fields.get(str(path[-1])) if path else None


def _is_list(path: Path, field: FieldInfo) -> bool:
    return isinstance(path[-1], str) and get_origin(field.annotation) is tuple


def _section_in(annotation: Any) -> type[Section] | None:
    """The section inside an annotation such as `tuple[Watch, ...]` or `BasicAuth | None`."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((inner for inner in map(_section_in, get_args(annotation)) if inner), None)
