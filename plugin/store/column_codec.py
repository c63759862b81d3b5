"""One column of a block as bytes, and back without losing a bit.

Integers are differenced, zigzagged and cut into byte planes, so that each plane holds one kind of
byte; a plane is one byte where it is constant, zstd where that helps, and raw where it is noise.
Floats become integers first, in whichever of these ways is smallest:

    quantum      all are whole multiples of one power of two (what bands are rounded to, and all
    counters) decimal      all are whole numbers divided by one power of ten (0.25, 12.7) dictionary
    few distinct numbers, as rate() over a slow counter gives bits         anything: the bits,
    ordered as the numbers are

Only the sign of zero and the payload of a NaN are not kept, as in the database's own columns.
"""

import struct
from collections.abc import Callable

import numpy as np
import zstandard
from numpy.typing import NDArray

from plugin.series import FloatArray, IntArray

LEVEL = 1  # higher ones cost time and save nothing on planes
NOISE = (
    1 / 192
)  # chance that two bytes of a plane are equal, below which zstd cannot win; 1/256 is pure noise
CONSTANT, RAW, ZSTD = range(3)
QUANTUM, DECIMAL, DICTIONARY, BITS = range(4)
FINITE, NAN, PLUS_INF, MINUS_INF = range(4)
EXACT = 2.0**53  # up to here float64 tells all integers apart
WORTHWHILE = 48  # bits; wider multiples of a quantum are no smaller than the bits themselves
SIGN = np.int64(2**63 - 1)


