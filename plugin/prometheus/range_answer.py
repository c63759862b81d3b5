"""The JSON of a range query, without an object for each label: ten thousand series have the same
labels at every tick."""

import json
from functools import lru_cache
from typing import Any, Literal

import msgspec

from plugin.series import Labels, is_text

KNOWN_LABEL_SETS = 2**18  # that need not be read again; those of vanished series are forgotten last


class AnsweredSeries(msgspec.Struct, gc=False):
    """One series as it came; other fields than these are read as plain JSON."""

    metric: msgspec.Raw
    values: list[tuple[float, str]]
    histograms: Literal[None] = None


class RangeData(msgspec.Struct):
    """The `data` of an answer."""

    resultType: Literal["matrix"]  # noqa: N815  # as the API has it
    result: list[AnsweredSeries]

    def __getitem__(self, name: str) -> Any:
        """As of a mapping: prometheus-api-client reads `data` like one."""
        return getattr(self, name)


class _Envelope(msgspec.Struct):
    status: Literal["success"]
    data: RangeData
    warnings: list[str] | None = None
    infos: list[str] | None = None
    isPartial: bool = False  # noqa: N815


_DECODER = msgspec.json.Decoder(_Envelope)


def decode(body: bytes) -> Any:
    """The envelope of an answer as a mapping; its `data` is a RangeData where it is an ordinary
    one of a range query, else plain JSON. Raises ValueError, RecursionError."""
    try:
        envelope = _DECODER.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return json.loads(body)
    return {name: getattr(envelope, name) for name in envelope.__struct_fields__}


@lru_cache(KNOWN_LABEL_SETS)
def labels_of(metric: bytes) -> Labels | None:
    """The label set of a JSON object; None where a name or a value is not text. Raises ValueError,
    AttributeError."""
    labels = json.loads(metric)
    return Labels.of(labels) if is_text(labels) else None
