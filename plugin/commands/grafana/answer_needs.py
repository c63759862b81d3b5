"""What a panel, a rule or a variable needs of the answer to its query."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum


class Purpose(Enum):
    """What a query is for."""

    BAND = "band"  # time series whose names must stay bare
    SERIES = "series"  # time series
    STATES = "states"  # over time, as numbers or words
    TABLE = "table"
    ALERT = "alert"
    ANNOTATIONS = "annotations"
    VARIABLE = "variable"


@dataclass(frozen=True)
class AnswerNeeds:
    """What is asked of an answer."""

    purpose: Purpose
    # declared in an Infinity query: field name -> type; None = a query of another data source
    columns: Mapping[str, str] | None = None
    rule_labels: Collection[str] = ()  # that the rule itself sets
