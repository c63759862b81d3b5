"""Numbers, bands and episodes in plain words: `24 req/s at 03:05 UTC; expected -1 to 9; outside for
12 min`. Pure."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

Scale = tuple[float, str]  # worth in the unit of the series, suffix

_BINARY = tuple(
    (1024.0**power, prefix)
    for power, prefix in ((5, "Pi"), (4, "Ti"), (3, "Gi"), (2, "Mi"), (1, "Ki"), (0, ""))
)
_DECIMAL = tuple(
    (1000.0**power, prefix)
    for power, prefix in ((5, "P"), (4, "T"), (3, "G"), (2, "M"), (1, "k"), (0, ""))
)
_TIME = (
    (86_400.0, " d"),
    (3600.0, " h"),
    (60.0, " min"),
    (1.0, " s"),
    (1e-3, " ms"),
    (1e-6, " µs"),
    (1e-9, " ns"),
)
_PLAIN: Sequence[Scale] = ((1.0, ""),)


def _prefixed(prefixes: Sequence[Scale], unit: str) -> Sequence[Scale]:
    return tuple((worth, f" {prefix}{unit}") for worth, prefix in prefixes)


def _of(seconds: float) -> Sequence[Scale]:
    """The scale of time for numbers that count so many seconds each."""
    return tuple((worth / seconds, suffix) for worth, suffix in _TIME)


# Unit of a series by its id in Grafana (packages/grafana-data/src/valueFormats/categories.ts) ->
# scales, largest first.
UNITS: Mapping[str, Sequence[Scale]] = {
    "s": _of(1),
    "ms": _of(1e-3),
    "µs": _of(1e-6),
    "ns": _of(1e-9),
    "m": _of(60),
    "h": _of(3600),
    "d": _of(86_400),
    "dtdurations": _of(1),
    "dtdurationms": _of(1e-3),
    "bytes": _prefixed(_BINARY, "B"),
    "decbytes": _prefixed(_DECIMAL, "B"),
    "bits": _prefixed(_BINARY, "b"),
    "decbits": _prefixed(_DECIMAL, "b"),
    "binBps": _prefixed(_BINARY, "B/s"),
    "Bps": _prefixed(_DECIMAL, "B/s"),
    "binbps": _prefixed(_BINARY, "b/s"),
    "bps": _prefixed(_DECIMAL, "b/s"),
    "percent": ((1.0, "%"),),
    "percentunit": ((0.01, "%"),),
    **{
        id: ((1.0, f" {name}"),)
        for id, name in {
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
NEAR = 1.05  # a score up to this is "just" outside


def explanation(
    value: float, expected: float, lower: float, upper: float, score: float, unit: str
) -> str:
    """One sample against its band; NaN = not known, an infinite bound = none on that side.

    unit: a unit id of Grafana; one that is not in UNITS is left out.
    """
    if math.isnan(value):
        known = expected_range(value, expected, lower, upper, unit)[1]
        return f"no sample; {known}" if known else "no sample"
    shown, known = expected_range(value, expected, lower, upper, unit)
    if not known:
        return f"{shown}; no band yet"
    if not score > 1:
        return f"{shown}; {known}"
    side = "above" if value > upper else "below"
    return f"{shown}; {known}; " + (
        f"just {side} its band" if score <= NEAR else f"{side} its band (score {_digits(score, 2)})"
    )


def alarm_title(series: str, direction: int) -> str:
    """What happened, for a list or the head of a tooltip. direction: 1 = above, -1 = below."""
    return f"{series} {'above' if direction > 0 else 'below'} its band"


@lru_cache(
    16_384
)  # what is over never changes, and a month of incidents is asked for again and again
def alarm_text(
    value: float,
    expected: float,
    lower: float,
    upper: float,
    unit: str,
    *,
    at: int,
    seconds: int,
    open: bool,
    last: int | None = None,
) -> str:
    """An alarm by its peak. at: unix seconds of the peak; seconds: from its first to its last
    sample outside.

    last: unix seconds of that last sample, where it is open although nothing is outside any more.
    """
    shown, known = expected_range(value, expected, lower, upper, unit)
    lasted = f"outside for {duration(seconds)}" if seconds else "outside for one sample"
    hour, minute = divmod(at % 86_400 // 60, 60)
    goes_on = (
        ""
        if not open
        else " so far"
        if last is None
        else f", last outside at {clock_time(last, at)}"
    )
    return f"{shown} at {hour:02d}:{minute:02d} UTC; {known}; {lasted}{goes_on}"


def incident_title(group: str, size: int, among: int, worst: str, direction: int) -> str:
    """What happened, by how many series; one that is alone is named."""
    return (
        alarm_title(worst, direction)
        if size == 1
        else f"{size} of {among} series of {group} outside their band"
    )


def incident_text(first: str, worst: str, score: float, peak: str) -> str:
    """Who moved first, and who went farthest. peak: the words of `alarm_text` for the worst."""
    named = f"first and worst {worst}" if first == worst else f"first {first}; worst {worst}"
    return f"{named}: {peak}; score {_digits(score, 2)}"


def clock_time(time: int, now: int) -> str:
    """`03:05 UTC`, with its day where that is another one than that of `now`; both unix seconds."""
    hour, minute = divmod(time % 86_400 // 60, 60)
    day = (
        "" if time // 86_400 == now // 86_400 else f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d} "
    )
    return f"{day}{hour:02d}:{minute:02d} UTC"


def since(direction: int, start: int, end: int, *, open: bool) -> str:
    """`below since 03:05 UTC (12 min)`. start, end: unix seconds of the first and the last sample
    outside."""
    side = "above" if direction > 0 else "below"
    lasted = duration(end - start) if end > start else "one sample"
    if not open:
        return f"{side} from {clock_time(start, end)}, {lasted}"
    return f"{side} since {clock_time(start, end)} ({lasted})"


def rank(lowest: bool, seconds: int, *, whole: bool) -> str:
    """`lowest in 14 d`. whole: nothing that is known was like it; seconds: for how long it was
    not."""
    most = "lowest" if lowest else "highest"
    worth, name = next(
        ((worth, name) for worth, name in ((86_400, "d"), (3600, "h")) if seconds >= 2 * worth),
        (60, "min"),
    )
    time = f"{seconds // worth} {name}"
    return f"{most} in the {time} that are known" if whole else f"{most} in {time}"


def related(count: int, first: str, before: int) -> str:
    """`3 related series, first cpu{...} 2 min before`; "" where there is none. before: seconds,
    negative = after."""
    if not count:
        return ""
    when = (
        f"{duration(abs(before))} {'before' if before > 0 else 'after'}"
        if before
        else "at the same time"
    )
    return f"{count} related series, {'first ' if count > 1 else ''}{first} {when}"


def new_level(since: int, due: int, now: int) -> str:
    """A level that is not what is expected, and may become so; all unix seconds."""
    return (
        f"at a new level since {clock_time(since, now)}; accepted as normal at"
        f" {clock_time(due, now)} if it stays"
    )


def regime(since: int, accepted: int, before: float, after: float, unit: str, by: str) -> str:
    """A level that was accepted; NaN = not known."""
    change = (
        f"{expected_range(before, math.nan, math.nan, math.nan, unit)[0]} -> "
        + expected_range(after, math.nan, math.nan, math.nan, unit)[0]
    )
    return (
        f"new level since {clock_time(since, accepted)}: {change}, accepted"
        f" {clock_time(accepted, accepted)}{f' by {by}' if by else ''}"
    )


def expected_range(
    value: float, expected: float, lower: float, upper: float, unit: str
) -> tuple[str, str]:
    """`812 ms` and `expected 240 to 310 ms`: as few digits as keep value and bounds apart.

    The value is "" where it is NaN; the band is "" where there is none.
    """
    low = math.isfinite(lower)
    high = math.isfinite(upper)
    bounds = [lower] * low + [upper] * high or [expected] * math.isfinite(expected)
    numbers = [value, *bounds]
    scale = _scale(unit, bounds or [value])
    scales = [scale if _fits(number, scale) else _scale(unit, [number]) for number in numbers]
    different = len(set(numbers))
    for significant in range(3, 17):
        texts = [
            _digits(number / worth, significant)
            for number, (worth, _) in zip(numbers, scales, strict=True)
        ]
        full = [text + suffix for text, (_, suffix) in zip(texts, scales, strict=True)]
        if len(set(full)) == different:
            break
    return full[0] if math.isfinite(value) else "", _band(texts[1:], full[1:], low, high)


def _band(texts: Sequence[str], full: Sequence[str], low: bool, high: bool) -> str:
    """texts: one or two bounds, or what is expected; full: the same with their units."""
    if not texts:
        return ""
    if low and high and full[0] != full[1]:
        shared = full[0].removeprefix(texts[0]) == full[1].removeprefix(texts[1])
        return f"expected {texts[0] if shared else full[0]} to {full[1]}"
    if low and high:
        return f"expected {full[0]}"
    return f"expected {'at least' if low else 'at most' if high else 'about'} {full[0]}"


def instant(time: int) -> str:
    """Unix seconds as `2026-11-21T02:00:00Z`."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(1024)
def duration(seconds: int) -> str:
    """`45 s`, `12 min`, `1 h 5 min`, `2 d 3 h`: the two largest parts."""
    parts = []
    left = seconds
    for worth, name in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, worth)
        parts.append(f"{count} {name}" if count else "")
    first = next((at for at, part in enumerate(parts) if part), len(parts) - 1)
    return " ".join(part for part in parts[first : first + 2] if part) or "0 s"


def _scale(unit: str, values: Sequence[float]) -> Scale:
    """The largest scale in which the largest of the values is 1 or more; the smallest where none
    is."""
    scales = UNITS.get(unit, _PLAIN)
    if len(scales) == 1:
        return scales[0]
    largest = max(map(abs, values))
    if not 0 < largest < math.inf:
        return next((scale for scale in scales if scale[0] == 1), scales[-1])
    return next((scale for scale in scales if largest >= scale[0]), scales[-1])


def _fits(number: float, scale: Scale) -> bool:
    """Whether a number reads well in a scale that others have chosen."""
    return number == 0 or 0.1 <= abs(number / scale[0]) < 10_000 or not math.isfinite(number)


def _digits(number: float, significant: int) -> str:
    """A number with so many significant digits, one more from 1,000 on; "" when it is not
    finite."""
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
