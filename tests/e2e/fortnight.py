"""A bad fortnight of a small shop: 30 series in 5 services, and all that goes wrong there, in its
local time.

What happens is written down once. `series` plays it, and leaves out what it is told to: a twin of
the shop has never had an incident, but the same batch, the same deployment and the same false
alarms.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from plugin.config import Config, MaintenanceSettings, MaintenanceWindow, Watch, WorkerSettings
from plugin.series import IntArray, Labels, Series
from tests.e2e import world

ZONE = "Europe/Vienna"
STEP = 300
HOUR = 3600
DAY = 86_400
SERVICES = ("shop", "cart", "pay", "search", "reports")
USUAL = {  # what the metrics are about, at noon of the first service
    "traffic": {"requests": 200.0, "latency_ms": 120.0, "errors": 3.0},
    "hosts": {"cpu": 0.4, "memory_mb": 2000.0, "connections": 80.0},
}


def at(text: str) -> int:
    """Local time of the shop, `10-26 03:00` -> unix seconds."""
    return int(datetime.fromisoformat(f"2025-{text}").replace(tzinfo=ZoneInfo(ZONE)).timestamp())


def labels(name: str, service: str) -> Labels:
    (job,) = (job for job, metrics in USUAL.items() if name in metrics)
    return Labels.of({"__name__": name, "job": job, "service": service})


def told(moment: float) -> str:
    """Unix seconds -> local time of the shop."""
    return datetime.fromtimestamp(moment, ZoneInfo(ZONE)).strftime("%m-%d %H:%M")


BEGIN = at("10-04 00:00")
NOW = at("10-18 00:00")
END = at("11-01 00:00")
BATCHES = tuple(at(f"{monday} 04:00") for monday in ("10-06", "10-13", "10-20", "10-27"))
BATCH = {
    "name": "weekly batch",
    "match": '{service="reports"}',
    "begin": "2025-01-06T04:00",
    "duration": 2 * HOUR,
    "rule": "FREQ=WEEKLY;BYDAY=MO",
    "timezone": ZONE,
    "after": 15 * 60,
}
SILENCE = at("10-24 14:00"), at("10-24 15:00")  # Prometheus is down
RESTART = at("10-21 10:30")  # nobody is there for one step


@dataclass(frozen=True)
class Event:
    """What happens to metrics of a service; numbers are shares of the usual level."""

    name: str
    service: str
    begin: int
    end: int
    times: Mapping[str, float] = field(default_factory=dict)  # what it is multiplied by
    plus: Mapping[str, float] = field(default_factory=dict)
    grows: Mapping[str, float] = field(default_factory=dict)  # as `plus`, from nothing at the begin
    fixed: Mapping[str, float] = field(default_factory=dict)  # all values are this one
    stuck: tuple[str, ...] = ()  # all values are the first
    gone: tuple[str, ...] = ()  # there are none

    @property
    def series(self) -> list[str]:
        """The names of all that it concerns."""
        names = [*self.times, *self.plus, *self.grows, *self.fixed, *self.stuck, *self.gone]
        return [str(labels(name, self.service)) for name in names]


OUTAGE = {"requests": 0.4, "latency_ms": 3.0, "errors": 8.0}
EVENTS = (
    Event(
        "deployment",
        "search",
        at("10-18 14:00"),
        at("11-01 00:01"),
        plus={"latency_ms": 0.6, "cpu": 0.5},
    ),
    Event("flush", "cart", at("10-19 03:10"), at("10-19 03:20"), fixed={"connections": 1.0}),
    Event("outage", "shop", at("10-21 10:00"), at("10-21 11:30"), times=OUTAGE),
    Event(
        "payments",
        "pay",
        at("10-21 10:40"),
        at("10-21 12:00"),
        times={"latency_ms": 2.5, "errors": 10.0},
    ),
    Event("crawler", "search", at("10-22 16:00"), at("10-22 16:15"), fixed={"requests": 2.4}),
    Event("leak", "cart", at("10-23 18:00"), at("10-25 06:00"), grows={"memory_mb": 1.0}),
    Event("stuck", "pay", at("10-25 09:00"), at("10-25 15:00"), stuck=("connections",)),
    Event("flush again", "cart", at("10-26 03:10"), at("10-26 03:20"), fixed={"connections": 1.0}),
    Event("host", "reports", at("10-28 08:00"), at("11-01 00:01"), gone=tuple(USUAL["hosts"])),
    Event("outage again", "shop", at("10-28 10:00"), at("10-28 11:00"), times=OUTAGE),
    Event("crawler again", "search", at("10-29 16:00"), at("10-29 16:15"), fixed={"requests": 2.4}),
)
INCIDENTS = tuple(
    each for each in EVENTS if each.name in ("outage", "payments", "leak", "stuck", "outage again")
)
AGAIN = tuple(each for each in EVENTS if each.fixed)[
    2:
]  # the like of false alarms that are answered by then


BUSY = (
    SILENCE,
    *((begin, begin + 2 * HOUR) for begin in BATCHES[2:]),
    # Of what lasts the first half day and the end: it is accepted, or its alarm is open by then.
    *((each.begin, min(each.end, each.begin + DAY // 2)) for each in EVENTS),
    *((each.end, each.end) for each in EVENTS),
)


def quiet(moment: int) -> bool:
    """Whether nothing begins within an hour, and nothing has ended within three."""
    return not any(begin - HOUR <= moment < end + 3 * HOUR for begin, end in BUSY)


def times() -> IntArray:
    return np.arange(BEGIN, END + 1, STEP, dtype=np.int64)


def series(*, without: tuple[Event, ...] = ()) -> Iterator[Series]:
    for number, service in enumerate(SERVICES):
        events = [each for each in EVENTS if each.service == service and each not in without]
        for job, metrics in USUAL.items():
            for place, (name, level) in enumerate(metrics.items()):
                rng = np.random.default_rng([number, place, len(job)])
                yield _series(labels(name, service), level * (1 + 0.1 * number), rng, events)


def _series(of: Labels, level: float, rng: np.random.Generator, events: list[Event]) -> Series:
    """The rhythm of a day of people, noise in proportion to it, and what has happened."""
    moments = times()
    name = of["__name__"]
    local = moments + np.where(moments < at("10-26 03:00"), 2, 1) * HOUR
    values = (
        level
        * (1 - 0.4 * np.cos(2 * np.pi * (local / DAY - 0.1)))
        * (1 + 0.05 * rng.normal(size=len(moments)))
    )
    there = np.ones(len(moments), bool)
    if of["service"] == "reports":
        values[_within(moments, *((begin, begin + 2 * HOUR) for begin in BATCHES))] *= 2.5
    for event in events:
        inside = _within(moments, (event.begin, event.end))
        values[inside] *= event.times.get(name, 1.0)
        values[inside] += level * event.plus.get(name, 0.0)
        values[inside] += level * event.grows.get(name, 0.0) * np.linspace(0, 1, inside.sum())
        values[inside] = level * event.fixed[name] if name in event.fixed else values[inside]
        if name in event.stuck:
            values[inside] = values[inside][0]
        there &= ~inside | (name not in event.gone)
    return Series(of, moments[there], values[there])


def _within(
    moments: IntArray, *spans: tuple[int, int]
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    return np.any([(first <= moments) & (moments < last) for first, last in spans], axis=0)


def watches(detector: str) -> tuple[Watch, ...]:
    return tuple(
        world.watch(
            name=job,
            query=f'last_over_time({{job="{job}"}}[4m])',
            step=STEP,
            fit_window=14 * DAY,
            fit_every=DAY,
            backfill=2 * DAY,
            detector=detector,
            timezone=ZONE,
            group_by=["service"],
            incident_group="site",
            **settings,
        )
        for job, settings in (
            ("traffic", {}),
            ("hosts", {"missing_data": "alert", "persistence": (2, 3)}),
        )
    )


def config(folder: Path, url: str, detector: str = "auto") -> Config:
    planned = MaintenanceSettings(windows=(MaintenanceWindow.model_validate(BATCH),))
    # All series of a watch in one fit, which is no worse for being slow on a busy machine.
    workers = WorkerSettings(stack=16, longest_fit=600)
    settings = world.config(folder, url, *watches(detector))
    return settings.model_copy(update={"maintenance": planned, "workers": workers})
