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
    start, end = time_range
    drawing = draw(condensed(samples, max_points), (end, end), time_range, unit)
    if drawing is None:
        return None
    return Chart(drawing, [_span(alarm, start, end) for alarm in alarms], words)


def _span(alarm: Alarm, start: int, end: int) -> Span:
    """Where an alarm lies; one that is open reaches the right edge."""
    frame = Frame(WIDTH, HEIGHT, (start, end), (0.0, 1.0))
    last = end if alarm.open else min(alarm.end, end)
    left, right = frame.across(np.array([max(alarm.start, start), last])).tolist()
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