class Reader:
    """Takes bytes apart in the order in which they were put together."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0

    def take(self, size: int) -> bytes:
        part = bytes(self._data[self._at : self._at + size])
        if len(part) < size:
            raise ValueError("the block ends too early")
        self._at += size
        return part

    def unpack(self, form: str) -> int:
        number: int = struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]
        return number


def _encode_plane(plane: NDArray[np.uint8]) -> bytes:
    if (plane == plane[0]).all():
        return struct.pack("<BB", CONSTANT, plane[0])
    raw = plane.tobytes()
    counts = np.bincount(plane)
    if int((counts * counts).sum()) - len(raw) < NOISE * len(raw) ** 2:
        return struct.pack("<B", RAW) + raw
    squeezed = zstandard.ZstdCompressor(level=LEVEL, write_content_size=False).compress(raw)
    if len(squeezed) + 4 < len(raw):
        return struct.pack("<BI", ZSTD, len(squeezed)) + squeezed
    return struct.pack("<B", RAW) + raw


def _decode_plane(reader: Reader, n: int) -> NDArray[np.uint8]:
    kind = reader.unpack("B")
    if kind == CONSTANT:
        return np.full(n, reader.unpack("B"), np.uint8)
    if kind == RAW:
        return np.frombuffer(reader.take(n), np.uint8)
    squeezed = reader.take(reader.unpack("I"))
    raw = zstandard.ZstdDecompressor().decompress(squeezed, max_output_size=n)
    if len(raw) != n:
        raise ValueError("a column has the wrong length")
    return np.frombuffer(raw, np.uint8)


def _encode_planes(numbers: IntArray) -> bytes:
    """[N] as zigzag: small of either sign becomes small without sign."""
    zigzag = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    planes = zigzag.astype("<u8").view(np.uint8).reshape(-1, 8)
    width = (int(zigzag.max(initial=0)).bit_length() + 7) // 8
    return struct.pack("<B", width) + b"".join(
        _encode_plane(planes[:, i].copy()) for i in range(width)
    )


def _decode_planes(reader: Reader, n: int) -> IntArray:
    planes = np.zeros((n, 8), np.uint8)
    for i in range(reader.unpack("B")):
        planes[:, i] = _decode_plane(reader, n)
    zigzag = planes.view("<u8")[:, 0].astype(np.uint64)
    return (zigzag >> np.uint64(1)).view(np.int64) ^ -(zigzag & np.uint64(1)).view(np.int64)


def encode_integers(numbers: IntArray) -> bytes:
    """[N] int64, any values: as they are or as differences (which may wrap), whichever is
    smaller."""
    plain = struct.pack("<B", 0) + _encode_planes(numbers)
    if len(numbers) < 2:
        return plain
    differences = struct.pack("<Bq", 1, numbers[0]) + _encode_planes(np.diff(numbers))
    return min(plain, differences, key=len)


def decode_integers(reader: Reader, n: int) -> IntArray:
    if reader.unpack("B") == 0:
        return _decode_planes(reader, n)
    numbers = np.empty(n, np.int64)
    numbers[0] = reader.unpack("q")
    numbers[1:] = _decode_planes(reader, n - 1)
    return np.cumsum(numbers, out=numbers)


def ordered_bits(numbers: FloatArray) -> IntArray:
    """The bits of floats as integers in the same order; its own inverse through
    `from_ordered_bits`."""
    bits = numbers.view(np.int64)
    return bits ^ ((bits >> 63) & SIGN)


def from_ordered_bits(bits: IntArray) -> FloatArray:
    return (bits ^ ((bits >> 63) & SIGN)).view(np.float64)


def quantum_of(numbers: FloatArray) -> int | None:
    """The largest k such that all are whole multiples of 2**k and these fit float64 exactly; None
    if there is none."""
    fraction, exponent = np.frexp(numbers[numbers != 0])
    if not len(fraction):
        return 0
    mantissa = np.ldexp(fraction, 53).astype(np.int64)
    lowest = np.frexp((mantissa & -mantissa).astype(np.float64))[1] - 1
    k = int((exponent - 53 + lowest).min())
    return k if int(exponent.max()) - k <= 53 else None


def multiples(numbers: FloatArray, k: int) -> IntArray:
    return np.ldexp(numbers, -k).astype(np.int64)


def _as_quantum(numbers: FloatArray) -> bytes | None:
    k = quantum_of(numbers)
    if k is None or np.frexp(np.abs(numbers).max())[1] - k > WORTHWHILE:
        return None
    return struct.pack("<h", k) + encode_integers(multiples(numbers, k))


def _as_decimal(numbers: FloatArray) -> bytes | None:
    largest = float(np.abs(numbers).max())
    for places in range(1, 10):
        scale = 10.0**places
        if largest * scale >= EXACT:
            return None
        whole = np.rint(numbers * scale)
        if (whole / scale == numbers).all():
            return struct.pack("<B", places) + encode_integers(whole.astype(np.int64))
    return None


def _as_dictionary(numbers: FloatArray) -> bytes | None:
    words, index = np.unique(ordered_bits(numbers), return_inverse=True)
    if len(words) > len(numbers) // 2:
        return None
    return (
        struct.pack("<I", len(words))
        + encode_integers(words)
        + encode_integers(index.astype(np.int64))
    )


def _as_bits(numbers: FloatArray) -> bytes | None:
    return encode_integers(ordered_bits(numbers))


ENCODERS: dict[int, Callable[[FloatArray], bytes | None]] = {
    QUANTUM: _as_quantum,
    DECIMAL: _as_decimal,
    DICTIONARY: _as_dictionary,
    BITS: _as_bits,
}


def _decode_finite(reader: Reader, n: int) -> FloatArray:
    way = reader.unpack("B")
    if way == QUANTUM:
        k = reader.unpack("h")
        return np.ldexp(decode_integers(reader, n).astype(np.float64), k)
    if way == DECIMAL:
        scale = 10.0 ** reader.unpack("B")
        return decode_integers(reader, n) / scale
    if way == DICTIONARY:
        words = decode_integers(reader, reader.unpack("I"))
        return from_ordered_bits(words[decode_integers(reader, n)])
    return from_ordered_bits(decode_integers(reader, n))


def encode_kinds(numbers: FloatArray) -> bytes:
    """Which of [N] are finite, NaN, +inf, -inf."""
    kinds = (
        np.isnan(numbers) * NAN + (numbers == np.inf) * PLUS_INF + (numbers == -np.inf) * MINUS_INF
    )
    return _encode_plane(kinds.astype(np.uint8)) if len(kinds) else b""


def decode_kinds(reader: Reader, n: int) -> FloatArray:
    """[N] with 0 for whatever is finite and has yet to be filled in."""
    meaning = np.array([0.0, np.nan, np.inf, -np.inf])
    return meaning[_decode_plane(reader, n)] if n else np.empty(0)


def encode_floats(numbers: FloatArray) -> bytes:
    """[N] float64, any values."""
    finite = numbers[np.isfinite(numbers)] + 0.0  # -0.0 becomes 0.0
    if not len(finite):
        return encode_kinds(numbers)
    tried = ((way, encode(finite)) for way, encode in ENCODERS.items())
    forms = [struct.pack("<B", way) + form for way, form in tried if form is not None]
    return encode_kinds(numbers) + min(forms, key=len)


def decode_floats(reader: Reader, n: int) -> FloatArray:
    numbers = decode_kinds(reader, n)
    finite = np.isfinite(numbers)
    if finite.any():
        numbers[finite] = _decode_finite(reader, int(finite.sum()))
    return numbers
