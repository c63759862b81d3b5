"""When things go wrong."""

import math

import pytest

from plugin.commands.demo.scripted_incidents import (
    EFFECTS,
    PLOTS,
    IncidentSchedule,
    ScriptedIncident,
)
from plugin.commands.demo.world import World

STEP = 10


def test_every_plot_has_a_series_and_an_effect() -> None:
    world = World(1, 1_795_316_400)
    for plot in PLOTS:
        assert world.source(plot.title).title == plot.title
        assert plot.kind in EFFECTS


def test_a_whole_incident_fits_into_two_minutes() -> None:
    """Begun, seen within two steps, over, and seen to be so."""
    began = 1_000_003.4
    schedule = IncidentSchedule(STEP, quiet=180, deadline=began + 120)
    incident = schedule.next(began + 45, ready=True)
    assert incident == ScriptedIncident("checkout latency", "spike", 3.0, 1_000_050, 1_000_080)
    assert incident.end + 3 * STEP <= schedule.deadline


def test_the_first_does_not_wait_for_ever() -> None:
    schedule = IncidentSchedule(STEP, quiet=180, deadline=1120)
    moments = [now for now in range(1000, 1120) if schedule.next(now, ready=False)]
    assert moments == [1050]  # begins at 1060, ends at 1090, leaves three steps


def test_one_after_the_other_and_none_too_late() -> None:
    schedule = IncidentSchedule(STEP, quiet=100, deadline=1000)
    incidents = [incident for now in range(0, 1000) if (incident := schedule.next(now, ready=True))]
    assert [incident.harmless for incident in incidents] == [False, True, False, True, False, False]
    assert [(incident.title, incident.start, incident.end) for incident in incidents] == [
        ("checkout latency", 10, 40),
        ("rack 2 temperature", 150, 180),
        ("catalog requests", 290, 380),
        ("rack 2 temperature", 490, 520),
        ("rack 2 temperature", 630, 720),
        ("payments latency", 830, 950),
    ]


@pytest.mark.parametrize("ready", [True, False])
def test_without_an_end_it_waits_until_ready(ready: bool) -> None:
    assert (IncidentSchedule(STEP, 180, math.inf).next(5000, ready=ready) is not None) is ready
