"""When things run. The only file that knows APScheduler.

The scheduler's defaults lose work silently (a run that is late by a second is dropped): here late
runs are run, runs that pile up are joined into one, no job overlaps itself, and every missed or
failed run is counted.

Its times are those of a clock that may jump: it sleeps until the next run, and after a jump back it
would sleep for the length of the jump. Here it wakes every second, and a jump makes every job due.
"""

import logging
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from plugin.clock import pause
from plugin.metrics import Metrics
from plugin.systemd import notify_alive

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 5
STOP_SECONDS = 5.0  # for which a stop waits for the jobs that run
JOIN_SECONDS = 0.1  # of one wait for a thread: waits are counted, for any clock may jump meanwhile
WAKE_SECONDS = 1.0
PAUSE_SECONDS = 0.1
JUMP_SECONDS = 5.0  # between two looks at the clock; also of a process that was suspended


class ClockZone(tzinfo):
    """APScheduler asks its time zone what time it is: this one answers by a clock of ours, in
    UTC."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def fromutc(self, _: datetime) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, _: datetime | None) -> str:
        return "UTC"


class WakefulScheduler(BackgroundScheduler):  # type: ignore[misc]
    """Looks at the clock every second, however far the next run seems to be."""

    def __init__(self, clock: Callable[[], float], **options: object) -> None:
        self._clock = clock
        super().__init__(timezone=ClockZone(clock), **options)

    def _main_loop(self) -> None:
        last_time = self._clock()
        wait_seconds = WAKE_SECONDS
        while self.running:
            self._wait(wait_seconds)
            self._event.clear()
            now = self._clock()
            if not 0 <= now - last_time <= JUMP_SECONDS:
                self._make_all_due(now)
            last_time = now
            self._process_jobs()
            wait_seconds = self._seconds_to_next_run()

    def _seconds_to_next_run(self) -> float:
        """At most WAKE_SECONDS. What `_process_jobs` returns is of no use: it converts the next
        time to the zone of the scheduler, and that one always answers with the time of now."""
        with self._jobstores_lock:
            next_times = [store.get_next_run_time() for store in self._jobstores.values()]
        now = self._clock()
        waits = [WAKE_SECONDS]
        waits += [next_time.timestamp() - now for next_time in next_times if next_time is not None]
        return max(0.0, min(waits))

    def _wait(self, seconds: float) -> None:
        """Until then, or until a job was added or the scheduler stopped."""
        for _ in range(ceil(seconds / PAUSE_SECONDS)):
            if self._event.is_set():
                return
            pause(min(seconds, PAUSE_SECONDS))

    def _make_all_due(self, now: float) -> None:
        due_time = datetime.fromtimestamp(now, UTC)
        for job in self.get_jobs():
            with suppress(JobLookupError):  # a reload has dropped it meanwhile
                job.modify(next_run_time=due_time)


class AlignedTrigger(BaseTrigger):  # type: ignore[misc]
    """Just after each multiple of some seconds of unix time: the sample of a step has just come
    in."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        last = (previous_fire_time or now).timestamp()
        return datetime.fromtimestamp((last // self._seconds + 1) * self._seconds, UTC)


class Scheduler:
    """Runs named callables at intervals.

    Long runs have a pool of their own, so that they never delay short ones. The heartbeat has one,
    too: it says that the scheduler works, also while all threads wait for a Prometheus that hangs.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
        threads: int = 16,
        long_threads: int = 4,
    ) -> None:
        self._metrics = metrics
        self._clock = clock
        self.last_beat = clock()  # unix seconds at which the scheduler was last seen at work
        self._pools = {
            "default": ThreadPoolExecutor(threads),
            "long": ThreadPoolExecutor(long_threads),
            "heartbeat": ThreadPoolExecutor(1),
        }
        self._long: set[str] = set()
        self._lanes: dict[str, tuple[str, Callable[[], object]]] = {}  # by job
        self._hurried: set[str] = set()  # jobs that `hurry` has queued
        self._scheduler = WakefulScheduler(
            clock,
            executors=self._pools,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._missed, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        self._scheduler.add_listener(self._failed, EVENT_JOB_ERROR)
        self._add(
            "heartbeat",
            IntervalTrigger(seconds=HEARTBEAT_SECONDS, timezone=UTC),
            self._beat,
            "heartbeat",
        )

    def start(self) -> None:
        self._scheduler.start()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Starts nothing more, and waits for the jobs that run.

        False when one still runs after so many seconds.
        """
        if not self._scheduler.running:
            return True
        self._scheduler.shutdown(wait=False)
        threads = [thread for pool in self._pools.values() for thread in pool._pool._threads]
        waits = round(seconds / JOIN_SECONDS)
        while waits and (busy := next((each for each in threads if each.is_alive()), None)):
            busy.join(JOIN_SECONDS)
            waits -= 1
        return not any(thread.is_alive() for thread in threads)

    def every(
        self,
        name: str,
        seconds: float,
        run: Callable[[], object],
        *,
        aligned: bool = False,
        long: bool = False,
        lane: str = "",
    ) -> None:
        """Runs `run` now and every `seconds`, `aligned` to multiples of them. A job of the same
        name is replaced.

        A `long` run may last longer than `seconds`: the next one follows it, and does not count as
        missed. The runs of a `lane` are long and run one at a time, in a thread of their own.
        """
        trigger = (
            AlignedTrigger(seconds) if aligned else IntervalTrigger(seconds=seconds, timezone=UTC)
        )
        if long or lane:
            self._long.add(name)
        if lane and lane not in self._pools:
            self._pools[lane] = ThreadPoolExecutor(1)
            self._scheduler.add_executor(self._pools[lane], lane)
        if lane:
            self._lanes[name] = lane, run
        self._add(name, trigger, run, lane or ("long" if long else "default"))

    def hurry(self, name: str) -> None:
        """Runs a job of a lane now as well, after what its lane does. Asked again before it begins,
        it runs once. Unknown: nothing."""
        lane, run = self._lanes.get(name, ("", None))
        if run is not None and name not in self._hurried:
            self._hurried.add(name)
            with suppress(RuntimeError):  # it is stopping
                self._pools[lane]._pool.submit(self._run_hurried, name, run)

    def _run_hurried(self, name: str, run: Callable[[], object]) -> None:
        self._hurried.discard(name)  # before it begins: what comes from now on needs another run
        try:
            run()
        except Exception as error:
            self._tell_failure(name, error, traceback.format_exc())

    def _add(self, name: str, trigger: BaseTrigger, run: Callable[[], object], pool: str) -> None:
        self._scheduler.add_job(
            run,
            trigger,
            id=name,
            name=name,
            replace_existing=True,
            executor=pool,
            next_run_time=datetime.fromtimestamp(self._clock(), UTC),
        )

    def drop(self, names: Iterable[str]) -> None:
        """Removes jobs; a run in progress goes on to its end."""
        for name in names:
            if self._scheduler.get_job(name) is not None:
                self._scheduler.remove_job(name)

    def names(self) -> set[str]:
        return {job.id for job in self._scheduler.get_jobs()}

    def _beat(self) -> None:
        self.last_beat = self._clock()
        self._metrics.heartbeat.set(self.last_beat)
        notify_alive()

    def _missed(self, event: JobEvent) -> None:
        if event.job_id in self._long:
            return
        self._metrics.jobs_missed.labels(event.job_id).inc()
        log.info("run left out: the one before still runs", extra={"job": event.job_id})

    def _failed(self, event: JobEvent) -> None:
        self._tell_failure(event.job_id, event.exception, str(event.traceback))

    def _tell_failure(self, name: str, error: BaseException, trace: str) -> None:
        self._metrics.job_errors.labels(name).inc()
        log.error("job failed", extra={"job": name, "err": repr(error), "trace": trace})
