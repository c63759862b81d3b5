"""The numbers of the chart of one series, as columns: what the script of its page draws."""

from collections.abc import Mapping

import numpy as np
from flask import Response

from plugin.domain.band_drawing import value_range
from plugin.domain.number_text import axis_scale
from plugin.errors import RequestError
from plugin.series import FloatArray, Samples
from plugin.web.context import WebContext
from plugin.web.forecast import Future
from plugin.web.pages.band_chart import condensed
from plugin.web.pages.chart_marks import ChartMarks
from plugin.web.pages.chart_types import ChartMark, Numbers, SeriesChart
from plugin.web.pages.page_queries import SeriesChartQuery
from plugin.web.pages.series_lookup import series_record
from plugin.web.parameters import DEFAULT_RANGE
from plugin.web.responses import View, json_response
from plugin.web.rows import finite, milliseconds
from plugin.web.series_catalog import SeriesCatalog
from plugin.web.shortened_range import shortened

DEFAULT_STEP = 60  # seconds; of a series whose watch is not configured any more


class SeriesChartViews:
    """The view at /series/<id>/chart."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog, marks: ChartMarks) -> None:
        self._context = context
        self._catalog = catalog
        self._marks = marks

    @property
    def views(self) -> Mapping[str, View]:
        return {"series_chart": self.show}

    def show(self, query: SeriesChartQuery) -> Response:
        """At most about `max_points` samples; those outside the band are kept as far as possible.

        Raises RequestError when there is no such series, or the range is reversed.
        """
        record = series_record(self._catalog, self._context, query.id)
        start, end = self._time_range(query)
        stored = self._context.store.samples.of(record.id, start, end)
        future = Future.of(self._context.board)
        samples = future.continued(record, condensed(stored, query.max_points), start, end)
        watch = self._context.watches().get(record.watch)
        marks = self._marks.of(record, start, end)
        step = watch.step if watch is not None else DEFAULT_STEP
        unit = watch.unit if watch is not None else ""
        return json_response(_chart((start, end), samples, step, unit, marks))

    def _time_range(self, query: SeriesChartQuery) -> tuple[int, int]:
        """Unix seconds. Of a range that is too long, its end."""
        now = self._context.clock()
        end = query.end if query.end is not None else int(now * 1000)
        start = query.start if query.start is not None else end - DEFAULT_RANGE * 1000
        if start > end:
            raise RequestError("`from` is after `to`", field="from")
        return -(-shortened(start, end, now, self._context.settings) // 1000), end // 1000


def _chart(
    time_range: tuple[int, int], samples: Samples, step: int, unit: str, marks: list[ChartMark]
) -> SeriesChart:
    """step: seconds; unit: a unit id of Grafana."""
    start, end = time_range
    low, high = _shown_values(samples)
    scale, suffix = axis_scale([number for number in (low, high) if number is not None], unit)
    return SeriesChart(
        start=start * 1000,
        end=end * 1000,
        step=step,
        unit=suffix,
        scale=scale,
        low=low,
        high=high,
        time=milliseconds(samples.times),
        value=_numbers(samples.value),
        expected=_numbers(samples.expected),
        lower=_numbers(samples.lower),
        upper=_numbers(samples.upper),
        score=_numbers(samples.score),
        marks=marks,
    )


def _shown_values(samples: Samples) -> tuple[float | None, float | None]:
    """The lowest and the highest number that the axis shows; None without a number."""
    bounds = np.concatenate([samples.lower, samples.upper])
    for numbers in (samples.value, samples.expected):
        if np.isfinite(numbers).any():
            return value_range(numbers, bounds)
    return None, None


def _numbers(column: FloatArray) -> Numbers:
    return [finite(number) for number in column.tolist()]
