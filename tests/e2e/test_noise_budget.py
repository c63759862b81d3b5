"""A noisy series in a real Prometheus: what is suggested for it, put into the configuration,
removes what was said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugin.components import Components
from plugin.config import Watch
from plugin.domain.alarms import Alarm
from plugin.domain.budget import Suggestion
from plugin.series import FloatArray, Labels, Series
from tests.e2e.world import NOW, STEP, Clock, client, config, parts, watch
from tests.servers import PrometheusServer

DAYS = 5  # of history
SCORED = 2  # of it, those that the first run scores
# minutes after the scored days begin
SPIKES = range(60, SCORED * 1440 - 200, 240)
LARGE = SCORED * 1440 - 120


def noisy(lengths: list[int], size: float) -> FloatArray:
    """Milliseconds, with a day and noise; every four hours too slow for some minutes, at the end
    far too slow."""
    at = NOW + STEP * np.arange(-DAYS * 1440, 1)
    daily = 200 + 60 * np.sin(2 * np.pi * at / 86_400)
    value = daily + 4 * np.random.default_rng(1).normal(size=len(at))
    first = (DAYS - SCORED) * 1440
    for number, begin in enumerate(SPIKES):
        value[first + begin : first + begin + lengths[number % len(lengths)]] += size
    value[first + LARGE : first + LARGE + 20] += 400
    return value


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    times = NOW + STEP * np.arange(-DAYS * 1440, 1, dtype=np.int64)
    series = [
        Series(Labels.of({"__name__": "latency_ms", "service": name}), times, noisy(lengths, size))
        for name, lengths, size in (
            ("small", [9], 60.0),
            ("brief", [1], 150.0),
            ("quiet", [9], 0.0),
        )
    ]
    with PrometheusServer(tmp_path_factory.mktemp("noisy")).backfill(series) as server:
        yield server


def found(
    made: Components, service: str
) -> tuple[list[Alarm], Suggestion | None, list[dict[str, Any]]]:
    """The alarms of a series after one run of all jobs, what is suggested for it, and its row of
    the budget."""
    assert made.watches["latency"].score.run() and made.budget.run()
    (record,) = (
        each for each in made.store.series.of("latency") if each.labels["service"] == service
    )
    noise = made.board.noise()
    assert noise is not None
    rows = client(made, Clock(NOW)).get("/api/v1/budget?days=30").get_json()
    return (
        made.store.alarms.between(0, 2**40, [record.id]),
        noise.suggestions.get(record.id),
        [row for row in rows if row["series"] == str(record.labels)],
    )


@pytest.mark.parametrize(
    ("service", "setting"), [("small", "min_deviation"), ("brief", "persistence")]
)
def test_a_suggestion_that_is_followed_does_what_it_said(
    prometheus: PrometheusServer, tmp_path: Path, service: str, setting: str
) -> None:
    settings: dict[str, object] = {"backfill": SCORED * 86_400}
    with parts(config(tmp_path / "before", prometheus.url, watch(**settings)), Clock()) as made:
        before, suggestion, rows = found(made, service)
    assert suggestion is not None and suggestion.setting.startswith(setting)
    assert (suggestion.of, suggestion.real) == (len(before), 0) and len(before) >= len(SPIKES)
    (row,) = rows
    assert (row["alarms"], row["suggestion"]) == (len(before), str(suggestion))
    assert row["days_scored"] == pytest.approx(SCORED, abs=0.01) and row["spent"] == len(before)
    name, _, value = suggestion.setting.partition(": ")
    after_it = Watch.model_validate(
        {**watch(**settings).model_dump(exclude={name, "alert_budget", "persistence"}), name: value}
    )
    with parts(config(tmp_path / "after", prometheus.url, after_it), Clock()) as made:
        after, _, _ = found(made, service)
    assert len(before) - len(after) == suggestion.removed >= 2 / 3 * len(before)
    largest = max(before, key=lambda alarm: alarm.peak_score)
    assert any(alarm.start <= largest.end and largest.start <= alarm.end for alarm in after)
