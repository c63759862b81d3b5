"""Incidents from a real Prometheus on: two watches of one group, restarts, a watch that catches up
late."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plugin.components import Components
from plugin.series import Labels, Series
from tests.e2e import world
from tests.e2e.world import NOW, STEP, Clock
from tests.servers import PrometheusServer

# steps after NOW of what happens at one time in two zones
EAST = (60, 75)
WEST = (66, 80)
# what joins the first and the later one of the east
BRIDGE = (78, 96)
LATER = (116, 124)
PACE = 5
END = 165
Page = tuple[str, str]  # zone, incident


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    series = [
        made("latency_ms", "shop", "east", 0, EAST),
        made("latency_ms", "cart", "east", 1, LATER),
        made("latency_ms", "mail", "west", 2, WEST),
        made("latency_ms", "quiet", "east", 3, None),
        made("errors", "shop", "east", 4, BRIDGE),
        made("errors", "mail", "west", 5, None),
    ]
    with PrometheusServer(tmp_path_factory.mktemp("incidents")).backfill(series) as server:
        yield server


def made(name: str, service: str, zone: str, seed: int, outside: tuple[int, int] | None) -> Series:
    """A service that is well, but for some steps in which all is three times too much."""
    values = world.latency(seed)
    times = world.times()
    if outside is not None:
        values[(times >= NOW + outside[0] * STEP) & (times < NOW + outside[1] * STEP)] *= 3
    return Series(Labels.of({"__name__": name, "service": service, "zone": zone}), times, values)


def config(folder: Path, url: str) -> Any:
    grouped = {"group_by": ["zone"], "incident_group": "shop"}
    return world.config(
        folder,
        url,
        world.watch(name="latency", labels={"severity": "page"}, **grouped),
        world.watch(name="errors", query="last_over_time(errors[59s])", **grouped),
    )


def run(
    prometheus: PrometheusServer,
    folder: Path,
    *,
    restarts: tuple[int, ...] = (),
    away: range = range(0),
) -> tuple[dict[int, set[Page]], list[dict[str, Any]]]:
    """The alert rows every few steps, and all incidents in the end. away: the steps in which errors
    are not scored."""
    clock = Clock()
    step = 0
    pages = dict[int, set[Page]]()
    for until in (*restarts, END):
        with threads(), world.process(config(folder, prometheus.url), clock) as parts:
            pages[step] = seen(parts, clock)  # before anything is scored
            while step < until:
                for name, jobs in parts.watches.items():
                    assert (name == "errors" and step in away) or jobs.score.run()
                pages[step] = seen(parts, clock)
                step += PACE
                clock.steps(PACE)
            rows = get(
                parts, clock, f"incidents?from={(NOW - 3600) * 1000}&to={int(clock()) * 1000}"
            )
    return pages, rows


@contextmanager
def threads() -> Iterator[None]:
    """Workers that are at work at once: nothing is fitted here but the first models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plugin.components.WorkerPool", world.Threads)
        yield


def get(parts: Components, clock: Clock, url: str) -> list[dict[str, Any]]:
    answer = world.client(parts, clock).get(f"/api/v1/{url}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()
    return found


def seen(parts: Components, clock: Clock) -> set[Page]:
    """What the rule on incidents would page."""
    rows = get(parts, clock, "alert?by=incident")
    assert all(
        row["watch"] == "shop" and row["severity"] == "page" and row["score"] > 1 for row in rows
    )
    return {(row["zone"], row["incident"]) for row in rows}


def steps(pages: dict[int, set[Page]], zone: str) -> list[int]:
    return [step for step, those in pages.items() if zone in {each for each, _ in those}]


@pytest.fixture(scope="module")
def steady(prometheus: PrometheusServer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return run(prometheus, tmp_path_factory.mktemp("steady"))


def during(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that the world has made, not what a good model may find in quiet hours."""
    return [row for row in rows if row["timeEnd"] >= (NOW + EAST[0] * STEP) * 1000]


def test_what_happens_in_two_zones_is_two_incidents_and_two_watches_are_one(steady: Any) -> None:
    pages, rows = steady
    east, west = sorted(during(rows), key=lambda row: str(row["zone"]))
    assert (east["zone"], east["watch"], east["size"], east["coverage"]) == (
        "east",
        "shop",
        3,
        0.75,
    )
    assert east["first"] == 'latency_ms{service="shop",zone="east"}'
    assert EAST[0] <= (east["time"] / 1000 - NOW) / STEP <= EAST[0] + 2
    assert LATER[1] - 2 <= (east["timeEnd"] / 1000 - NOW) / STEP <= LATER[1] + 5
    assert (west["zone"], west["size"], west["state"]) == ("west", 1, "closed")
    for row in (east, west):
        its = [step for step, those in pages.items() if (row["zone"], row["incident"]) in those]
        assert its == steps(pages, row["zone"]), "one incident is one page, of one name"
        assert its == list(range(its[0], its[-1] + 1, PACE)), "without a break"
        assert its[-1] - (row["timeEnd"] / 1000 - NOW) / STEP <= 30 + PACE, (
            "it ends with its last alarm"
        )


def test_restarts_change_nothing(prometheus: PrometheusServer, steady: Any, folder: Path) -> None:
    pages, rows = run(prometheus, folder, restarts=(EAST[0] + 5, BRIDGE[0] + 5, LATER[0] - 2))
    assert rows == steady[1] and pages == steady[0]


def test_a_watch_that_catches_up_shows_that_two_were_one(
    prometheus: PrometheusServer, steady: Any, folder: Path
) -> None:
    """While errors are not scored, nobody knows of what joins the two incidents of the east."""
    pages, rows = run(
        prometheus, folder, restarts=(LATER[1],), away=range(BRIDGE[0] - 6, LATER[0] + 6)
    )
    whole = next(row for row in during(steady[1]) if row["zone"] == "east")
    names = {incident for those in pages.values() for zone, incident in those if zone == "east"}
    assert len(names) == 2 and whole["incident"] == min(names), "both were paged; the older lives"
    assert steps(pages, "east")[-1] == steps(steady[0], "east")[-1]
    assert {
        incident
        for step, those in pages.items()
        if step >= LATER[0] + 10
        for zone, incident in those
        if zone == "east"
    } == {whole["incident"]}
    assert rows == steady[1]
