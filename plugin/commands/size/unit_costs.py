"""What one series, one sample and one model cost on a machine. The shipped figures were measured:
docs/sizing.md has them, and the commands that print them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class UnitCosts:
    """Processor seconds are those of one core."""

    machine: str  # where they were measured, in words
    tick_seconds: float  # of a tick, whatever its size
    series_seconds: float  # of one more series in it
    fit_seconds: float  # of a first model of one series
    refit_seconds: float  # of one that starts from the model before
    history_seconds: float  # to read one sample of the past, and to store it
    model_bytes: float  # of one series: the arrays of a weights file
    scoring_bytes: float  # of these, what is held in memory to score

    def seconds_per_tick(self, series: int) -> float:
        """Of a core, for a watch of so many series."""
        return self.tick_seconds + series * self.series_seconds


@dataclass(frozen=True)
class SharedCosts:
    """What one series costs a PostgreSQL that workers share, each time: seconds in which nobody
    else writes, and bytes of the server's log."""

    row_seconds: float  # to write its sample with the band
    row_bytes: float
    board_seconds: float  # to publish it
    board_bytes: float
    fold_seconds: float  # to move a sample into its block
    fold_bytes: float


# Printed by `make bench ARGS=shared`.
SHIPPED_SHARED = SharedCosts(
    row_seconds=5.9e-6,
    row_bytes=275,
    board_seconds=0.5e-6,
    board_bytes=42,
    fold_seconds=24e-6,
    fold_bytes=78,
)

# The same for every detector, from the memory of services and the files of their stores.
SERVICE_BYTES = 180 * MEGABYTE  # without any series, and what a tick works with
SERIES_BYTES = 8_300  # of labels, records, states and answers, beside its model
FORECAST_BYTES = 24  # of one step ahead: the forecast, and the next one while it is made
WORKER_BYTES = 700 * MEGABYTE  # while it fits networks
BASELINE_WORKER_BYTES = 150 * MEGABYTE
BLOCK_BYTES = 8.6  # of a stored sample with its band and score
HEAD_BYTES = 64  # of one that is not yet in a block
ANSWER_BYTES = 250  # of one series in an answer of Prometheus
FOLD_SECONDS = 5e-6  # to move a sample into its block

SHIPPED: Mapping[str, UnitCosts] = MappingProxyType(
    {
        "auto": UnitCosts(
            machine="a busy virtual machine with two cores",
            tick_seconds=0.04,
            series_seconds=60e-6,
            fit_seconds=0.6,
            refit_seconds=0.2,
            history_seconds=1.5e-6,
            model_bytes=21_200,
            scoring_bytes=10_500,
        ),
        "baseline": UnitCosts(
            machine="a busy virtual machine with two cores",
            tick_seconds=0.04,
            series_seconds=60e-6,
            fit_seconds=0.18,
            refit_seconds=0.06,
            history_seconds=1.5e-6,
            model_bytes=5_100,
            scoring_bytes=4_900,
        ),
    }
)
