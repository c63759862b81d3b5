"""The service that is killed: its jobs, as fast as they can, on a clock that jumps, in trouble."""

import logging
import os
import random
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from plugin.board import WatchHealth
from plugin.clock import SteadyClock
from plugin.components import Components
from plugin.errors import StoreError
from tests.crash.faults import FAULTS
from tests.crash.plan import NAME, STEP, settings
from tests.crash.workers import SERVICE_PHASES, MortalWorkers, dying
from tests.e2e.world import Clock, parts

CLOCK_ERRORS = (0, 0, -600, 600, -3600, 86_400)  # seconds that the machine's clock is wrong
FOLD_AFTER = 600  # seconds
DIED = "died by itself"  # the word of a service that should not have


class Log(logging.Handler):
    """Counts the errors that are told."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.errors += 1


class MortalService:
    """One life of a service. It says what is done and on disk, and what goes wrong."""

    def __init__(self, folder: Path, url: str, now: int, seed: int, pipe: Connection) -> None:
        self._workers = MortalWorkers()
        self._phase = ""  # of a fit, in which the service dies
        self._settings = settings(folder, url)
        self._pipe = pipe
        self._dice = random.Random(seed)
        self._begin = now
        self._true_clock = Clock(now)
        self._clock_error = self._dice.choice(CLOCK_ERRORS)
        self._log = Log()
        logging.getLogger().handlers[:] = [self._log]

    def live(self, fault: str, phase: str) -> None:
        """Works until it is killed. fault: what goes wrong every other minute. phase: of a fit, in
        which it dies, or its workers do, every other minute."""
        clock = SteadyClock(
            lambda: self._true_clock() + self._clock_error, lambda: self._true_clock() - self._begin
        )
        with parts(self._settings, clock) as made:
            jobs = made.watches[NAME]
            jobs.reader.server_time = self._true_clock  # type: ignore[method-assign]
            jobs.fit._workers = self._workers  # type: ignore[assignment]
            self._minute(made)
            while True:
                self._workers.phase = phase
                self._phase = phase if phase in SERVICE_PHASES else ""
                self._troubled_minute(made, fault)
                self._workers.phase = ""
                self._minute(made)

    def _minute(self, made: Components) -> None:
        self._pass_time()
        assert made.watches[NAME].score.run(), made.board.snapshots()[NAME].reason
        assert made.board.snapshots()[NAME].time == self._true_clock()
        self._say("scored", int(self._true_clock()))
        self._say("fitted", made.watches[NAME].fit.run())
        self._fold_of(made)()
        self._say("folded", int(self._true_clock()))

    def _troubled_minute(self, made: Components, fault: str) -> None:
        """Whatever becomes of it: what fails says so, and nothing raises anything unexpected."""
        self._pass_time()
        self._say(f"begin of {fault}", 0)
        with FAULTS[fault](made):
            if made.watches[NAME].score.run():
                self._say("scored", int(self._true_clock()))
            else:
                self._check_told(made)
            with suppress(StoreError), dying(self._phase):  # the scheduler counts it, and goes on
                made.watches[NAME].fit.run()
            with suppress(StoreError):
                self._fold_of(made)()
        self._say(f"end of {fault}", 0)

    def _fold_of(self, made: Components) -> Callable[[], object]:
        return lambda: made.store.fold(int(self._true_clock()), keep=FOLD_AFTER)

    def _check_told(self, made: Components) -> None:
        """A state, a metric and a line in the log."""
        shown = made.board.snapshots()[NAME]
        assert shown.outlook is WatchHealth.FAILING
        assert shown.reason
        [failures] = made.metrics.score_failures.collect()
        counts = [one for one in failures.samples if one.name.endswith("_total")]
        reasons = {one.labels["reason"]: one.value for one in counts}
        assert sum(reasons.values()) and self._log.errors
        assert not reasons.get("error"), f"not expected: {shown.reason}"
        self._say(f"told: {shown.reason}", 0)

    def _pass_time(self) -> None:
        self._true_clock.now += STEP
        self._clock_error = self._dice.choice(CLOCK_ERRORS)
        self._say("time", int(self._true_clock()))

    def _say(self, what: str, value: int) -> None:
        self._pipe.send((what, value))


def live(  # the arguments of a process
    place: tuple[Path, str], now: int, seed: int, trouble: tuple[str, str], pipe: Connection
) -> None:
    """One life, in a process of its own. place: the folder of the store and the address of the
    source."""
    try:
        MortalService(*place, now, seed, pipe).live(*trouble)
    except BaseException:
        pipe.send((f"{DIED}: {traceback.format_exc()}", 0))
        os._exit(1)  # its workers end with it
