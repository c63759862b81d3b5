"""What goes wrong in the demo, on which series and when."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from plugin.series import FloatArray, IntArray

# level [T], size, share of the incident that has passed [T] -> level [T]
Effect = Callable[[FloatArray, float, FloatArray], FloatArray]
RECOVERY_STEPS = 3  # that a series needs after its incident to be well again
FADE_SHARE = 1 / 6  # of an incident: to fade in, and again to fade out

EFFECTS: dict[str, Effect] = {
    "spike": lambda level, size, _: level * size,
    "level shift": lambda level, size, _: level + size,
    "drop to zero": lambda level, size, _: np.zeros_like(level),
    "stuck": lambda level, size, _: np.full_like(level, size),
    "door open": lambda level, size, _: np.full_like(level, size),
    "vanishing series": lambda level, size, _: np.full_like(level, np.nan),
    "missing peak": lambda level, size, passed: level * (1 - size * faded(passed)),
}


def faded(passed: FloatArray) -> FloatArray:
    """[T] 0 to 1 to 0 while `passed` [T] goes from 0 to 1: a slow rise, a long stay, a slow
    fall."""
    edge = np.clip(np.minimum(passed, 1 - passed) / FADE_SHARE, 0, 1)
    return (1 - np.cos(np.pi * edge)) / 2


@dataclass(frozen=True)
class IncidentScript:
    """One thing that can go wrong: `steps` long, on the series of that title."""

    title: str
    kind: str  # a key of EFFECTS
    # spike: factor; level shift: what is added; stuck, door open: the value; missing peak: the
    # share that is missing; else unused
    size: float
    steps: int
    harmless: bool = False  # unusual, but nothing is wrong: to be answered as a false alarm


# Somebody works at the rack.
DOOR = IncidentScript("rack 2 temperature", "door open", 32.0, 3, harmless=True)

# The first is short, so that it starts, is seen and ends within a demo of two minutes. The harmless
# one comes twice before the same sensor really fails. Once it is answered as a false alarm, it
# raises no further alarm, and the failure still does.
PLOTS = (
    IncidentScript("checkout latency", "spike", 3.0, 3),
    DOOR,
    IncidentScript("catalog requests", "drop to zero", 0.0, 9),
    DOOR,
    # what a DS18B20 sensor reads when it has lost power
    IncidentScript("rack 2 temperature", "stuck", 85.0, 9),
    IncidentScript("payments latency", "level shift", 0.35, 12),
    IncidentScript("exchange rate EUR/USD", "vanishing series", 0.0, 9),
    IncidentScript("search errors", "spike", 60.0, 9),
    IncidentScript("orders database connections", "level shift", 60.0, 12),
)


@dataclass(frozen=True)
class ScriptedIncident:
    """A script at its time: start included, end excluded, both unix seconds."""

    title: str
    kind: str
    size: float
    start: int
    end: int
    harmless: bool = False

    def apply(self, times: IntArray, level: FloatArray) -> FloatArray:
        """[T] the level with what this incident does to it."""
        during = (times >= self.start) & (times < self.end)
        if not during.any():
            return level
        passed = (times - self.start) / (self.end - self.start)
        return np.where(during, EFFECTS[self.kind](level, self.size, passed), level)


@dataclass
class IncidentSchedule:
    """Incidents one after the other, `quiet` seconds apart.

    One that would not end before the deadline is left out.
    """

    step: int
    quiet: int
    deadline: float  # unix seconds at which the demo ends; inf = never
    caused: int = 0
    free_from: float = 0.0

    def next(self, now: float, *, ready: bool) -> ScriptedIncident | None:
        """The incident that is to start at the next grid time, if one is due.

        It waits until all is `ready`. The first starts all the same at the last moment at which it
        can be seen to its end.
        """
        plot = PLOTS[self.caused % len(PLOTS)]
        start = (int(now) // self.step + 1) * self.step
        spare = self.deadline - start - self.needed_seconds(plot)
        last_chance = self.caused == 0 and spare < self.step
        if now < self.free_from or spare < 0 or not (ready or last_chance):
            return None
        self.caused += 1
        incident = ScriptedIncident(
            plot.title, plot.kind, plot.size, start, start + plot.steps * self.step, plot.harmless
        )
        self.free_from = incident.end + self.quiet
        return incident

    def needed_seconds(self, plot: IncidentScript) -> int:
        """Until the series of the plot is well again: its length and a few steps."""
        return (plot.steps + RECOVERY_STEPS) * self.step
