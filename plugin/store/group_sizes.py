"""How many series each incident of a group could contain: its size is compared with that."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from plugin.config.groups import Group
from plugin.series import Labels, SeriesState
from plugin.store.database import rows_of
from plugin.store.schema import series, status

LabelsOf = Callable[[Sequence[int]], Mapping[int, Labels]]  # ids of series -> their labels
IS_GONE = status.c.state == SeriesState.GONE.value


class GroupSeries(NamedTuple):
    """The series of a group that are not gone."""

    sizes: Mapping[Labels, int]  # how many series share these values of the group's labels
    labels: Mapping[int, Labels]  # these values by series id


class GroupSizes:
    """Counts the series of a group again when some have come or gone: ten thousand take 20 ms."""

    def __init__(self) -> None:
        self._cache: dict[Group, tuple[tuple[int, ...], GroupSeries]] = {}

    def of(self, connection: Connection, group: Group, labels_of: LabelsOf) -> GroupSeries:
        (state,) = rows_of(
            connection,
            select(func.count(), func.max(status.c.series_id), func.count().filter(IS_GONE)),
        )
        if group not in self._cache or self._cache[group][0] != state:
            self._cache[group] = state, _count(connection, group, labels_of)
        return self._cache[group][1]


def _count(connection: Connection, group: Group, labels_of: LabelsOf) -> GroupSeries:
    rows = rows_of(
        connection,
        select(series.c.id)
        .join(status, status.c.series_id == series.c.id)
        .where(series.c.watch.in_(group.watches), ~IS_GONE),
    )
    all_labels = labels_of([series_id for (series_id,) in rows])
    group_labels = {series_id: group.labels(labels) for series_id, labels in all_labels.items()}
    # Equal labels become one object, because each object computes its fingerprint once.
    unique = {labels: labels for labels in group_labels.values()}
    shared = {series_id: unique[labels] for series_id, labels in group_labels.items()}
    return GroupSeries(Counter(shared.values()), shared)
