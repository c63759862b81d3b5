"""The records of the series of a watch as columns: a tick changes all of them at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from plugin.series import BoolArray, IntArray, SeriesRecord, SeriesState

# Those that have a condition, in the order in which they are asked for.
CONDITIONAL_STATES = (
    SeriesState.GONE,
    SeriesState.MAINTENANCE,
    SeriesState.MISSING,
    SeriesState.WARMING_UP,
    SeriesState.LEARNING,
)


@dataclass(frozen=True)
class RecordColumns:
    """What changes of S records, and what that depends on."""

    ids: IntArray  # [S]
    first_seen: IntArray  # [S] unix seconds
    last_seen: IntArray  # [S] unix seconds

    @classmethod
    def of(cls, records: Sequence[SeriesRecord]) -> "RecordColumns":
        size = len(records)
        return cls(
            np.fromiter((record.id for record in records), np.int64, size),
            np.fromiter((record.first_seen for record in records), np.int64, size),
            np.fromiter((record.last_seen for record in records), np.int64, size),
        )


def states_of(conditions: Sequence[BoolArray]) -> list[SeriesState]:
    """[S] the first of the states whose condition [S] holds; one condition for each of
    CONDITIONAL_STATES."""
    states = (*CONDITIONAL_STATES, SeriesState.OK)
    numbers = np.select(list(conditions), range(len(conditions)), len(conditions))
    return [states[number] for number in numbers.tolist()]


def with_changes(
    records: Sequence[SeriesRecord], states: Sequence[SeriesState], last_seen: IntArray
) -> Iterator[SeriesRecord]:
    """The records with their new state and the time of their latest sample."""
    for record, state, latest in zip(records, states, last_seen.tolist(), strict=True):
        if record.last_seen == latest and record.state is state:
            yield record
        else:
            yield SeriesRecord(
                record.id, record.watch, record.labels, state, record.first_seen, latest
            )
