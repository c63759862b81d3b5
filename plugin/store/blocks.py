"""A day of one series as bytes: columns in, bytes out, nothing else.

    version u8 · crc32 u32 of the rest · rows u32 · judged u8 · times, value · where judged: the
    other columns

`decode_values` stops after the value. Bands are rounded by the scorer to a power of two, so that
`expected` and the two half-widths are small whole numbers. The score is a pure function of value
and band: what is stored is its difference from the formula below, which is nothing at all while the
scorer uses that formula, and exact if it ever uses another.
"""

import struct
import zlib

import numpy as np

from plugin.series import FloatArray, IntArray, Samples
from plugin.store.column_codec import (
    Reader,
    decode_floats,
    decode_integers,
    decode_kinds,
    encode_floats,
    encode_integers,
    encode_kinds,
    multiples,
    quantum_of,
)
from plugin.store.sample_columns import values_only

VERSION = 1
HEADER = struct.Struct("<BIIB")
SEPARATE, JOINT = range(2)
Band = tuple[FloatArray, FloatArray, FloatArray]  # expected, lower, upper; [N] each


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
    value, *band = (
        _canonical(c) for c in (samples.value, samples.expected, samples.lower, samples.upper)
    )
    difference = _bits(samples.score) ^ _bits(predicted_score(value, *band))
    return (
        encode_integers(samples.model_version) + _encode_band(*band) + encode_integers(difference)
    )


def decode(data: bytes) -> Samples:
    """Raises ValueError when the bytes are not what `encode` wrote."""
    reader, n, judged = _open(data)
    times = decode_integers(reader, n)
    value = decode_floats(reader, n)
    if not judged:
        return values_only(times, value)
    model_version = decode_integers(reader, n)
    expected, lower, upper = _decode_band(reader, n)
    difference = decode_integers(reader, n)
    score = (_bits(predicted_score(value, expected, lower, upper)) ^ difference).view(np.float64)
    return Samples(times, value, expected, lower, upper, score, model_version)


def decode_values(data: bytes) -> tuple[IntArray, FloatArray]:
    """Times and values only: what a refit reads."""
    reader, n, _ = _open(data)
    return decode_integers(reader, n), decode_floats(reader, n)


def _open(data: bytes) -> tuple[Reader, int, bool]:
    """What comes after the header, how many rows it holds, and whether they are judged."""
    if len(data) < HEADER.size:
        raise ValueError("a block is cut short")
    version, checksum, n, judged = HEADER.unpack_from(data)
    if version != VERSION:
        raise ValueError(f"a block of version {version}, this program reads version {VERSION}")
    if zlib.crc32(memoryview(data)[5:]) != checksum:
        raise ValueError("a block whose checksum is wrong")
    return Reader(data[HEADER.size :]), n, bool(judged)


def _canonical(numbers: FloatArray) -> FloatArray:
    """One zero and one NaN, so that a prediction from decoded columns has the bits of one from
    given columns."""
    return np.where(np.isnan(numbers), np.nan, np.where(numbers == 0, 0.0, numbers))


def _bits(numbers: FloatArray) -> IntArray:
    return _canonical(numbers).view(np.int64)


def predicted_score(
    value: FloatArray, expected: FloatArray, lower: FloatArray, upper: FloatArray
) -> FloatArray:
    """What the scorer does today.

    Frozen with VERSION: changing it would change every stored score.
    """
    with np.errstate(all="ignore"):
        above = (value - expected) / (upper - expected)
        below = (expected - value) / (expected - lower)
        score = np.nan_to_num(
            np.clip(np.where(value >= expected, above, below), 0.0, 1000.0), nan=0.0
        )
        outside = (value < lower) | (value > upper)
        score = np.where(outside, np.maximum(score, np.nextafter(1.0, 2.0)), np.minimum(score, 1.0))
    return np.where(
        np.isnan(value) | np.isnan(expected) | np.isnan(lower) | np.isnan(upper), np.nan, score
    )


def _encode_band(expected: FloatArray, lower: FloatArray, upper: FloatArray) -> bytes:
    """As whole multiples of one power of two where that is exact, else column by column."""
    known = np.isfinite(expected)
    has_lower = np.isfinite(lower)
    has_upper = np.isfinite(upper)
    k = quantum_of(np.concatenate([expected[known], lower[has_lower], upper[has_upper]]))
    if k is None or (has_lower & ~known).any() or (has_upper & ~known).any():
        return struct.pack("<B", SEPARATE) + b"".join(map(encode_floats, (expected, lower, upper)))
    middle, low, high = (np.where(np.isfinite(c), c, 0.0) for c in (expected, lower, upper))
    centre = multiples(middle, k)
    below = (centre - multiples(low, k))[has_lower]
    above = (multiples(high, k) - centre)[has_upper]
    kinds = b"".join(map(encode_kinds, (expected, lower, upper)))
    numbers = b"".join(map(encode_integers, (centre[known], below, above)))
    return struct.pack("<Bh", JOINT, k) + kinds + numbers


def _decode_band(reader: Reader, n: int) -> Band:
    if reader.unpack("B") == SEPARATE:
        return decode_floats(reader, n), decode_floats(reader, n), decode_floats(reader, n)
    k = reader.unpack("h")
    expected, lower, upper = (decode_kinds(reader, n) for _ in range(3))
    known, has_lower, has_upper = (np.isfinite(c) for c in (expected, lower, upper))
    centre = np.zeros(n, np.int64)
    centre[known] = decode_integers(reader, int(known.sum()))
    below = centre[has_lower] - decode_integers(reader, int(has_lower.sum()))
    above = centre[has_upper] + decode_integers(reader, int(has_upper.sum()))
    expected[known] = np.ldexp(centre[known].astype(np.float64), k)
    lower[has_lower] = np.ldexp(below.astype(np.float64), k)
    upper[has_upper] = np.ldexp(above.astype(np.float64), k)
    return expected, lower, upper
