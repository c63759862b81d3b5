"""Decisions about models: who reigns, who had to go, who asked for it, and why. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from plugin.series import SeriesRecord

SERVICE = "bandwatch"  # decides by itself


class DecisionKind(StrEnum):
    """What was decided of a model."""

    CROWNED = "crowned"  # a new one took over
    REFUSED = "refused"  # a new one did not
    DEPOSED = "deposed"  # the champion cannot be used
    ROLLED_BACK = "rolled_back"  # an older one took over, as someone said
    PINNED = "pinned"
    UNPINNED = "unpinned"
    REFIT_ASKED = "refit_asked"


@dataclass(frozen=True)
class Decision:
    """One decision, kept to be read later."""

    time: int  # unix seconds
    series_id: int
    version: int  # of the model that it is about; 0 = of none
    what: DecisionKind
    why: str  # in words, with the numbers
    by: str = SERVICE  # who decided


class OrderKind(StrEnum):
    """What someone can order."""

    ROLLBACK = "rollback"
    PIN = "pin"
    UNPIN = "unpin"
    REFIT = "refit"


@dataclass(frozen=True)
class Order:
    """What someone wants done with the models of some series."""

    act: OrderKind
    series: tuple[SeriesRecord, ...]
    by: str
    comment: str = ""
    version: int | None = None  # of a rollback or a pin; None = the one before, the one that reigns


@dataclass(frozen=True)
class OrderResult:
    """What came of an order for one series."""

    series: SeriesRecord
    done: bool
    version: int  # that reigns now; 0 = none
    why: str  # what was done, or why not and what to do
