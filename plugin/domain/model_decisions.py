"""Decisions about models: which one is active, which one was retired, who decided it, and why.
Pure."""

from dataclasses import dataclass
from enum import StrEnum

from plugin.series import SeriesRecord

SERVICE = "bandwatch"  # the service decided by itself


class DecisionKind(StrEnum):
    """What was decided about a model; the stored words stay as they are."""

    PROMOTED = "crowned"  # a new model became active
    REFUSED = "refused"  # a new model did not become active
    RETIRED = "deposed"  # the active model cannot be used
    ROLLED_BACK = "rolled_back"  # a person made an older model active
    PINNED = "pinned"
    UNPINNED = "unpinned"
    REFIT_ASKED = "refit_asked"


@dataclass(frozen=True)
class Decision:
    """One decision, as it is stored."""

    time: int  # unix seconds
    series_id: int
    version: int  # of the model; 0 = no model
    what: DecisionKind
    why: str  # in words, with the numbers
    by: str = SERVICE  # who decided


class OrderKind(StrEnum):
    """What a person can order."""

    ROLLBACK = "rollback"
    PIN = "pin"
    UNPIN = "unpin"
    REFIT = "refit"


@dataclass(frozen=True)
class Order:
    """What a person wants for the models of some series."""

    act: OrderKind
    series: tuple[SeriesRecord, ...]
    by: str
    comment: str = ""
    version: int | None = None  # None = the previous model for a rollback, the active one for a pin


@dataclass(frozen=True)
class OrderResult:
    """The result of an order for one series."""

    series: SeriesRecord
    done: bool
    version: int  # of the active model; 0 = none
    why: str  # what was done, or why it was not done and what to do
