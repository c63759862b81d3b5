"""The world is one story, however and whenever it is asked."""

import numpy as np
import pytest

from plugin.commands.demo.scripted_incidents import ScriptedIncident
from plugin.commands.demo.world import HISTORY, RESTART_SECONDS, World, last_restart
from plugin.domain.times import DAY, HOUR

NOW = 1_795_219_200 + 15 * HOUR  # a Saturday afternoon
STEP = 10


def grid(start: int, end: int) -> np.ndarray:
    return np.arange(start, end, STEP, dtype=np.int64)


def test_thirty_series_with_names_of_their_own() -> None:
    sources = World(1, NOW).sources
    assert len(sources) == 30
    assert len({source.title for source in sources}) == 30
    assert len({(source.metric, source.labels) for source in sources}) == 30


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others() -> None:
    times = grid(NOW - HOUR, NOW)
    first = World(1, NOW)
    again = World(1, NOW)
    other = World(2, NOW)
    for source, same, changed in zip(first.sources, again.sources, other.sources, strict=True):
        np.testing.assert_array_equal(first.values(source, times), again.values(same, times))
        if source.title != "checkout replicas":
            assert not np.array_equal(first.values(source, times), other.values(changed, times))


def test_alone_in_pieces_and_in_company_a_sample_is_the_same() -> None:
    """Across a restart of the counters, and whatever range the sample was asked with."""
    world = World(1, NOW)
    restart = int(last_restart(np.array([NOW]))[0])
    times = grid(restart - 300, restart + 300)
    for source in world.sources:
        whole = world.values(source, times)
        np.testing.assert_array_equal(whole[17:40], world.values(source, times[17:40]))
        np.testing.assert_array_equal(whole[-1:], world.values(source, times[-1:]))


def test_the_live_world_goes_on_where_the_history_ended() -> None:
    """The step over the seam is no larger than the largest step of the day before."""
    world = World(1, NOW)
    for source in world.sources:
        day = world.values(source, grid(NOW - DAY, NOW))
        live = world.values(source, grid(NOW, NOW + 10 * STEP))
        seam = np.abs(live[0] - day[-1])
        assert seam <= np.nanmax(np.abs(np.diff(day))), source.title


def test_counters_count_whole_events_and_start_again_every_night() -> None:
    world = World(1, NOW)
    times = grid(NOW // DAY * DAY + RESTART_SECONDS - 100, NOW)
    for source in world.sources:
        if source.kind == "counter":
            total = world.values(source, times)
            np.testing.assert_array_equal(total, np.round(total))
            drops = np.flatnonzero(np.diff(total) < 0)
            assert [int(times[drop + 1]) % DAY for drop in drops] in ([RESTART_SECONDS], []), (
                source.title
            )
            assert total[times % DAY == RESTART_SECONDS] == 0


def test_the_gap_is_in_the_history_and_nowhere_else() -> None:
    world = World(1, NOW)
    history = {
        series.labels["__name__"]: series for series in world.history(NOW - HISTORY, NOW, 3600)
    }
    gap = np.setdiff1d(np.arange(NOW - HISTORY, NOW, 3600), history["shop_exchange_rate"].times)
    np.testing.assert_array_equal(gap, np.arange(NOW - 59 * HOUR, NOW - 50 * HOUR, 3600))
    assert len(history["shop_replicas"].times) == HISTORY // 3600


@pytest.mark.parametrize(
    ("kind", "size", "during"),
    [
        ("spike", 3.0, [3.0, 6.0]),
        ("level shift", 0.5, [1.5, 2.5]),
        ("drop to zero", 0.0, [0.0, 0.0]),
        ("stuck", 85.0, [85.0, 85.0]),
        ("vanishing series", 0.0, [np.nan, np.nan]),
        ("missing peak", 0.6, [1.0, 0.8]),
    ],
)
def test_an_incident_changes_its_time_only(kind: str, size: float, during: list[float]) -> None:
    incident = ScriptedIncident("checkout latency", kind, size, start=10, end=30)
    times = np.arange(0, 40, 10)
    level = np.array([9.0, 1.0, 2.0, 9.0])
    np.testing.assert_array_equal(incident.apply(times, level), [9.0, *during, 9.0])


def test_an_incident_on_a_counter_is_felt_by_its_rate_and_never_undone() -> None:
    world = World(1, NOW)
    clean = World(1, NOW)
    source = world.source("catalog requests")
    world.add(ScriptedIncident(source.title, "drop to zero", 0.0, NOW, NOW + 60))
    times = grid(NOW - 60, NOW + 120)
    steps = np.diff(world.values(source, times))
    wanted = np.diff(clean.values(clean.source(source.title), times))
    np.testing.assert_array_equal(steps[:6], wanted[:6])
    np.testing.assert_array_equal(steps[6:12], 0)
    np.testing.assert_array_equal(steps[12:], wanted[12:])


def test_an_incident_needs_a_series() -> None:
    with pytest.raises(KeyError, match="no series is called 'moon phase'"):
        World(1, NOW).add(ScriptedIncident("moon phase", "spike", 2.0, NOW, NOW + 10))
