"""Which series a window is about.

The selector of a window is compared with the labels of the series and with the name of its watch,
as the label `watch`. A silence is compared with the labels that alerts on the series have: those of
the rules for Grafana and those of the rules for Prometheus.
"""

from collections.abc import Mapping, Sequence

from plugin.config import Watch
from plugin.domain.windows import Window
from plugin.exposition import exported_labels
from plugin.selectors import Matcher, select
from plugin.series import SeriesRecord

# Only a silence that can match one of these alerts is maintenance.
ALERT_NAMES = ("BandwatchAnomaly", "BandwatchIncident")
RULE_FOLDER = "Bandwatch"  # of the rules in Grafana
LabelSets = Sequence[Mapping[str, str]]
SeriesOfWindows = Sequence[tuple[Window, tuple[int, ...]]]  # windows and the ids of their series


class WindowMatching:
    """Matches windows with the series of one watch. Only new windows and series are compared."""

    def __init__(self) -> None:
        self._watch: Watch | None = None
        self._windows: tuple[Window, ...] = ()
        self._series: tuple[int, ...] = ()
        self._ids_by_window: dict[Window, tuple[int, ...]] = {}
        self._result: SeriesOfWindows = ()

    def of(
        self, windows: tuple[Window, ...], watch: Watch, records: Sequence[SeriesRecord]
    ) -> SeriesOfWindows:
        """The windows that are about at least one of these series.

        windows: the same object while nothing changes, so that nothing is compared again.
        """
        series = tuple(record.id for record in records)
        if windows is not self._windows or watch is not self._watch or series != self._series:
            if watch is not self._watch:
                self._ids_by_window = {}
            self._match(windows, watch, records)
            self._windows = windows
            self._watch = watch
            self._series = series
        return self._result

    def _match(
        self, windows: Sequence[Window], watch: Watch, records: Sequence[SeriesRecord]
    ) -> None:
        present_ids = {record.id for record in records}
        previous = set(self._series)
        added = [record for record in records if record.id not in previous]
        old_ids = {
            window: ids
            if present_ids >= previous
            else tuple(series_id for series_id in ids if series_id in present_ids)
            for window, ids in self._ids_by_window.items()
        }
        old_windows = [window for window in windows if window in old_ids]
        new_windows = [window for window in windows if window not in old_ids]
        self._ids_by_window = _match(new_windows, watch, records)
        added_ids = _match(old_windows, watch, added) if added else {}
        for window in old_windows:
            self._ids_by_window[window] = old_ids[window] + added_ids.get(window, ())
        self._result = [(window, ids) for window, ids in self._ids_by_window.items() if ids]


def _match(
    windows: Sequence[Window], watch: Watch, records: Sequence[SeriesRecord]
) -> dict[Window, tuple[int, ...]]:
    """The ids of the series that each window is about."""
    if not windows:
        return {}
    series_index = _Index([[{"watch": watch.name, **record.labels} for record in records]])
    alert_index = (
        _Index([[_alert(record, watch, name) for record in records] for name in ALERT_NAMES])
        if any(window.alerts for window in windows)
        else series_index
    )
    return {
        window: tuple(
            records[row].id
            for row in (alert_index if window.alerts else series_index).find(window.matchers)
        )
        if not window.watch or watch.name in window.watch
        else ()
        for window in windows
    }


class _Index:
    """Label sets, several for each series, by label and value, so that a thousand windows need not
    be compared with every series."""

    def __init__(self, views: Sequence[LabelSets]) -> None:
        self._views = views
        # For each view: label -> value -> rows.
        self._rows: list[dict[str, dict[str, list[int]]]] = []
        for view in views:
            by_label: dict[str, dict[str, list[int]]] = {}
            for row, labels in enumerate(view):
                for name, value in labels.items():
                    by_label.setdefault(name, {}).setdefault(value, []).append(row)
            self._rows.append(by_label)

    def find(self, matchers: tuple[Matcher, ...]) -> list[int]:
        """Rows of which at least one label set is accepted."""
        rows: set[int] = set()
        for view, by_label in zip(self._views, self._rows, strict=True):
            rows.update(
                row
                for row in _candidates(matchers, by_label, len(view))
                if select(matchers, view[row])
            )
        return sorted(rows)


def _candidates(
    matchers: tuple[Matcher, ...], by_label: Mapping[str, Mapping[str, list[int]]], rows: int
) -> Sequence[int]:
    """Rows that may be accepted; every row that is accepted is among them."""
    row_lists = [
        by_label.get(matcher.name, {}).get(matcher.value, [])
        for matcher in matchers
        if matcher.operator == "=" and matcher.value
    ]
    if row_lists:
        return min(row_lists, key=len)
    # A series without the label of this matcher is not accepted.
    required = next((matcher for matcher in matchers if not matcher.matches({})), None)
    if required is None:
        return range(rows)
    return [
        row
        for value, rows_of_value in by_label.get(required.name, {}).items()
        if required.matches({required.name: value})
        for row in rows_of_value
    ]


def _alert(record: SeriesRecord, watch: Watch, alert: str) -> dict[str, str]:
    """The labels of an alert on the series; labels of the rule and of the watch replace those of
    the series."""
    return {
        **record.labels,
        **dict(exported_labels(record, watch.own_labels)),
        "series": str(record.labels),
        "alertname": alert,
        "grafana_folder": RULE_FOLDER,
    }
