"""How noisy the watches are: alarms compared with the alert budget, and settings that would make a
series quieter. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from plugin.series import FloatArray, IntArray

PERIOD_DAYS = (7, 30)  # over which alarms are compared with the budget


class AlarmTotals(NamedTuple):
    """The alarms of one series that started in a period and were not answered as real."""

    alarms: int = 0
    samples: int = 0  # outside
    worst: float = 0.0  # the highest score
    last: int = 0  # unix seconds at which the latest one started

    def plus(self, other: "AlarmTotals") -> "AlarmTotals":
        return AlarmTotals(
            self.alarms + other.alarms,
            self.samples + other.samples,
            max(self.worst, other.worst),
            max(self.last, other.last),
        )


@dataclass(frozen=True)
class Suggestion:
    """A setting that would have removed most of the alarms of one series."""

    setting: str  # as the file spells it, `min_deviation: 5`
    removed: int  # alarms
    of: int  # alarms that were not answered as real
    real: int  # alarms that were answered as real; all of them stay
    exact: bool  # False = an estimate: another setting needs another fit for its exact band

    def __str__(self) -> str:
        estimate = "" if self.exact else "about "
        number = "the one" if self.real == 1 else f"all {self.real}"
        real = f" and kept {number} marked real" if self.real else ", none marked real"
        removed = f"{estimate}{self.removed} of {self.of} alarms"
        return f"`{self.setting}` would have removed {removed}{real}"


@dataclass(frozen=True)
class NoiseReport:
    """Figures that take too long to compute at every request. Entry i of each array belongs to the
    series `ids[i]`."""

    made_at: int  # unix seconds
    ids: IntArray  # [S] ascending
    scored: Mapping[int, FloatArray]  # days of the period -> [S] samples that were scored in it
    suggestions: Mapping[int, Suggestion]  # by series id

    def samples(self, days: int) -> dict[int, float]:
        """Samples that were scored in the last `days` days, by series id."""
        return dict(zip(self.ids.tolist(), self.scored[days].tolist(), strict=True))


class Spending(NamedTuple):
    """The alarms that a budget allowed, and those that there were."""

    totals: AlarmTotals = AlarmTotals()
    promised: float = 0.0  # alarms that `alert_budget` allows for the scored time
    seconds_outside: float = 0.0
    seconds_scored: float = 0.0

    @property
    def spent(self) -> float:
        """The alarms divided by those allowed; less than one allowed alarm counts as one, because
        an alarm cannot be halved."""
        return self.totals.alarms / max(1.0, self.promised)

    @classmethod
    def of(cls, totals: AlarmTotals, scored: float, alert_budget: float, step: int) -> "Spending":
        """scored: samples; alert_budget: alarms per series and second; step: seconds."""
        return cls(totals, alert_budget * step * scored, totals.samples * step, step * scored)

    def plus(self, other: "Spending") -> "Spending":
        return Spending(
            self.totals.plus(other.totals) if other.totals.alarms else self.totals,
            self.promised + other.promised,
            self.seconds_outside + other.seconds_outside,
            self.seconds_scored + other.seconds_scored,
        )
