"""How often a watch would have alarmed in its last days, and how long a fit of it takes. Pure."""

from dataclasses import dataclass

from plugin.domain.times import WEEK


@dataclass(frozen=True)
class AlarmTrial:
    """What a walk through a few series of a watch has shown."""

    alarms: int
    seconds: int  # of all walked series together, in which they could alarm
    series: int  # of the whole watch
    fit_seconds: float  # of the whole watch

    @property
    def weekly(self) -> float:
        """Alarms a week of the whole watch."""
        return self.alarms * self._factor

    @property
    def weekly_text(self) -> str:
        """`about 3`, or `below 2` where none was seen."""
        return f"about {self.weekly:.2g}" if self.alarms else f"below {self._factor:.2g}"

    @property
    def _factor(self) -> float:
        return self.series * WEEK / self.seconds


@dataclass(frozen=True)
class NotTried:
    """Why there is no trial; "" = none was asked for."""

    reason: str
