"""Which series a window is about."""

from dataclasses import replace
from typing import Any

import pytest

from plugin.config import Watch
from plugin.domain.windows import Window, WindowRequest
from plugin.maintenance import WindowMatching
from plugin.series import Labels, SeriesRecord, SeriesState
from tests.cpu import within

WATCH = Watch(name="web", query="up", labels={"severity": "page"})
LABELS = (
    {"__name__": "up", "job": "api", "instance": "a"},
    {"__name__": "up", "job": "api", "instance": "b"},
    {"job": "db", "severity": "low", "watch": "own"},
)
RECORDS = [
    SeriesRecord(number, "web", Labels.of(labels), SeriesState.OK, 0, 0)
    for number, labels in enumerate(LABELS, start=1)
]


def new_window(match: str, **fields: Any) -> Window:
    return replace(
        WindowRequest(name="w", match="{}", start="2026-01-01T00:00", duration=60).window(),
        match=match,
        **fields,
    )


def about(window: Window, watch: Watch = WATCH) -> list[int]:
    return [id for _, ids in WindowMatching().of((window,), watch, RECORDS) for id in ids]


@pytest.mark.parametrize(
    ("match", "ids"),
    [
        ("{}", [1, 2, 3]),
        ('{job="api"}', [1, 2]),
        ("up", [1, 2]),
        ('{job=~"a.*",instance!="a"}', [2]),
        ('{instance=""}', [3]),
        ('{watch="web"}', [1, 2]),
        ('{watch="own"}', [3]),
        ('{severity="low"}', [3]),
        ('{job="gone"}', []),
        ('{severity="page"}', []),
    ],
)
def test_a_selector_is_over_the_labels_of_the_series_and_watch(match: str, ids: list[int]) -> None:
    assert about(new_window(match)) == ids


@pytest.mark.parametrize(
    ("match", "ids"),
    [
        ('{watch="web"}', [1, 2, 3]),
        ('{severity="page"}', [1, 2, 3]),
        ('{label_severity="low"}', [3]),
        ('{alertname="BandwatchAnomaly"}', [1, 2, 3]),
        ('{alertname="BandwatchIncident",job="db"}', [3]),
        ('{alertname!="BandwatchAnomaly"}', [1, 2, 3]),
        ('{alertname="BandwatchMissing"}', []),
        ('{metric_name="up"}', [1, 2]),
        ('{grafana_folder="Bandwatch",instance="a"}', [1]),
        ('{cluster="x"}', []),
    ],
)
def test_a_silence_is_over_the_labels_of_alerts(match: str, ids: list[int]) -> None:
    assert about(new_window(match, alerts=True)) == ids


def test_names_of_watches_narrow() -> None:
    assert (
        about(new_window('{job="db"}', watch=("node", "web"))) == [3]
        and about(new_window("{}", watch=("node",))) == []
    )


def test_it_is_matched_anew_when_windows_or_series_change() -> None:
    matching = WindowMatching()
    windows = (new_window("{}"),)
    first = matching.of(windows, WATCH, RECORDS)
    assert matching.of(windows, WATCH, list(RECORDS)) is first
    assert matching.of(windows, WATCH, RECORDS[:1])[0][1] == (1,)
    more = (new_window('{job="api"}'), *windows)
    for given, records, expected in (
        (more, RECORDS[1:], {windows[0]: (2, 3), more[0]: (2,)}),
        (more, RECORDS, {windows[0]: (1, 2, 3), more[0]: (1, 2)}),
        (more[:1], RECORDS, {more[0]: (1, 2)}),
        ((), RECORDS, {}),
        (windows, RECORDS, {windows[0]: (1, 2, 3)}),
    ):
        assert {
            window: tuple(sorted(ids)) for window, ids in matching.of(given, WATCH, records)
        } == expected
    other = WATCH.model_copy(update={"name": "other"})
    assert matching.of((new_window('{watch="other"}'),), other, RECORDS)[0][1] == (1, 2)


def test_a_thousand_windows_over_ten_thousand_series() -> None:
    series = [
        SeriesRecord(
            n,
            "web",
            Labels.of({"instance": f"host-{n}", "job": f"job-{n % 50}"}),
            SeriesState.OK,
            0,
            0,
        )
        for n in range(10_000)
    ]
    windows = tuple(
        new_window(f'{{instance="host-{n}",job=~"job-.*"}}', id=str(n)) for n in range(1000)
    )
    found = within(2, lambda: WindowMatching().of(windows, WATCH, series))
    assert len(found) == 1000
