"""A day of one series as bytes: columns in, bytes out, nothing else.

    version u8 · crc32 u32 of the rest · rows u32 · judged u8 · times, value · where judged:
    model_version, expected, lower, upper, score

`decode_values` stops after the value. The score is a pure function of value and band: what is
stored is its difference from the formula below. That is nothing at all while the scorer uses that
formula, and exact if it ever uses another.

Blocks of version 1 differ in their float columns only. They stay readable, and a block that gets
new rows is written in the present version.
"""

import struct
import zlib

import numpy as np

from plugin.series import FloatArray, IntArray, Samples
from plugin.store import block_version_1
from plugin.store.column_codec import (
    Reader,
    canonical,
    decode_floats,
    decode_integers,
    encode_floats,
    encode_integers,
)
from plugin.store.sample_columns import values_only

VERSION = 2
HEADER = struct.Struct("<BIIB")
ABSOLUTE, DISTANCE = range(2)  # how a bound of a band is stored
ROWS_PER_DISTANCE = 16  # at least: more distances take more bytes than the bounds themselves


def encode(samples: Samples) -> bytes:
    """Raises ValueError unless times ascend without duplicates and all columns are as long."""
    times = samples.times
    n = len(samples)
    columns = (
        samples.value,
        samples.expected,
        samples.lower,
        samples.upper,
        samples.score,
        samples.model_version,
    )
    if not n or any(len(column) != n for column in columns):
        raise ValueError(
            f"a block needs columns of one length above 0: got {[n, *map(len, columns)]}"
        )
    if (np.diff(times) <= 0).any():
        raise ValueError("a block needs ascending times without duplicates")
    judged = _is_judged(samples)
    body = struct.pack("<IB", n, judged) + encode_integers(times) + encode_floats(samples.value)
    body += _encode_judgement(samples) if judged else b""
    return struct.pack("<BI", VERSION, zlib.crc32(body)) + body


def _is_judged(samples: Samples) -> bool:
    columns = (samples.expected, samples.lower, samples.upper, samples.score)
    return bool(samples.model_version.any()) or not all(
        np.isnan(column).all() for column in columns
    )


def _encode_judgement(samples: Samples) -> bytes:
    # The prediction from decoded columns must have the bits of this one, so it starts from the
    # columns as they are stored.
    value, *band = (
        canonical(column)
        for column in (samples.value, samples.expected, samples.lower, samples.upper)
    )
    difference = _bits(samples.score) ^ _bits(predicted_score(value, *band))
    expected, lower, upper = band
    return b"".join(
        [
            encode_integers(samples.model_version),
            encode_floats(expected),
            _encode_bound(lower, expected),
            _encode_bound(upper, expected),
            encode_integers(difference),
        ]
    )


def _encode_bound(bound: FloatArray, expected: FloatArray) -> bytes:
    """As it is, or as the distance from the expected value where few distances occur: some
    detectors have bands of one width. To try both would double the time and save 1 % more."""
    with np.errstate(invalid="ignore", over="ignore"):
        distance = bound - expected
        is_exact = np.array_equal(expected + distance, bound, equal_nan=True)
    if is_exact and len(np.unique(distance)) * ROWS_PER_DISTANCE <= len(distance):
        return struct.pack("<B", DISTANCE) + encode_floats(distance)
    return struct.pack("<B", ABSOLUTE) + encode_floats(bound)


def _decode_bound(reader: Reader, expected: FloatArray) -> FloatArray:
    form = reader.unpack("B")
    numbers = decode_floats(reader, len(expected))
    return numbers if form == ABSOLUTE else expected + numbers


def decode(data: bytes) -> Samples:
    """Raises ValueError when the bytes are not what `encode` wrote."""
    version, reader, n, judged = _open(data)
    times, value = _decode_values(version, reader, n)
    if not judged:
        return values_only(times, value)
    model_version = decode_integers(reader, n)
    if version == 1:
        expected, lower, upper = block_version_1.decode_band(reader, n)
    else:
        expected = decode_floats(reader, n)
        lower = _decode_bound(reader, expected)
        upper = _decode_bound(reader, expected)
    difference = decode_integers(reader, n)
    score = (_bits(predicted_score(value, expected, lower, upper)) ^ difference).view(np.float64)
    return Samples(times, value, expected, lower, upper, score, model_version)


def decode_values(data: bytes) -> tuple[IntArray, FloatArray]:
    """Times and values only: what a refit reads."""
    version, reader, n, _ = _open(data)
    return _decode_values(version, reader, n)


def _decode_values(version: int, reader: Reader, n: int) -> tuple[IntArray, FloatArray]:
    times = decode_integers(reader, n)
    decode_value = block_version_1.decode_floats if version == 1 else decode_floats
    return times, decode_value(reader, n)


def _open(data: bytes) -> tuple[int, Reader, int, bool]:
    """The version, what comes after the header, how many rows it holds, and whether they are
    judged."""
    if len(data) < HEADER.size:
        raise ValueError("a block is cut short")
    version, checksum, n, judged = HEADER.unpack_from(data)
    if not 1 <= version <= VERSION:
        raise ValueError(
            f"a block of version {version}, this program reads versions up to {VERSION}"
        )
    if zlib.crc32(memoryview(data)[5:]) != checksum:
        raise ValueError("a block whose checksum is wrong")
    return version, Reader(data[HEADER.size :]), n, bool(judged)


def _bits(numbers: FloatArray) -> IntArray:
    return canonical(numbers).view(np.int64)


def predicted_score(
    value: FloatArray, expected: FloatArray, lower: FloatArray, upper: FloatArray
) -> FloatArray:
    """What the scorer does today.

    Changing it would change every stored score: another formula needs another VERSION.
    """
    with np.errstate(all="ignore"):
        above = (value - expected) / (upper - expected)
        below = (expected - value) / (expected - lower)
        score = np.nan_to_num(
            np.clip(np.where(value >= expected, above, below), 0.0, 1000.0), nan=0.0
        )
        is_outside = (value < lower) | (value > upper)
        score = np.where(
            is_outside, np.maximum(score, np.nextafter(1.0, 2.0)), np.minimum(score, 1.0)
        )
    return np.where(
        np.isnan(value) | np.isnan(expected) | np.isnan(lower) | np.isnan(upper), np.nan, score
    )
