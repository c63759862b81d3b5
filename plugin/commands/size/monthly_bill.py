"""What an estimate costs a month, at prices that are given."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from plugin.commands.size.estimate import Estimate
from plugin.commands.size.shared_estimate import SharedEstimate
from plugin.commands.size.unit_costs import FORECAST_BYTES, SERIES_BYTES, SERVICE_BYTES

HOURS = 730  # of a month
DAYS = HOURS / 24
GIB = 1 << 30
# Assumptions, as nobody has measured them: they are named in docs/scaling.md.
DATABASE_CORES = 4
DATABASE_GIB = 16
REPLICAS = 2


class Prices(NamedTuple):
    """In any one currency; None = not given, and then not counted."""

    core_hour: float | None
    gib_hour: float | None  # of memory
    gib_month: float | None  # of disk, and of an object store


@dataclass(frozen=True)
class MonthlyUse:
    """What is paid for in a month."""

    core_hours: float
    gib_hours: float
    disk_gib: float

    @classmethod
    def alone(cls, estimate: Estimate) -> "MonthlyUse":
        """Whole cores, as nobody lets a part of one."""
        memory = (estimate.service_bytes + estimate.worker_bytes) / GIB
        cores = math.ceil(estimate.busy_cores)
        return cls(cores * HOURS, memory * HOURS, estimate.disk_bytes / GIB)

    @classmethod
    def shared(cls, shared: SharedEstimate) -> "MonthlyUse":
        """One core for each worker and each replica; fits by the hour."""
        alone = shared.alone
        cores = shared.workers + REPLICAS + DATABASE_CORES
        series_bytes = SERIES_BYTES + FORECAST_BYTES * alone.watch.steps_ahead
        replica_gib = (SERVICE_BYTES + alone.load.series * series_bytes) / GIB
        worker_gib = shared.worker.service_bytes / GIB
        fit_hours = DAYS * shared.fit_hours_per_day
        memory = shared.workers * worker_gib + REPLICAS * replica_gib + DATABASE_GIB
        return cls(
            cores * HOURS + fit_hours,
            memory * HOURS + fit_hours * alone.worker_bytes / GIB,
            alone.disk_bytes / GIB,
        )

    def parts(self, prices: Prices) -> Iterator[tuple[str, float, str, float]]:
        """What has a price: its name, how much, its unit, and what that costs."""
        rows = (
            ("processor", self.core_hours, "core hours", prices.core_hour),
            ("memory", self.gib_hours, "GiB hours", prices.gib_hour),
            ("disk", self.disk_gib, "GiB", prices.gib_month),
        )
        for name, amount, unit, price in rows:
            if price is not None:
                yield name, amount, unit, amount * price

    def line(self, prices: Prices) -> str | None:
        """None = no price is given."""
        parts = list(self.parts(prices))
        if not parts:
            return None
        total = sum(cost for *_, cost in parts)
        listed = ", ".join(
            f"{name} {cost:,.0f} ({amount:,.0f} {unit})" for name, amount, unit, cost in parts
        )
        return f"{total:,.0f} in the currency of the prices: {listed}"

    def as_json(self, prices: Prices) -> dict[str, float]:
        """Empty = no price is given."""
        costs = {name: round(cost, 2) for name, _, _, cost in self.parts(prices)}
        return {**costs, "total": round(sum(costs.values()), 2)} if costs else {}
