"""Numbers with their unit in few digits: `812 ms`, `expected 240 to 310 ms`. Pure."""

import math
from collections.abc import Mapping, Sequence

from plugin.domain.times import DAY, HOUR, MINUTE

Scale = tuple[float, str]  # size in the unit of the series, suffix

_BINARY_PREFIXES = tuple(
    (1024.0**power, prefix)
    for power, prefix in ((5, "Pi"), (4, "Ti"), (3, "Gi"), (2, "Mi"), (1, "Ki"), (0, ""))
)
_DECIMAL_PREFIXES = tuple(
    (1000.0**power, prefix)
    for power, prefix in ((5, "P"), (4, "T"), (3, "G"), (2, "M"), (1, "k"), (0, ""))
)
_TIME_SCALES = (
    (float(DAY), " d"),
    (float(HOUR), " h"),
    (float(MINUTE), " min"),
    (1.0, " s"),
    (1e-3, " ms"),
    (1e-6, " µs"),
    (1e-9, " ns"),
)
NEGLIGIBLE_SHARE = 1e-8  # of the largest number beside it; what is smaller is written as 0
_WITHOUT_UNIT: Sequence[Scale] = ((1.0, ""),)
# Units of Grafana that are written as a bare number.
UNITS_WITHOUT_TEXT = ("", "short", "none", "sishort", "locale", "string", "bool")


def _prefixed(prefixes: Sequence[Scale], unit: str) -> Sequence[Scale]:
    return tuple((size, f" {prefix}{unit}") for size, prefix in prefixes)


def _time_scale(seconds: float) -> Sequence[Scale]:
    """The scales of numbers that count so many seconds each."""
    return tuple((size / seconds, suffix) for size, suffix in _TIME_SCALES)


# The scales of each unit, largest first, by the id that Grafana gives the unit
# (packages/grafana-data/src/valueFormats/categories.ts).
UNITS: Mapping[str, Sequence[Scale]] = {
    "s": _time_scale(1),
    "ms": _time_scale(1e-3),
    "µs": _time_scale(1e-6),
    "ns": _time_scale(1e-9),
    "m": _time_scale(MINUTE),
    "h": _time_scale(HOUR),
    "d": _time_scale(DAY),
    "dtdurations": _time_scale(1),
    "dtdurationms": _time_scale(1e-3),
    "bytes": _prefixed(_BINARY_PREFIXES, "B"),
    "decbytes": _prefixed(_DECIMAL_PREFIXES, "B"),
    "bits": _prefixed(_BINARY_PREFIXES, "b"),
    "decbits": _prefixed(_DECIMAL_PREFIXES, "b"),
    "binBps": _prefixed(_BINARY_PREFIXES, "B/s"),
    "Bps": _prefixed(_DECIMAL_PREFIXES, "B/s"),
    "binbps": _prefixed(_BINARY_PREFIXES, "b/s"),
    "bps": _prefixed(_DECIMAL_PREFIXES, "b/s"),
    "percent": ((1.0, "%"),),
    "percentunit": ((0.01, "%"),),
    **{
        unit: ((1.0, f" {name}"),)
        for unit, name in {
            "reqps": "req/s",
            "ops": "ops/s",
            "cps": "c/s",
            "rps": "rd/s",
            "wps": "wr/s",
            "iops": "io/s",
            "eps": "evt/s",
            "mps": "msg/s",
            "recps": "rec/s",
            "rowsps": "rows/s",
            "pps": "p/s",
            "reqpm": "req/min",
            "opm": "ops/min",
            "cpm": "c/min",
            "rpm": "rd/min",
            "wpm": "wr/min",
            "epm": "evt/min",
            "celsius": "°C",
            "fahrenheit": "°F",
            "kelvin": "K",
            "hertz": "Hz",
            "watt": "W",
            "volt": "V",
            "amp": "A",
            "rotrpm": "rpm",
        }.items()
    },
}


