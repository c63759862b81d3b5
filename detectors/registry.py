"""From a name in a configuration to a detector, and from a detector to the text in a store.

Detectors are found by the entry-point group `bandwatch.detectors`, ours as those of third parties.
"""

import difflib
import json
from collections.abc import Mapping
from dataclasses import Field, asdict, fields
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from detectors.api import Detector, DetectorError

GROUP = "bandwatch.detectors"
Option = int | float | str | bool
MEMBERS = ("name", "takes_covariates", "fit", "restore", "warm_up")  # of detectors.api.Detector


def detector_names() -> list[str]:
    """The names that a configuration may use."""
    return sorted(_entries())


def detector_named(name: str, options: Mapping[str, Option]) -> Detector:
    """A detector with its options; raises DetectorError that says what is wrong and what is
    valid."""
    entries = _entries()
    if name not in entries:
        raise DetectorError(
            f"unknown detector `{name}`{_nearest(name, entries)}; "
            f"valid: {', '.join(sorted(entries))}"
        )
    kind = entries[name].load()
    known_fields = {item.name: item for item in fields(kind)}
    for option in options:
        if option not in known_fields:
            valid = ", ".join(known_fields) or "none"
            raise DetectorError(
                f"detector `{name}` has no option `{option}`{_nearest(option, known_fields)}; "
                f"valid: {valid}"
            )
    detector = kind(
        **{option: _checked(name, known_fields[option], value) for option, value in options.items()}
    )
    if not isinstance(detector, Detector):
        missing = ", ".join(f"`{member}`" for member in MEMBERS if not hasattr(detector, member))
        raise DetectorError(
            f"detector `{name}` ({entries[name].value}) does not follow detectors.api.Detector: "
            f"it lacks {missing}"
        )
    return detector


def to_spec(detector: Detector) -> str:
    """Canonical JSON: equal detectors give equal text."""
    options = asdict(detector)  # type: ignore[call-overload]  # every detector is a dataclass
    return json.dumps(
        {"name": detector.name, "options": options}, sort_keys=True, separators=(",", ":")
    )


def from_spec(text: str) -> Detector:
    """The inverse of `to_spec`."""
    try:
        spec = json.loads(text)
        name = spec["name"]
        options = spec["options"]
    except (ValueError, KeyError, TypeError) as error:
        raise DetectorError(f"not the spec of a detector: {text!r}") from error
    return detector_named(name, options)


def _checked(name: str, item: Field[Any], value: Option) -> Option:
    """The value in the type of the field; within `metadata["range"]` or among
    `metadata["choices"]`, if given."""
    expected_type = item.type if isinstance(item.type, type) else type(item.default)
    if expected_type is float and type(value) is int:
        value = float(value)
    if type(value) is not expected_type:
        raise DetectorError(
            f"detector `{name}`: `{item.name}` must be {expected_type.__name__}: got {value!r}"
        )
    low, high = item.metadata.get("range", (None, None))
    if low is not None and not low <= value <= high:
        raise DetectorError(
            f"detector `{name}`: `{item.name}` must lie between {low} and {high}: got {value!r}"
        )
    choices = item.metadata.get("choices", (value,))
    if value not in choices:
        raise DetectorError(
            f"detector `{name}`: `{item.name}` must be one of {', '.join(choices)}: got {value!r}"
        )
    return value


@cache
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _nearest(name: str, valid: Mapping[str, object]) -> str:
    matches = difflib.get_close_matches(name, valid, n=1)
    return f", did you mean `{matches[0]}`?" if matches else ""
