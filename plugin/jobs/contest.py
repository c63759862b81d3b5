"""The two sides that the gate compares: new models, and the ones that are active now."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from detectors.api import Arrays, FittedDetector, SeriesBatch
from plugin.config import Watch
from plugin.domain.intervals import Interval
from plugin.domain.tolerances import NO_TOLERANCES, Tolerances
from plugin.store import ModelRecord


@dataclass(frozen=True)
class Challengers:
    """Models of one spec that have just been fitted, one for each row of the batch."""

    spec: str
    ids: tuple[int, ...]  # [S] series ids
    batch: SeriesBatch  # what they have learnt from
    fitted: FittedDetector


@dataclass(frozen=True)
class ChampionWeights:
    """The weights of champions that lie in one file: they have learnt from the same window."""

    ids: tuple[int, ...]  # [S] series ids, one for each row of the arrays
    arrays: Arrays  # as in the file


@dataclass(frozen=True)
class Contest:
    """What challengers have to beat."""

    watch: Watch  # its policies move the bands
    now: int  # unix seconds
    champions: Mapping[int, ModelRecord] = field(default_factory=dict)  # by series id
    step_since: int = 0  # unix seconds; models fitted before are of another step
    outdated: frozenset[int] = frozenset()  # ids of series whose champion learnt under other masks
    real: tuple[Interval, ...] = ()  # real incidents, which a challenger must see
    tolerances: Tolerances = NO_TOLERANCES  # as the champions have them
    weights: tuple[ChampionWeights, ...] = ()  # of the champions that have to be compared
