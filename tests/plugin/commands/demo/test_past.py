"""The daily peak that is missing in the loaded past, and what is told of it."""

import json
from pathlib import Path

import numpy as np
import pytest

from plugin.commands.demo.loopback_server import HttpReply, HttpServer, Parameters
from plugin.commands.demo.past import (
    COLUMNS,
    PastIncidentReport,
    ScoredPast,
    day_and_time,
    describe,
    draw_past,
    missing_peak,
    one_step_score,
    read_past,
)
from plugin.commands.demo.world import HISTORY, World
from plugin.domain.times import DAY, HOUR

SATURDAY = 1_795_219_200  # midnight, UTC
INCIDENT = missing_peak(SATURDAY + 8 * HOUR)
pytestmark = pytest.mark.usefixtures("utc")


def scored(
    score: np.ndarray, value: np.ndarray | None = None, every: int = HOUR // 2
) -> ScoredPast:
    """Samples from an hour before the incident on."""
    times = INCIDENT.start - HOUR + every * np.arange(len(score))
    columns = {name: np.ones(len(score)) for name in COLUMNS} | {"score": score}
    return ScoredPast(INCIDENT, times, columns if value is None else columns | {"value": value})


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (SATURDAY + 8 * HOUR, SATURDAY - 2.5 * HOUR),
        (SATURDAY + 22.5 * HOUR - 1, SATURDAY - 2.5 * HOUR),
        (SATURDAY + 22.5 * HOUR, SATURDAY + 21.5 * HOUR),
    ],
)
def test_it_is_the_last_peak_that_has_been_over_for_an_hour(now: float, end: float) -> None:
    incident = missing_peak(int(now))
    assert (incident.start, incident.end) == (end - 3 * HOUR, end)


def test_it_is_in_the_history_and_takes_the_peak_away() -> None:
    now = SATURDAY + 8 * HOUR
    with_it = World(1, now, (INCIDENT,))
    without = World(1, now)
    source = with_it.source(INCIDENT.title)
    times = np.arange(now - HISTORY, now, 600)
    share = with_it.values(source, times) / without.values(without.source(INCIDENT.title), times)
    during = (times >= INCIDENT.start) & (times < INCIDENT.end)
    np.testing.assert_array_equal(share[~during], 1)
    np.testing.assert_allclose(
        share[during][4:14], 0.4, atol=0.06
    )  # counted: whole numbers, other chances
    assert share[during][0] == 1


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (SATURDAY - HOUR, "today 18:30 to 21:30"),
        (SATURDAY + 8 * HOUR, "yesterday 18:30 to 21:30"),
        (SATURDAY + DAY, "Friday 18:30 to 21:30"),
    ],
)
def test_when_it_was(now: int, words: str) -> None:
    assert day_and_time(INCIDENT, now) == words


def test_what_is_told() -> None:
    score = np.array(
        [0.1, 2, np.nan, 0.5, 2, 2, 2, 1.0, 0.2, 0.2]
    )  # samples 2 to 7 are of the incident
    assert (
        describe(scored(score)).partition(" the daily peak")[2]
        == " of open baskets was missing: flagged 50% of that time, first after 60 min, and 25.0%"
        " of the rest of two days; a one-step detector (EWMA, 3 sigma) flags 0% and 0%"
    )
    assert " flagged 0% of that time, and 25.0% of the rest" in describe(
        scored(np.where(np.arange(10) == 1, 2.0, 0.0))
    )


def test_a_one_step_detector_sees_a_jump_and_then_accepts_it() -> None:
    values = np.where(np.arange(200) < 100, 10.0, 20.0) + 0.1 * (-1.0) ** np.arange(200)
    values[50] = np.nan
    score = one_step_score(values)
    assert np.isnan(score[[0, 9, 50]]).all()
    assert score[10:50].max() < 1 < score[100]
    assert score[104:].max() < 1


def test_it_is_told_once_and_only_when_all_of_it_is_there() -> None:
    now = SATURDAY + 8 * HOUR
    rows: list[dict[str, float | None]] = []
    asked: list[Parameters] = []

    def answer(path: str, parameters: Parameters) -> HttpReply:
        asked.append(parameters)
        return HttpReply(json.dumps(rows)) if rows else HttpReply("", status=503)

    hindsight = PastIncidentReport(INCIDENT, now)
    server = HttpServer(answer)
    try:
        assert read_past(server.url, INCIDENT, now) is None
        rows += [
            {"time": at * 1000, "value": 1, "expected": 1, "lower": None, "upper": 2, "score": 3.0}
            for at in range(now - 2 * DAY, now - HOUR, 60)
        ]
        assert hindsight.see(server.url) == []
        rows += [rows[-1] | {"time": now * 1000}]
        (line,) = hindsight.see(server.url)
        assert "flagged 100% of that time, first after 0 min, and 100.0% of the rest" in line
        assert hindsight.see(server.url) == []
    finally:
        server.close()
    assert asked[-1] == {
        "watch": "sales",
        "labels": "none",
        "from": f"{now - 2 * DAY}000",
        "to": f"{now}000",
        "max_points": "2881",
    }
    assert hindsight.scored is not None
    assert np.isnan(hindsight.scored.columns["lower"]).all()


@pytest.mark.parametrize(("flagged", "seen"), [(4, False), (5, True)])
def test_it_must_be_flagged_for_most_of_its_time(flagged: int, seen: bool) -> None:
    score = np.where((np.arange(10) >= 8 - flagged) & (np.arange(10) < 8), 2.0, 0.0)
    assert PastIncidentReport(INCIDENT, 0, scored(score)).seen is seen
    assert not PastIncidentReport(INCIDENT, 0).seen


def test_no_picture_of_what_was_not_scored(tmp_path: Path) -> None:
    file = tmp_path / "past.png"
    assert (
        draw_past(PastIncidentReport(INCIDENT, 0), file)
        == f"no picture in {file}: the incident of the past has not been scored"
    )
    assert not file.exists()
