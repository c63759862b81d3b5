"""The body of remote write 1.0: a WriteRequest in protobuf, in the block format of snappy.

The encoder is our own, because these are all the fields, and a protobuf library would need
generated code (remote write specification 1.0; remote.proto and types.proto of Prometheus):

    WriteRequest  1: TimeSeries, repeated
    TimeSeries    1: Label, repeated     2: Sample, repeated
    Label         1: name, text          2: value, text
    Sample        1: value, double       2: timestamp, int64, milliseconds
"""

import struct
from collections.abc import Iterable

from cramjam import snappy

STALE_MARKER = struct.pack("<Q", 0x7FF0_0000_0000_0002)  # the NaN that ends a series in Prometheus
# field << 3 | 2: a length and as many bytes
MESSAGE_1 = b"\x0a"
MESSAGE_2 = b"\x12"
DOUBLE_1 = b"\x09"  # field << 3 | 1: eight bytes
INTEGER_2 = b"\x10"  # field << 3 | 0: a varint


def encoded_labels(pairs: Iterable[tuple[str, str]]) -> bytes:
    """The labels of one series, sorted by name as the protocol requires: the first part of a
    TimeSeries.

    Raises ValueError for a name that occurs twice, an empty name or value, and a series without
    `__name__`.
    """
    labels = sorted(pairs)
    names = [name for name, _ in labels]
    if (
        len(set(names)) < len(names)
        or "__name__" not in names
        or not all(name and value for name, value in labels)
    ):
        raise ValueError(
            f"labels need a __name__, each name once, and no empty name or value: got {labels}"
        )
    return b"".join(
        _message(
            MESSAGE_1, _message(MESSAGE_1, name.encode()) + _message(MESSAGE_2, value.encode())
        )
        for name, value in labels
    )


def write_request(milliseconds: int, samples: Iterable[tuple[bytes, float]]) -> bytes:
    """The compressed body of a request with the samples of one time: for each series its labels and
    its value.

    With one time for all samples, no series is out of order, and a receiver that accepts no late
    samples ignores a repeated request. NaN becomes the stale marker, because our values are never
    NaN.
    """
    time = INTEGER_2 + varint(milliseconds)
    series = (
        labels + _message(MESSAGE_2, DOUBLE_1 + _double(value) + time) for labels, value in samples
    )
    return bytes(snappy.compress_raw(b"".join(_message(MESSAGE_1, content) for content in series)))


def varint(number: int) -> bytes:
    """Seven bits in each byte, the lowest first; the high bit = more bytes follow."""
    if number < 0:
        raise ValueError(f"a length or a time is never negative: got {number}")
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _message(tag: bytes, content: bytes) -> bytes:
    return tag + varint(len(content)) + content


def _double(value: float) -> bytes:
    return struct.pack("<d", value) if value == value else STALE_MARKER
