"""What time it is. A jump of the machine's clock does not move the time of the service by itself.

A clock is set by a person, by NTP, or because a virtual machine was suspended. Until someone has
said what is right, time goes on at the pace of the monotonic clock. Prometheus says it: its clock
stamps the samples.
"""

import logging
import select
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

STEP_SECONDS = 2.0  # NTP slews a clock by less than a millisecond per second
MAX_SKEW_SECONDS = 60.0  # between this machine and Prometheus while both are called right


def pause(seconds: float) -> None:
    """Sleeps, whatever any clock does meanwhile: `time.sleep` and timed waits end at an instant of
    the monotonic clock, and that may jump, too, where a machine is simulated."""
    select.select((), (), (), seconds)


class SteadyClock:
    """Unix seconds; safe in any number of threads."""

    def __init__(
        self,
        machine: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """machine, monotonic: the two clocks of this machine, in seconds."""
        self._machine = machine
        self._monotonic = monotonic
        # Told each jump of the machine's clock in seconds, negative = back.
        self.on_step: Callable[[float], None] = lambda seconds: None
        self._lock = threading.Lock()
        self._lead = machine() - monotonic()  # of the machine's clock over the monotonic one
        self._correction = 0.0
        self._doubtful = False

    def __call__(self) -> float:
        with self._lock:
            return self._machine_time() + self._correction

    @property
    def correction(self) -> float:
        """Seconds that are added to the machine's clock; 0 = it is right."""
        self()
        return self._correction

    @property
    def doubtful(self) -> bool:
        """Whether the machine's clock has jumped, and Prometheus has not said yet who is right."""
        self()
        return self._doubtful

    def compare(self, server_time: float) -> None:
        """Ends the doubt. server_time: what Prometheus says now. The machine's clock is right when
        it is close to that; else time is what Prometheus says."""
        with self._lock:
            behind = server_time - self._machine_time()
            correction = behind if abs(behind) > MAX_SKEW_SECONDS else 0.0
            moved = correction - self._correction
            self._correction = correction
            self._doubtful = False
        if abs(moved) >= STEP_SECONDS:
            right = "Prometheus" if correction else "this machine"
            log.warning(
                "time goes by another clock now",
                extra={"clock": right, "moved_seconds": moved, "correction_seconds": correction},
            )

    def trust_machine(self) -> None:
        """Ends the doubt where Prometheus does not say what time it is."""
        self.compare(self._machine())

    def _machine_time(self) -> float:
        """What the machine says; a jump since the last time is taken back. Under the lock."""
        machine_time = self._machine()
        lead = machine_time - self._monotonic()
        step = lead - self._lead
        self._lead = lead
        if abs(step) >= STEP_SECONDS:
            self._correction -= step
            self._doubtful = True
            self.on_step(step)
            log.warning(
                f"the clock of this machine was set {'back' if step < 0 else 'forward'}",
                extra={"seconds": step},
            )
        return machine_time
