"""The chart of one series: its samples in few points, and its alarms as shaded spans. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from plugin.domain.alarms import Alarm
from plugin.domain.band_drawing import HEIGHT, WIDTH, Drawing, Frame, draw
from plugin.series import Samples
from plugin.web.thinning import thin

CHART_POINTS = 700
SURPLUS = 1.5  # times the points, beyond which samples outside are thinned, too
MIN_SPAN_WIDTH = 2.0  # pixels, so that a short alarm can be seen

Span = tuple[float, float]  # left edge and width in pixels


@dataclass(frozen=True)
class Chart:
    """What the template of a chart draws."""

    drawing: Drawing
    spans: Sequence[Span]  # one for each alarm
    words: str  # what a screen reader says
    shades: Sequence[Span] = ()  # one for each time of maintenance
    width: int = WIDTH
    height: int = HEIGHT


def chart(
    samples: Samples,
    time_range: tuple[int, int],
    unit: str,
    alarms: Sequence[Alarm],
    words: str,
    max_points: int = CHART_POINTS,
) -> Chart | None:
    """The chart of a time range, unix seconds; None without a sample.

    unit: a unit id of Grafana. words: what it shows, for those who do not see it.
    """
    return condensed_chart(condensed(samples, max_points), time_range, unit, alarms, words)


def condensed_chart(
    samples: Samples,
    time_range: tuple[int, int],
    unit: str,
    alarms: Sequence[Alarm],
    words: str,
    maintenance: Sequence[tuple[int, int]] = (),
) -> Chart | None:
    """The same of samples that are few already.

    maintenance: start and end of each time, unix seconds.
    """
    end = time_range[1]
    drawing = draw(samples, (end, end), time_range, unit)
    if drawing is None:
        return None
    shades = [_span(window, time_range) for window in maintenance]
    return Chart(drawing, _alarm_spans(samples, alarms, time_range), words, shades)


def sparkline(
    samples: Samples,
    time_range: tuple[int, int],
    unit: str,
    alarms: Sequence[Alarm],
    words: str,
    max_points: int,
) -> Chart | None:
    """As `chart`, for a picture of a few pixels: its positions are whole numbers."""
    condensed_samples = condensed(samples, max_points)
    end = time_range[1]
    drawing = draw(condensed_samples, (end, end), time_range, unit, decimals=0)
    if drawing is None:
        return None
    return Chart(drawing, _alarm_spans(condensed_samples, alarms, time_range), words)


def _alarm_spans(
    samples: Samples, alarms: Sequence[Alarm], time_range: tuple[int, int]
) -> list[Span]:
    scored_until = _last_time(samples, time_range[1])
    return [
        _span((alarm.start, scored_until if alarm.open else alarm.end), time_range)
        for alarm in alarms
    ]


def _last_time(samples: Samples, end: int) -> int:
    """Where the samples end and the forecast begins; `end` where there is no forecast."""
    is_ahead = np.isnan(samples.value) & np.isfinite(samples.expected)
    return int(samples.times[is_ahead][0]) if is_ahead.any() else end


def _span(span: tuple[int, int], time_range: tuple[int, int]) -> Span:
    """Where a range of unix seconds lies."""
    start, end = time_range
    frame = Frame(WIDTH, HEIGHT, time_range, (0.0, 1.0))
    left, right = frame.across(np.array([max(span[0], start), min(span[1], end)])).tolist()
    return round(left, 1), round(max(MIN_SPAN_WIDTH, right - left), 1)


def condensed(samples: Samples, max_points: int) -> Samples:
    """About `max_points` samples. Those outside are all kept, unless they are too many: then the
    extremes are."""
    thinned = thin(samples, 0, max_points)
    if len(thinned) <= SURPLUS * max_points:
        return thinned
    extremes = thin(replace(samples, score=np.zeros(len(samples))), 0, max_points)
    positions = np.searchsorted(samples.times, extremes.times).clip(0, len(samples) - 1)
    is_sample = samples.times[positions] == extremes.times  # the others mark gaps
    return replace(extremes, score=np.where(is_sample, samples.score[positions], np.nan))
