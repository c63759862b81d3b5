"""What a query itself says: metrics that do not exist, and ranges that hold too few samples."""

from collections.abc import Iterator

from plugin.commands.init.survey import MetricSurvey
from plugin.config.durations import format_duration
from plugin.config.model import PrometheusSettings, Watch
from plugin.errors import BandwatchError, PrometheusError
from plugin.nearest_name import nearest
from plugin.prometheus import PrometheusReader
from plugin.prometheus.catalogue import read_catalogue
from plugin.range_vectors import metric_names, rate_vectors

MIN_SCRAPES = 4  # in a range: one that is missed leaves enough


def name_findings(
    watch: Watch, settings: PrometheusSettings, now: int
) -> Iterator[tuple[str, str]]:
    """The metrics of the query that this Prometheus has not had in the fit window, each with the
    nearest one that it has. now: unix seconds."""
    try:
        names = read_catalogue(settings, now - watch.fit_seconds, now).names
    except BandwatchError:  # another server may not list its metrics: the query itself has worked
        return
    for name in metric_names(watch.query):
        if name not in names:
            window = format_duration(watch.fit_seconds)
            hint = nearest(name, names)
            yield (
                "warning",
                f"this Prometheus has had no metric `{name}` in the last {window}{hint}",
            )


def range_findings(watch: Watch, reader: PrometheusReader, now: int) -> Iterator[tuple[str, str]]:
    """The ranges of the query that are shorter than a few scrapes. now: unix seconds."""
    survey = MetricSurvey(reader, now)
    for function, vector in rate_vectors(watch.query):
        try:
            interval = survey.measured_interval(vector.selector)
        except PrometheusError:  # another server may not know subqueries
            return
        if interval is not None and 0 < vector.seconds < MIN_SCRAPES * interval:
            text = f"{function}({vector.selector}[{format_duration(vector.seconds)}])"
            yield (
                "warning",
                f"{text}: a sample comes every {format_duration(interval)}, and the range holds"
                f" fewer than {MIN_SCRAPES}: a missed scrape makes a gap, and below two there is no"
                f" value at all: use [{format_duration(MIN_SCRAPES * interval)}] or more",
            )
