"""How noisy the watches are: alarms held against the budget that was promised, and what would make
a series quieter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from plugin.series import FloatArray, IntArray

DAY = 86_400
DAYS = (7, 30)  # over which alarms are held against the budget


class AlarmTotals(NamedTuple):
    """The alarms of one series that have begun in some time and that nobody has answered as
    real."""

    alarms: int = 0
    samples: int = 0  # outside
    worst: float = 0.0  # the highest score
    last: int = 0  # unix seconds at which the latest has begun

    def plus(self, other: "AlarmTotals") -> "AlarmTotals":
        return AlarmTotals(
            self.alarms + other.alarms,
            self.samples + other.samples,
            max(self.worst, other.worst),
            max(self.last, other.last),
        )


@dataclass(frozen=True)
class Suggestion:
    """A setting that would have spared most of the alarms of one series."""

    setting: str  # as the file spells it, `min_deviation: 5`
    removed: int  # alarms
    of: int  # alarms that nobody has answered as real
    real: int  # alarms that somebody has answered as real; all of them stay
    exact: bool  # False: the band of another setting can only be estimated without fitting anew

    def __str__(self) -> str:
        about = "" if self.exact else "about "
        kept = "the one" if self.real == 1 else f"all {self.real}"
        marked = f" and kept {kept} marked real" if self.real else ", none marked real"
        return (
            f"`{self.setting}` would have removed {about}{self.removed} of {self.of} alarms{marked}"
        )


@dataclass(frozen=True)
class NoiseReport:
    """What takes too long to find out at every request; entry i of each array belongs to the series
    `ids[i]`."""

    made_at: int  # unix seconds
    ids: IntArray  # [S] ascending
    scored: Mapping[int, FloatArray]  # the last so many days -> [S] samples that were scored
    suggestions: Mapping[int, Suggestion]  # by series id

    def samples(self, days: int) -> dict[int, float]:
        """Samples that were scored, by series id; a series without any is absent."""
        return dict(zip(self.ids.tolist(), self.scored[days].tolist(), strict=True))


class Spending(NamedTuple):
    """What a budget allowed, and what was made of it."""

    totals: AlarmTotals = AlarmTotals()
    promised: float = 0.0  # alarms that `alert_budget` allows for the time that was scored
    seconds_outside: float = 0.0
    seconds_scored: float = 0.0

    @property
    def spent(self) -> float:
        """The alarms by those promised; less than one that is promised counts as one, as nobody
        raises half of one."""
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
