"""Remote write on the wire: bytes made by hand, and back through a small decoder."""

import math
import struct
from collections.abc import Iterator

import cramjam
import pytest

from plugin.prometheus.wire import encoded_labels, varint, write_request

STALE = 0x7FF0_0000_0000_0002
Read = tuple[dict[str, str], list[tuple[int, float]]]


def fields(message: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(number, wire type, content) of each field; a varint is given as eight bytes."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at = at + 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = number()
        kind = tag & 7
        if kind == 0:
            content = struct.pack("<Q", number())
        else:
            assert kind in (1, 2)
            size = 8 if kind == 1 else number()
            content = message[at : at + size]
            at = at + size
            assert len(content) == size
        yield tag >> 3, kind, content


def decoded(body: bytes) -> list[Read]:
    """Each series of a request: its labels in the order of the message, and its (milliseconds,
    value)."""
    found: list[Read] = []
    for number, kind, series in fields(bytes(cramjam.snappy.decompress_raw(body))):
        assert (number, kind) == (1, 2)
        labels = []
        samples = []
        for inner, _, content in fields(series):
            parts = {place: text for place, _, text in fields(content)}
            if inner == 1:
                labels.append((parts[1].decode(), parts[2].decode()))
            else:
                (value,) = struct.unpack("<d", parts[1])
                (milliseconds,) = struct.unpack("<Q", parts[2])
                samples.append((milliseconds, value))
        assert labels == sorted(labels) and len(dict(labels)) == len(labels)
        found.append((dict(labels), samples))
    return found


def bits(value: float) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", value))[0])


@pytest.mark.parametrize(
    ("number", "encoded"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "8001"),
        (300, "ac02"),
        (1_760_000_000_000, "8080b3c19c33"),
    ],
)
def test_a_varint(number: int, encoded: str) -> None:
    assert varint(number).hex() == encoded


def test_a_request_made_by_hand() -> None:
    """{__name__="up", a="b"} 1 at 300 ms, and the end of it."""
    labels = "0a0e0a085f5f6e616d655f5f120275700a060a0161120162"
    one = "12 0c 09 000000000000f03f 10 ac02"
    end = "12 0c 09 020000000000f07f 10 ac02"
    expected = bytes.fromhex(f"0a26 {labels} {one} 0a26 {labels} {end}")
    up = encoded_labels([("a", "b"), ("__name__", "up")])
    assert up == bytes.fromhex(labels)
    assert (
        bytes(cramjam.snappy.decompress_raw(write_request(300, [(up, 1.0), (up, math.nan)])))
        == expected
    )


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 1 / 3, 5e-324, 1.7976931348623157e308, math.inf, -math.inf]
)
def test_a_value_arrives_bit_for_bit(value: float) -> None:
    ((_, ((milliseconds, read),)),) = decoded(
        write_request(1_795_219_200_123, [(encoded_labels([("__name__", "m")]), value)])
    )
    assert (milliseconds, bits(read)) == (1_795_219_200_123, bits(value))


def test_nan_is_the_stale_marker_whatever_its_bits() -> None:
    labels = encoded_labels([("__name__", "m")])
    raw = bytes(cramjam.snappy.decompress_raw(write_request(1, [(labels, -math.nan)])))
    assert raw.count(struct.pack("<Q", STALE)) == 1


def test_labels_of_any_kind_and_length_survive_in_the_order_of_names() -> None:
    pairs = {"job": "x" * 300, "__name__": "m", "Zone": 'ü\n"\\', "a": "b"}
    ((labels, _),) = decoded(write_request(0, [(encoded_labels(pairs.items()), 1.0)]))
    assert labels == pairs and list(labels) == ["Zone", "__name__", "a", "job"]


def test_many_series_in_one_request() -> None:
    samples = [(encoded_labels([("__name__", "m"), ("i", str(i))]), float(i)) for i in range(5000)]
    body = write_request(60_000, samples)
    assert [(labels["i"], value) for labels, ((_, value),) in decoded(body)] == [
        (str(i), i) for i in range(5000)
    ]
    assert len(body) < 20 * 5000


@pytest.mark.parametrize(
    "pairs",
    [
        [("a", "b")],
        [("__name__", "m"), ("a", "1"), ("a", "2")],
        [("__name__", "")],
        [("__name__", "m"), ("a", "")],
        [("__name__", "m"), ("", "b")],
    ],
)
def test_labels_that_no_receiver_takes(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match="labels need a __name__, each name once"):
        encoded_labels(pairs)


def test_a_time_before_1970() -> None:
    with pytest.raises(ValueError, match="never negative: got -1"):
        write_request(-1, [(b"", 1.0)])
