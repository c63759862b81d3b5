"""What the fit jobs ask of whatever runs their fits."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from detectors.api import TrainingTooSlow
from plugin.errors import FitFailed, Stopped, StoreError
from plugin.jobs.fit_task import FitOutcome, FitTask

IDLE_SECONDS = 180.0  # after which a process ends: with torch it holds half a gigabyte
BuildTask = Callable[[], FitTask]  # makes a task when its turn has come: its arrays are large


class Executor(Protocol):
    """Runs fits, any number of which may wait. All methods may be called from any thread."""

    @property
    def spread(self) -> float:
        """Refits come so much earlier or later, as a share of `fit_every`, so that they take
        turns."""

    @property
    def size(self) -> int:
        """How many fits run at once."""

    def stack_size(self, series: int, stack: int) -> int:
        """How many of so many series are fitted side by side. stack: as it is configured."""

    def warm_up(self) -> None:
        """Starts now what the first fit would have to wait for."""

    def submit(self, build: BuildTask, *, urgent: bool = False) -> "Future[FitOutcome]":
        """The future of one fit; `result_of` turns its failure into a FitFailed.

        urgent: it runs before all that are not. What `build` raises is what the fit raises. Raises
        Stopped after `close`.
        """

    def result_of(self, future: "Future[FitOutcome]") -> FitOutcome:
        """Waits for a fit. Raises FitFailed with the reason that the metric counts, and Stopped."""

    def end_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """Ends what has had nothing to do for so long; the next fit starts it anew."""

    def pids(self) -> list[int]:
        """The ids of our processes on this machine."""

    def close(self) -> None:
        """Ends all fits: those that run or wait raise Stopped."""


def outcome_of(future: "Future[FitOutcome]") -> FitOutcome:
    """See `Executor.result_of`."""
    try:
        return future.result()
    except (Stopped, FitFailed):
        raise
    except StoreError as error:
        raise FitFailed("store", str(error)) from error
    except TrainingTooSlow as error:
        raise FitFailed("too_slow", str(error)) from error
    except Exception as error:  # whatever a detector raises is counted and shown
        raise FitFailed("error", f"{type(error).__name__}: {error}") from error
