"""Dataclasses of arrays, as the arrays of a state and back.

Stored models outlive the names in the code. Where a field has another name than its stored array,
`stored_as` keeps the two apart.
"""

from dataclasses import Field, field, fields
from typing import Any, TypeVar, cast

from numpy.typing import NDArray

from detectors.api import Arrays

Record = TypeVar("Record")


def stored_as(key: str) -> Any:
    """A dataclass field whose array is stored under another name."""
    return field(metadata={"key": key})


def to_arrays(record: Any, prefix: str = "") -> dict[str, NDArray[Any]]:
    """The fields of a dataclass by their stored names."""
    return {prefix + _key(item): getattr(record, item.name) for item in fields(record)}


def from_arrays(kind: type[Record], state: Arrays, prefix: str = "") -> Record:
    """The inverse of `to_arrays`; arrays that belong to something else are ignored."""
    arrays = {item.name: state[prefix + _key(item)] for item in fields(cast(Any, kind))}
    return kind(**arrays)


def _key(item: Field[Any]) -> str:
    return str(item.metadata.get("key", item.name))
