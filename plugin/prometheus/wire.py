"""What remote write 1.0 sends: a WriteRequest in protobuf, compressed by snappy in its block
format.

Written by hand, because these are all the fields that there are (remote write specification 1.0;
remote.proto and types.proto of Prometheus):

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
    """The labels of one series, as a TimeSeries begins. Any order goes in; the protocol wants them
    by name.

    Raises ValueError for a name that is given twice, an empty name or value, and a series without
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
    """The compressed body of a request with samples of one time: each the labels of its series, and
    its value.

    One time for all, so that no series can be out of order, and so that the same request again
    changes nothing at a receiver that takes no late samples. NaN is written as the stale marker:
    NaN is never a value of ours.
    """
    time = INTEGER_2 + varint(milliseconds)
    series = (
        labels + _message(MESSAGE_2, DOUBLE_1 + _double(value) + time) for labels, value in samples
    )
    return bytes(snappy.compress_raw(b"".join(_message(MESSAGE_1, each) for each in series)))


def varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the high bit says that more follow."""
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
