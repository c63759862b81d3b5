"""Which series the incidents of a group might come to have, and how many: what its coverage is held
against."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, func, select

from plugin.config.groups import Group
from plugin.series import Labels, SeriesState
from plugin.store.database import rows_of
from plugin.store.schema import series, status

LabelsOf = Callable[[Sequence[int]], Mapping[int, Labels]]  # ids of series -> their labels
Counts = Mapping[Labels, int]  # by the values of the group's labels
Homes = Mapping[int, Labels]  # these values by series id
GONE = status.c.state == SeriesState.GONE.value


class GroupSizes:
    """Series that are not gone, counted anew when some have come or gone: ten thousand take 20
    ms."""

    def __init__(self) -> None:
        self._counted: dict[Group, tuple[tuple[int, ...], Counts, Homes]] = {}

    def of(self, connection: Connection, group: Group, labels_of: LabelsOf) -> tuple[Counts, Homes]:
        (state,) = rows_of(
            connection,
            select(func.count(), func.max(status.c.series_id), func.count().filter(GONE)),
        )
        if group not in self._counted or self._counted[group][0] != state:
            found = rows_of(
                connection,
                select(series.c.id)
                .join(status, status.c.series_id == series.c.id)
                .where(series.c.watch.in_(group.watches), ~GONE),
            )
            own = {
                id: group.labels(labels)
                for id, labels in labels_of([id for (id,) in found]).items()
            }
            alike = {
                labels: labels for labels in own.values()
            }  # equal ones are one object: its fingerprint is kept
            homes = {id: alike[labels] for id, labels in own.items()}
            self._counted[group] = state, Counter(homes.values()), homes
        return self._counted[group][1:]
