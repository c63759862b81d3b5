"""Which series a window is about.

A selector of ours is held against the labels of the series under their own names, and `watch`
beside them. A silence is held against the labels that alerts of the series have, in the rules for
Grafana and in those for Prometheus.
"""

from collections.abc import Mapping, Sequence

from plugin.config import Watch
from plugin.domain.windows import Window
from plugin.metrics import exported_labels
from plugin.selectors import Matcher, select
from plugin.series import SeriesRecord

ALERTS = (
    "BandwatchAnomaly",
    "BandwatchIncident",
)  # what a silence must be about to be taken for maintenance
FOLDER = "Bandwatch"  # of the rules in Grafana
View = Sequence[Mapping[str, str]]
Concerned = Sequence[tuple[Window, tuple[int, ...]]]  # windows and the ids of their series


class WindowMatching:
    """The windows and the series of one watch. Only what is new is matched."""

    def __init__(self) -> None:
        self._watch: Watch | None = None
        self._windows: tuple[Window, ...] = ()
        self._series: tuple[int, ...] = ()
        self._known: dict[Window, tuple[int, ...]] = {}
        self._found: Concerned = ()

    def of(
        self, windows: tuple[Window, ...], watch: Watch, records: Sequence[SeriesRecord]
    ) -> Concerned:
        """Windows that are about at least one of these series; windows: the same object while
        nothing changes."""
        series = tuple(record.id for record in records)
        if windows is not self._windows or watch is not self._watch or series != self._series:
            if watch is not self._watch:
                self._known = {}
            self._match(windows, watch, records)
            self._windows = windows
            self._watch = watch
            self._series = series
        return self._found

    def _match(
        self, windows: Sequence[Window], watch: Watch, records: Sequence[SeriesRecord]
    ) -> None:
        here = {record.id for record in records}
        before = set(self._series)
        added = [record for record in records if record.id not in before]
        stays = here >= before
        known = {
            each: ids if stays else tuple(id for id in ids if id in here)
            for each, ids in self._known.items()
        }
        kept = [each for each in windows if each in known]
        self._known = _matched([each for each in windows if each not in known], watch, records)
        for each, ids in (
            _matched(kept, watch, added) if added else dict.fromkeys(kept, ())
        ).items():
            self._known[each] = known[each] + ids
        self._found = [(each, ids) for each, ids in self._known.items() if ids]


def _matched(
    windows: Sequence[Window], watch: Watch, records: Sequence[SeriesRecord]
) -> dict[Window, tuple[int, ...]]:
    if not windows:
        return {}
    ours = _Index([[{"watch": watch.name, **record.labels} for record in records]])
    alerts = (
        _Index([[_alert(record, watch, name) for record in records] for name in ALERTS])
        if any(each.alerts for each in windows)
        else ours
    )
    return {
        each: tuple(
            records[row].id for row in (alerts if each.alerts else ours).find(each.matchers)
        )
        if not each.watch or watch.name in each.watch
        else ()
        for each in windows
    }


class _Index:
    """Label sets, several for each series, by label and value: a thousand windows need not try
    every one."""

    def __init__(self, views: Sequence[View]) -> None:
        self._views = views
        self._rows: list[
            dict[str, dict[str, list[int]]]
        ] = []  # label -> value -> rows, for each view
        for view in views:
            by_label: dict[str, dict[str, list[int]]] = {}
            for row, labels in enumerate(view):
                for name, value in labels.items():
                    by_label.setdefault(name, {}).setdefault(value, []).append(row)
            self._rows.append(by_label)

    def find(self, matchers: tuple[Matcher, ...]) -> list[int]:
        """Rows of which at least one label set is accepted."""
        found: set[int] = set()
        for view, by_label in zip(self._views, self._rows, strict=True):
            found.update(
                row
                for row in _candidates(matchers, by_label, len(view))
                if select(matchers, view[row])
            )
        return sorted(found)


def _candidates(
    matchers: tuple[Matcher, ...], by_label: Mapping[str, Mapping[str, list[int]]], rows: int
) -> Sequence[int]:
    """Rows among which all are that can be accepted."""
    exact = [
        by_label.get(each.name, {}).get(each.value, [])
        for each in matchers
        if each.operator == "=" and each.value
    ]
    if exact:
        return min(exact, key=len)
    needed = next(
        (each for each in matchers if not each.matches({})), None
    )  # without the label there is no match
    if needed is None:
        return range(rows)
    return [
        row
        for value, those in by_label.get(needed.name, {}).items()
        if needed.matches({needed.name: value})
        for row in those
    ]


def _alert(record: SeriesRecord, watch: Watch, alert: str) -> dict[str, str]:
    """The labels of an alert on the series; those of the rule and of the watch have the last
    word."""
    return {
        **record.labels,
        **dict(exported_labels(record, watch.own_labels)),
        "series": str(record.labels),
        "alertname": alert,
        "grafana_folder": FOLDER,
    }
