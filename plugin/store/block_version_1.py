"""Reads the float columns of blocks of version 1, which programs up to 0.1 have written.

A column is a plane of kinds (finite, NaN, +inf, -inf), then the finite numbers in one of these
forms:

    quantum      whole multiples of one power of two
    decimal      whole numbers divided by one power of ten
    dictionary   few distinct numbers, by index
    bits         the bits as integers in the order of the numbers

A band is three columns, or whole multiples of one power of two: the expected value and the
distances of the bounds from it.
"""

import numpy as np

from plugin.series import FloatArray, IntArray
from plugin.store.column_codec import Reader, decode_integers, decode_plane

QUANTUM_FORM, DECIMAL_FORM, DICTIONARY_FORM, BITS_FORM = range(4)
SEPARATE_BAND, JOINT_BAND = range(2)
NUMBER_OF_KIND = np.array([0.0, np.nan, np.inf, -np.inf])
MAGNITUDE_BITS = np.int64(2**63 - 1)
BandColumns = tuple[FloatArray, FloatArray, FloatArray]  # expected, lower, upper; [N] each


def decode_floats(reader: Reader, n: int) -> FloatArray:
    """[N]"""
    numbers = _decode_kinds(reader, n)
    finite = np.isfinite(numbers)
    if finite.any():
        numbers[finite] = _decode_finite(reader, int(finite.sum()))
    return numbers


def decode_band(reader: Reader, n: int) -> BandColumns:
    """Expected, lower and upper, [N] each."""
    if reader.unpack("B") == SEPARATE_BAND:
        return decode_floats(reader, n), decode_floats(reader, n), decode_floats(reader, n)
    exponent = reader.unpack("h")
    expected, lower, upper = (_decode_kinds(reader, n) for _ in range(3))
    has_expected, has_lower, has_upper = (
        np.isfinite(column) for column in (expected, lower, upper)
    )
    centre = np.zeros(n, np.int64)
    centre[has_expected] = decode_integers(reader, int(has_expected.sum()))
    below = centre[has_lower] - decode_integers(reader, int(has_lower.sum()))
    above = centre[has_upper] + decode_integers(reader, int(has_upper.sum()))
    expected[has_expected] = np.ldexp(centre[has_expected].astype(np.float64), exponent)
    lower[has_lower] = np.ldexp(below.astype(np.float64), exponent)
    upper[has_upper] = np.ldexp(above.astype(np.float64), exponent)
    return expected, lower, upper


def _decode_kinds(reader: Reader, n: int) -> FloatArray:
    """[N] with 0 for each finite number, which is filled in later."""
    return NUMBER_OF_KIND[decode_plane(reader, n)]


def _decode_finite(reader: Reader, n: int) -> FloatArray:
    form = reader.unpack("B")
    if form == QUANTUM_FORM:
        exponent = reader.unpack("h")
        return np.ldexp(decode_integers(reader, n).astype(np.float64), exponent)
    if form == DECIMAL_FORM:
        scale = 10.0 ** reader.unpack("B")
        return decode_integers(reader, n) / scale
    if form == DICTIONARY_FORM:
        words = decode_integers(reader, reader.unpack("I"))
        return _from_ordered_bits(words[decode_integers(reader, n)])
    return _from_ordered_bits(decode_integers(reader, n))


def _from_ordered_bits(bits: IntArray) -> FloatArray:
    return (bits ^ ((bits >> 63) & MAGNITUDE_BITS)).view(np.float64)