def expected_range(
    value: float, expected: float, lower: float, upper: float, unit: str
) -> tuple[str, str]:
    """`812 ms` and `expected 240 to 310 ms`: as few digits as keep value and bounds apart. A
    number that is negligible beside the others is 0.

    The value is "" where it is NaN; the band is "" where there is none.
    """
    low = math.isfinite(lower)
    high = math.isfinite(upper)
    bounds = [lower] * low + [upper] * high or [expected] * math.isfinite(expected)
    numbers = [value, *bounds]
    rounded = _without_negligible(numbers)
    if rounded[0] not in rounded[1:] or lower <= value <= upper:  # else it would hide the distance
        numbers = rounded
        bounds = rounded[1:]
    shared_scale = _scale(unit, bounds or [value])
    scales = [
        shared_scale if _is_readable(number, shared_scale) else _scale(unit, [number])
        for number in numbers
    ]
    distinct = len(set(numbers))
    for significant in range(3, 17):
        texts = [
            digits(number / size, significant)
            for number, (size, _) in zip(numbers, scales, strict=True)
        ]
        texts_with_unit = [text + suffix for text, (_, suffix) in zip(texts, scales, strict=True)]
        if len(set(texts_with_unit)) == distinct:
            break
    band = _band_text(texts[1:], texts_with_unit[1:], low, high)
    return texts_with_unit[0] if math.isfinite(value) else "", band


def axis_scale(values: Sequence[float], unit: str) -> Scale:
    """The scale of an axis that shows these values, which may be none."""
    return _scale(unit, values or [0.0])


def _without_negligible(numbers: Sequence[float]) -> list[float]:
    """0 in place of a number that is tiny beside the largest, such as the -1e-9 of a computation
    that should give 0."""
    limit = NEGLIGIBLE_SHARE * max(map(abs, filter(math.isfinite, numbers)), default=0.0)
    return [0.0 if abs(number) < limit else number for number in numbers]


def digits(number: float, significant: int) -> str:
    """A number with so many significant digits, one more from 1,000 on; "" if it is not finite."""
    if not math.isfinite(number):
        return ""
    if number == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(number)))
    if not -5 <= magnitude < 15:
        return f"{number:.{significant}g}"
    decimals = significant - 1 - magnitude + (magnitude >= 3)
    if decimals <= 0:
        return f"{round(number, decimals):,.0f}"
    return f"{number:,.{decimals}f}".rstrip("0").rstrip(".")


def _band_text(texts: Sequence[str], texts_with_unit: Sequence[str], low: bool, high: bool) -> str:
    """texts: one or two bounds, or the expected value; low, high: whether the band has that
    bound."""
    if not texts:
        return ""
    if low and high and texts_with_unit[0] != texts_with_unit[1]:
        suffixes = [
            text_with_unit.removeprefix(text)
            for text, text_with_unit in zip(texts, texts_with_unit, strict=True)
        ]
        first = texts[0] if suffixes[0] == suffixes[1] else texts_with_unit[0]
        return f"expected {first} to {texts_with_unit[1]}"
    if low and high:
        return f"expected {texts_with_unit[0]}"
    return f"expected {'at least' if low else 'at most' if high else 'about'} {texts_with_unit[0]}"


def _scale(unit: str, values: Sequence[float]) -> Scale:
    """The largest scale in which the largest value is at least 1; the smallest if there is
    none."""
    scales = UNITS.get(unit) or _suffix_scale(unit)
    if len(scales) == 1:
        return scales[0]
    largest = max(map(abs, values))
    if not 0 < largest < math.inf:
        return next((scale for scale in scales if scale[0] == 1), scales[-1])
    return next((scale for scale in scales if largest >= scale[0]), scales[-1])


def _suffix_scale(unit: str) -> Sequence[Scale]:
    """Of a unit without scales: behind the number, as Grafana writes what it does not know."""
    suffix = unit.removeprefix("suffix:")
    return _WITHOUT_UNIT if unit in UNITS_WITHOUT_TEXT else ((1.0, f" {suffix}"),)


def _is_readable(number: float, scale: Scale) -> bool:
    """Whether a number has few enough digits in a scale that was chosen for other numbers."""
    return number == 0 or 0.1 <= abs(number / scale[0]) < 10_000 or not math.isfinite(number)
