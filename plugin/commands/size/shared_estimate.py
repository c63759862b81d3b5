"""The same load on several workers over one PostgreSQL, an object store and a Ray cluster: what
each of them has to do, and what breaks first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from plugin.commands.size.estimate import MAX_SERIES, ROOM_SHARE, Estimate
from plugin.commands.size.unit_costs import SHIPPED_SHARED, SharedCosts
from plugin.domain.times import DAY, HOUR


class Limit(NamedTuple):
    """Something that is used up by more series."""

    name: str
    used: float  # of what there is of it; 1 = all
    remedy: str


@dataclass(frozen=True)
class SharedEstimate:
    """What a load costs where workers share it, each an equal part."""

    alone: Estimate  # all of it in one process
    workers: int
    costs: SharedCosts = SHIPPED_SHARED

    @cached_property
    def worker(self) -> Estimate:
        """What one of them does."""
        load = self.alone.load
        return replace(self.alone, load=replace(load, series=-(-load.series // self.workers)))

    @property
    def watches(self) -> int:
        """That there are at least."""
        return -(-self.alone.load.series // MAX_SERIES)

    @property
    def rows_per_second(self) -> float:
        return self.alone.load.series / self.alone.load.step

    @property
    def log_bytes_per_second(self) -> float:
        """That the database writes to its log, and sends to a standby."""
        costs = self.costs
        return self.rows_per_second * (costs.row_bytes + costs.board_bytes + costs.fold_bytes)

    @property
    def write_share(self) -> float:
        """Of the time in which somebody writes to the database; writers take turns."""
        costs = self.costs
        each = costs.row_seconds + costs.board_seconds + costs.fold_seconds
        return self.rows_per_second * each

    @property
    def stacks_per_day(self) -> float:
        """Of series that are fitted again; each is one object with their weights."""
        series = self.alone.load.series / self.alone.workers.stack
        return series * DAY / self.alone.watch.fit_every

    @property
    def fit_hours_per_day(self) -> float:
        """Of a core."""
        return self.alone.refit_seconds / HOUR * DAY / self.alone.watch.fit_every

    @property
    def first_fit_hours(self) -> float:
        """Of a core, once."""
        return self.alone.load.series * self.alone.costs.fit_seconds / HOUR

    @property
    def limits(self) -> list[Limit]:
        """What is used most comes first."""
        step = self.alone.load.step
        found = [
            Limit(
                "writes of the database, which take turns",
                self.write_share / ROOM_SHARE,
                "use a larger `step`, or a second Bandwatch with a database of its own",
            ),
            Limit(
                "ticks of a worker",
                self.worker.tick_seconds / (ROOM_SHARE * step),
                "start more workers",
            ),
        ]
        return sorted(found, key=lambda limit: -limit.used)

    def shortfalls(self) -> Iterator[str]:
        """What will not keep up, and what to do."""
        for limit in self.limits:
            if limit.used > 1:
                yield f"{limit.name}: {limit.used:.0%} of what leaves room: {limit.remedy}"
        if self.workers > self.watches and self.alone.load.series > MAX_SERIES:
            yield (
                f"a watch has one worker: divide it into {self.workers} `shards` or more, else"
                " some workers have none"
            )
