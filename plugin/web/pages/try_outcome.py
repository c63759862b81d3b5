"""What tried settings would have done, as the page /try shows it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from plugin.domain.number_text import digits
from plugin.domain.preview import Preview, PreviewIncident, SeriesBand, span_text
from plugin.domain.series_names import group_name, short_names
from plugin.domain.times import clock_time
from plugin.domain.wording import incident_title
from plugin.series import Labels
from plugin.web.pages.band_chart import Chart, chart

MAX_INCIDENTS = 50  # that are listed
MAX_SUGGESTIONS = 3
FIGURE_DIGITS = 2

Figure = tuple[str, str, str]  # name, value, and what else there is to say


@dataclass(frozen=True)
class DrawnSeries:
    """One series in its band."""

    name: str
    labels: Labels
    chart: Chart


@dataclass(frozen=True)
class IncidentText:
    """One incident."""

    start: str
    length: str
    title: str
    words: str


@dataclass(frozen=True)
class TriedSettings:
    """All that the page tells of a preview."""

    headline: str
    span: str
    figures: Sequence[Figure]
    series: Sequence[DrawnSeries]  # the noisiest
    incidents: Sequence[IncidentText]  # the latest first
    remainder: int  # incidents that are not listed
    suggestions: Sequence[str]  # what would have made it quieter, the best first

    @classmethod
    def of(cls, preview: Preview) -> "TriedSettings":
        names = _names(preview)
        incidents = [_incident(incident, names, preview.end) for incident in preview.incidents]
        return cls(
            headline=_headline(len(incidents)),
            span=span_text(preview),
            figures=list(_figures(preview)),
            series=list(_drawn(preview, names)),
            incidents=incidents[::-1][:MAX_INCIDENTS],
            remainder=max(0, len(incidents) - MAX_INCIDENTS),
            suggestions=list(_suggestions(preview)),
        )


def _names(preview: Preview) -> Mapping[str, str]:
    """Short names of the series that are named, by their labels as text."""
    labels = dict.fromkeys(
        [band.labels for band in preview.bands] + [line.labels for line in preview.alarms]
    )
    names = short_names("the only series", list(labels))
    return {str(each): name for each, name in zip(labels, names, strict=True)}


def _headline(count: int) -> str:
    times = "once" if count == 1 else f"{count} times" if count else "never"
    return f"It would have alerted {times}"


def _figures(preview: Preview) -> Iterator[Figure]:
    pages = preview.pages()
    nights = f"{_figure(pages.night)} by night, {_figure(pages.day)} by day"
    yield "Alerts a week", _figure(pages.total), nights
    yield "Alarms", str(len(preview.alarms)), f"{_figure(preview.promised)} promised by the budget"
    yield "Series", str(sum(line.series for line in preview.watches)), ""


def _figure(number: float) -> str:
    return digits(number, FIGURE_DIGITS) if number else "0"


def _incident(incident: PreviewIncident, names: Mapping[str, str], now: int) -> IncidentText:
    base = incident.incident
    first = names.get(incident.first, incident.first)
    worst = names.get(incident.worst, incident.worst)
    title = incident_title(
        group_name(base.group, base.labels), base.size, base.among, worst, base.direction
    )
    words = incident.words_of(first, worst)
    return IncidentText(clock_time(base.start, now), incident.length, title, words)


def _suggestions(preview: Preview) -> Iterator[str]:
    """Each setting once, that which removes the most alarms first."""
    suggestions = [suggestion for line in preview.watches for _, suggestion in line.suggestions]
    by_setting: dict[str, str] = {}
    for suggestion in sorted(suggestions, key=lambda suggestion: -suggestion.removed):
        by_setting.setdefault(suggestion.setting, str(suggestion))
    yield from list(by_setting.values())[:MAX_SUGGESTIONS]


def _drawn(preview: Preview, names: Mapping[str, str]) -> Iterator[DrawnSeries]:
    for series in preview.bands:
        picture = _chart(preview, series)
        if picture is not None:
            yield DrawnSeries(names[str(series.labels)], series.labels, picture)


def _chart(preview: Preview, series: SeriesBand) -> Chart | None:
    alarms = [line.alarm for line in preview.alarms if line.labels == series.labels]
    words = f"{series.labels} in its band, {span_text(preview)}"
    return chart(series.samples, (preview.start, preview.end), series.unit, alarms, words)
