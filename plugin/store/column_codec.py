"""One column of a block as bytes, and back without losing a bit.

Floats go through pcodec, except where something simpler is smaller: a column that repeats one
number takes at most 9 bytes (pcodec: 29), and counters are whole numbers.

Integers are ours, because times and versions hardly change: a day of times takes 12 bytes (pcodec:
57). They are differenced, zigzagged and cut into byte planes, so that each plane holds one kind of
byte. A plane is one byte where it is constant, zstd where that helps, and raw where it is noise.

Only the sign of zero and the payload of a NaN are not kept, as in the database's own columns.
"""

import struct

import numpy as np
import zstandard
from numpy.typing import NDArray
from pcodec import ChunkConfig
from pcodec.standalone import simple_compress, simple_decompress_into

from plugin.series import FloatArray, IntArray

ZSTD_LEVEL = 1  # higher levels cost time and save nothing on planes
# The chance that two bytes of a plane are equal, below which zstd cannot win; 1/256 is pure noise.
NOISE_SHARE = 1 / 192
CONSTANT_PLANE, RAW_PLANE, ZSTD_PLANE = range(3)
# How a float column starts: up to 8 is the number of bytes of the one number that it repeats.
MAX_NUMBER_BYTES = 8
NAN_COLUMN = 9
PCO_COLUMN = 10
WHOLE_COLUMN = 11
MAX_WHOLE_NUMBER = 2.0**53  # up to here float64 tells all integers apart
PCO_CONFIG = ChunkConfig(compression_level=8)


class Reader:
    """Takes bytes apart in the order in which they were put together."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._position = 0

    def take(self, size: int) -> bytes:
        """The next bytes; raises ValueError when there are fewer."""
        part = bytes(self._data[self._position : self._position + size])
        if len(part) < size:
            raise ValueError("the block ends too early")
        self._position += size
        return part

    def unpack(self, form: str) -> int:
        """The next integer, of a format of `struct`."""
        number: int = struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]
        return number


def canonical(numbers: FloatArray) -> FloatArray:
    """The same numbers with one zero and one NaN, so that equal columns have equal bits."""
    return np.where(np.isnan(numbers), np.nan, np.where(numbers == 0, 0.0, numbers))


def encode_floats(numbers: FloatArray) -> bytes:
    """[N] float64, any values."""
    numbers = canonical(numbers)
    bits = numbers.view(np.int64)
    if (bits == bits[0]).all():
        if np.isnan(numbers[0]):
            return struct.pack("<B", NAN_COLUMN)
        number = struct.pack(">d", numbers[0]).rstrip(b"\0")
        return struct.pack("<B", len(number)) + number
    compressed: bytes = simple_compress(numbers, PCO_CONFIG)
    column = struct.pack("<BI", PCO_COLUMN, len(compressed)) + compressed
    if not ((np.abs(numbers) < MAX_WHOLE_NUMBER) & (np.rint(numbers) == numbers)).all():
        return column
    whole = struct.pack("<B", WHOLE_COLUMN) + encode_integers(numbers.astype(np.int64))
    return min(column, whole, key=len)


def decode_floats(reader: Reader, n: int) -> FloatArray:
    """[N]; raises ValueError when the bytes are not what `encode_floats` wrote."""
    form = reader.unpack("B")
    if form == NAN_COLUMN:
        return np.full(n, np.nan)
    if form <= MAX_NUMBER_BYTES:
        number = reader.take(form).ljust(MAX_NUMBER_BYTES, b"\0")
        return np.full(n, struct.unpack(">d", number)[0])
    if form == WHOLE_COLUMN:
        return decode_integers(reader, n).astype(np.float64)
    if form != PCO_COLUMN:
        raise ValueError("a column of an unknown form")
    numbers = np.empty(n)
    try:
        progress = simple_decompress_into(reader.take(reader.unpack("I")), numbers)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"a column cannot be decompressed: {error}") from error
    if progress.n_processed != n or not progress.finished:
        raise ValueError("a column has the wrong length")
    return numbers


def encode_integers(numbers: IntArray) -> bytes:
    """[N] int64, any values: as they are or as differences (which may wrap), whichever is
    smaller."""
    direct_bytes = struct.pack("<B", 0) + _encode_planes(numbers)
    if len(numbers) < 2:
        return direct_bytes
    differences = struct.pack("<Bq", 1, numbers[0]) + _encode_planes(np.diff(numbers))
    return min(direct_bytes, differences, key=len)


def decode_integers(reader: Reader, n: int) -> IntArray:
    """[N]; raises ValueError when the bytes are not what `encode_integers` wrote."""
    if reader.unpack("B") == 0:
        return _decode_planes(reader, n)
    numbers = np.empty(n, np.int64)
    numbers[0] = reader.unpack("q")
    numbers[1:] = _decode_planes(reader, n - 1)
    return np.cumsum(numbers, out=numbers)


def decode_plane(reader: Reader, n: int) -> NDArray[np.uint8]:
    """[N] bytes."""
    form = reader.unpack("B")
    if form == CONSTANT_PLANE:
        return np.full(n, reader.unpack("B"), np.uint8)
    if form == RAW_PLANE:
        return np.frombuffer(reader.take(n), np.uint8)
    compressed = reader.take(reader.unpack("I"))
    raw = zstandard.ZstdDecompressor().decompress(compressed, max_output_size=n)
    if len(raw) != n:
        raise ValueError("a column has the wrong length")
    return np.frombuffer(raw, np.uint8)


def _encode_plane(plane: NDArray[np.uint8]) -> bytes:
    if (plane == plane[0]).all():
        return struct.pack("<BB", CONSTANT_PLANE, plane[0])
    raw = plane.tobytes()
    counts = np.bincount(plane)
    if int((counts * counts).sum()) - len(raw) < NOISE_SHARE * len(raw) ** 2:
        return struct.pack("<B", RAW_PLANE) + raw
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_content_size=False)
    compressed = compressor.compress(raw)
    if len(compressed) + 4 < len(raw):
        return struct.pack("<BI", ZSTD_PLANE, len(compressed)) + compressed
    return struct.pack("<B", RAW_PLANE) + raw


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
        planes[:, i] = decode_plane(reader, n)
    zigzag = planes.view("<u8")[:, 0].astype(np.uint64)
    return (zigzag >> np.uint64(1)).view(np.int64) ^ -(zigzag & np.uint64(1)).view(np.int64)
