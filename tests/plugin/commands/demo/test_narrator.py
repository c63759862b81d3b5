"""What is said of what is seen, word for word."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from plugin.commands.demo.narrator import Narrator, ServiceView, is_about
from plugin.commands.demo.past import COLUMNS, PastIncidentReport, ScoredPast, missing_peak
from plugin.commands.demo.scripted_incidents import ScriptedIncident
from plugin.commands.demo.summary import passed, summary
from plugin.commands.demo.world import World, series_labels

BEGAN = 1_795_219_200.0
START = int(BEGAN) + 60
INCIDENT = ScriptedIncident("checkout latency", "spike", 3.0, START, START + 30)
pytestmark = pytest.mark.usefixtures("utc")


@pytest.fixture
def narrator() -> Narrator:
    return Narrator(World(1, int(BEGAN)), step=10, started_at=BEGAN)


@pytest.fixture
def past() -> PastIncidentReport:
    """Flagged from its begin to its end."""
    incident = missing_peak(int(BEGAN))
    times = np.arange(incident.start - 3600, incident.end + 3600, 60)
    during = (times >= incident.start) & (times < incident.end)
    columns = {name: np.ones(len(times)) for name in COLUMNS} | {
        "score": np.where(during, 2.0, 0.0)
    }
    return PastIncidentReport(incident, int(BEGAN), ScoredPast(incident, times, columns))


def view(
    world: World,
    changes: Mapping[str, Mapping[str, object]] | None = None,
    *,
    detector: str = "lstm",
) -> ServiceView:
    """All is well, but for the series whose row is given by title; empty label columns as the
    service fills them."""
    scores = []
    alerts = []
    for source in world.sources:
        labels: dict[str, object] = {"__name__": "", **series_labels(source), "watch": source.watch}
        if source.watch == "traffic":  # a sum has no metric name
            labels["__name__"] = ""
        row = {
            **labels,
            "value": 0.27,
            "expected": 0.27,
            "lower": 0.24,
            "upper": 0.31,
            "score": 0.4,
            "state": "ok",
            "detector": detector,
            **(changes or {}).get(source.title, {}),
        }
        scores.append(row)
        alerts.append({**labels, "score": row["score"]})
    return ServiceView(alerts, scores)


HIGH = {"checkout latency": {"value": 0.812, "score": 4.24}}
GONE = {"checkout latency": {"state": "missing", "score": 2.0}}


def test_every_row_is_about_one_series() -> None:
    world = World(1, int(BEGAN))
    for row in view(world).scores:
        assert sum(is_about(row, source) for source in world.sources) == 1


def test_how_it_comes_up(narrator: Narrator) -> None:
    world = narrator.world
    assert narrator.see(BEGAN + 5, None) == []
    assert narrator.see(
        BEGAN + 12, view(world, {"mail queue": {"state": "warming_up"}}, detector="baseline")
    ) == ["00:00:12  30 series: 29 ok, 1 warming_up"]
    assert narrator.see(BEGAN + 22, view(world, detector="baseline")) == [
        "00:00:22  30 series: 30 ok",
        "00:00:22  all series are ok, 22 s after the start",
    ]
    assert not narrator.all_networks
    assert narrator.see(BEGAN + 40, view(world)) == [
        (
            "00:00:40  the first band made by a network (lstm), 40 s after the start: "
            "checkout latency is at 270 ms (expected 240 to 310 ms)"
        ),
        "00:00:40  every series has a network of its own",
    ]
    assert narrator.all_networks
    assert narrator.see(BEGAN + 41, view(world)) == []


def test_without_torch_no_network_is_told_or_waited_for(past: PastIncidentReport) -> None:
    narrator = Narrator(World(1, int(BEGAN)), 10, BEGAN, learns_networks=False)
    shown = view(narrator.world, {"open baskets": {"detector": "auto"}}, detector="baseline")
    assert [line.split("  ")[1] for line in narrator.see(BEGAN + 22, shown)] == [
        "30 series: 30 ok",
        "all series are ok, 22 s after the start",
    ]
    assert narrator.all_networks, "so that incidents begin"
    assert not any("network" in line for line in summary(narrator, past, BEGAN + 30))
    assert passed(narrator, past, BEGAN + 30)


def test_incidents_do_not_wait_for_the_network_of_the_sales(narrator: Narrator) -> None:
    narrator.see(BEGAN + 40, view(narrator.world, {"open baskets": {"detector": "baseline"}}))
    assert (narrator.networks, narrator.all_networks) == (29, True)
    narrator.see(BEGAN + 50, view(narrator.world, {"mail queue": {"detector": "baseline"}}))
    assert (narrator.networks, narrator.all_networks) == (29, False)


def test_an_incident_from_begin_to_end(narrator: Narrator) -> None:
    narrator.see(BEGAN, view(narrator.world))
    narrator.expect(INCIDENT)
    assert narrator.see(START - 5, view(narrator.world)) == []
    assert narrator.see(START, None) == [
        "00:01:00  something goes wrong with checkout latency: spike, for 30 s"
    ]
    assert narrator.see(START + 5, view(narrator.world)) == []
    assert narrator.see(START + 15, view(narrator.world, HIGH)) == [
        "00:01:15  checkout latency rose to 812 ms (expected 240 to 310 ms):"
        " score 4.2, 15 s after it"
        " began"
    ]
    assert narrator.see(START + 25, view(narrator.world, HIGH)) == []
    assert narrator.see(START + 40, view(narrator.world)) == [
        "00:01:40  checkout latency is back at 270 ms (expected 240 to 310 ms):"
        " score 0.4, 10 s after"
        " it ended"
    ]
    (outcome,) = narrator.outcomes
    assert (outcome.delay, outcome.well_at, narrator.false_alarms) == (15, START + 40, 0)


def test_a_vanished_series(narrator: Narrator) -> None:
    narrator.expect(replace(INCIDENT, kind="vanishing series"))
    narrator.see(START, view(narrator.world))
    assert narrator.see(START + 41, view(narrator.world, GONE)) == [
        "00:01:41  30 series: 29 ok, 1 missing",
        (
            "00:01:41  checkout latency vanished: its last value was 270 ms (expected 240 to 310"
            " ms): score 2.0, 41 s after it began"
        ),
    ]


def test_a_band_that_gives_in_and_is_surprised_again(narrator: Narrator) -> None:
    narrator.see(BEGAN, view(narrator.world))
    narrator.expect(INCIDENT)
    narrator.see(START + 11, view(narrator.world, HIGH))
    assert narrator.see(START + 21, view(narrator.world)) == [
        "00:01:21  checkout latency is back at 270 ms (expected 240 to 310 ms):"
        " score 0.4, while the"
        " incident goes on"
    ]
    assert narrator.see(START + 41, view(narrator.world, HIGH)) == [
        "00:01:41  checkout latency rose to 812 ms (expected 240 to 310 ms): score 4.2, again"
    ]
    assert narrator.outcomes[0].well_at is None
    narrator.see(START + 51, view(narrator.world))
    assert narrator.outcomes[0].well_at == START + 51


def test_a_false_alarm(narrator: Narrator) -> None:
    narrator.see(BEGAN, view(narrator.world))
    assert narrator.see(BEGAN + 70, view(narrator.world, HIGH)) == [
        "00:01:10  checkout latency rose to 812 ms (expected 240 to 310 ms): score 4.2, and nothing"
        " was done to it"
    ]
    assert narrator.see(BEGAN + 80, view(narrator.world)) == [
        "00:01:20  checkout latency is back at 270 ms (expected 240 to 310 ms):"
        " score 0.4, after 10 s"
    ]
    assert narrator.false_alarms == 1


def test_what_is_harmless_may_stay_unseen(narrator: Narrator, past: PastIncidentReport) -> None:
    narrator.see(BEGAN + 31, view(narrator.world))
    narrator.expect(replace(INCIDENT, kind="door open", harmless=True))
    assert narrator.see(START, view(narrator.world)) == [
        "00:01:00  something harmless happens to checkout latency: door open, for 30 s"
    ]
    assert narrator.see(START + 50, view(narrator.world)) == [
        "00:01:50  checkout latency, door open: over, and no alarm was raised"
    ]
    assert narrator.see(START + 51, view(narrator.world)) == []
    assert "                 checkout latency, door open: no alarm was raised" in summary(
        narrator, past, START + 60
    )
    assert passed(narrator, past, START + 60)


def test_the_summary(narrator: Narrator, past: PastIncidentReport) -> None:
    narrator.see(BEGAN + 2, None)
    narrator.see(BEGAN + 31, view(narrator.world))
    narrator.expect(INCIDENT)
    narrator.see(START + 11, view(narrator.world, HIGH))
    narrator.see(START + 42, view(narrator.world))
    assert list(summary(narrator, past, BEGAN + 120)) == [
        "Summary after 120 s",
        "  series         30: 30 ok",
        "  all ok         31 s after the start (goal: 120 s)",
        "  network band   31 s after the start (goal: 60 s); 30 series have one now",
        "  incidents      1 caused, 1 seen, 1 over",
        "                 checkout latency, spike: seen after 11 s, over 12 s after its end",
        "  in the past    open baskets, missing peak: flagged 100% of it, a one-step detector 0%",
        "  false alarms   0",
        "  no answer      1 times when the service was asked",
    ]
    assert passed(narrator, past, BEGAN + 120)


def test_not_all_ok_is_a_failure(narrator: Narrator, past: PastIncidentReport) -> None:
    narrator.see(BEGAN + 31, view(narrator.world, {"mail queue": {"state": "warming_up"}}))
    assert not passed(narrator, past, BEGAN + 120)
    assert "  all ok         never" in summary(narrator, past, BEGAN + 120)


@pytest.mark.parametrize("scored", [False, True])
def test_a_past_that_was_missed_is_a_failure(
    narrator: Narrator, past: PastIncidentReport, scored: bool
) -> None:
    narrator.see(BEGAN + 31, view(narrator.world))
    assert passed(narrator, past, BEGAN + 120)
    assert past.scored is not None
    past.scored.columns["score"][:] = 0.5
    past.scored = past.scored if scored else None
    assert not passed(narrator, past, BEGAN + 120)
    said = "flagged 0% of it, a one-step detector 0%" if scored else "not scored yet"
    assert f"  in the past    open baskets, missing peak: {said}" in summary(
        narrator, past, BEGAN + 120
    )


@pytest.mark.parametrize(
    ("now", "words", "well"), [(START + 49, "not seen yet", True), (START + 50, "missed", False)]
)
def test_a_missed_incident_is_a_failure(
    narrator: Narrator, past: PastIncidentReport, now: float, words: str, well: bool
) -> None:
    narrator.see(BEGAN, view(narrator.world))
    narrator.expect(INCIDENT)
    narrator.see(now, view(narrator.world))
    assert f"                 checkout latency, spike: {words}" in summary(narrator, past, now)
    assert passed(narrator, past, now) is well
