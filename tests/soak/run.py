"""Drives the whole service through simulated days: its own jobs, store, workers and web server, a
clock that is set and a source that computes its samples."""

import io
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TextIO
from unittest.mock import patch

from plugin import app, logs
from plugin.config import Config
from plugin.domain.times import DAY, HOUR
from tests.soak.measures import Day, descriptor_count, folder_bytes, own_bytes, thread_count
from tests.soak.plan import BEGIN, LATENCY, PODS, SoakPlan
from tests.soak.simulated_time import SimulatedClock, SimulatedScheduler
from tests.soak.visitor import Visitor

RELOAD_AT = 6 * HOUR  # of each day
ANSWER_AT = 18 * HOUR  # of each day


class LogVolume(io.StringIO):
    """Counts what is logged, and passes it on."""

    def __init__(self, target: TextIO | None) -> None:
        super().__init__()
        self.bytes = 0
        self._target = target

    def write(self, text: str) -> int:
        self.bytes += len(text.encode())
        if self._target is not None:
            self._target.write(text)
        return len(text)


class Soak:
    """A service, and those who ask it. `failed` counts jobs and requests that ended with an
    error."""

    def __init__(self, plan: SoakPlan, folder: Path, url: str, log: LogVolume) -> None:
        self._plan = plan
        self._folder = folder
        self._url = url
        self._log = log
        self._clock = SimulatedClock(BEGIN)
        self._scheduler = SimulatedScheduler(self._clock)
        self._reads = 0
        with patch.object(app, "Scheduler", lambda *_, **__: self._scheduler):
            self._service = app.Service(self._config(), load=self._config, clock=self._clock)
        self.failed = 0

    def days(self) -> Iterator[Day]:
        """Simulates day after day; each is measured at its end."""
        self._service.start()
        visitor = Visitor(self._service.url)
        try:
            for number in range(1, self._plan.days + 1):
                yield self._day(number, visitor)
                self.failed = self._scheduler.failures + visitor.refused
        finally:
            visitor.close()
            self._service.stop()

    def _config(self) -> Config:
        """Another one each time, so that a reload builds every job anew."""
        self._reads += 1
        min_deviation = 0.1 * (1 + self._reads % 2)
        return self._plan.config(self._url, str(self._folder), min_deviation=min_deviation)

    def _day(self, number: int, visitor: Visitor) -> Day:
        start = time.monotonic()
        logged = self._log.bytes
        scored = self._scored()
        self._simulate(BEGIN + (number - 1) * DAY, visitor)
        pids = self._service._parts.workers.pids()
        return Day(
            number=number,
            memory=own_bytes(os.getpid()),
            worker_memory=sum(own_bytes(pid) for pid in pids),
            descriptors=descriptor_count(),
            threads=thread_count(),
            disk=folder_bytes(self._folder),
            log=self._log.bytes - logged,
            rows=self._scored() - scored,
            seconds=time.monotonic() - start,
        )

    def _simulate(self, first: int, visitor: Visitor) -> None:
        for second in range(0, DAY, self._plan.step):
            now = first + second + 1
            self._clock.now = now
            self._scheduler.run_due()
            visitor.look(now, (LATENCY, PODS))
            if second == RELOAD_AT:
                self._service.reload()
            if second == ANSWER_AT:
                visitor.answer(now)

    def _scored(self) -> int:
        counter = self._service._parts.metrics.samples_scored
        return int(sum(counter.labels(watch)._value.get() for watch in (LATENCY, PODS)))


@contextmanager
def soak(plan: SoakPlan, folder: Path, log: TextIO | None = None) -> Iterator[Soak]:
    """A soak over a source that runs in a process of its own. log: where the log goes, too."""
    command = [sys.executable, "-m", "tests.soak.source", json.dumps(asdict(plan))]
    with (
        _counted_log(log) as volume,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as source,
    ):
        assert source.stdin is not None and source.stdout is not None
        try:
            yield Soak(plan, folder, source.stdout.readline().decode().strip(), volume)
        finally:
            source.stdin.close()  # it ends with its input


@contextmanager
def _counted_log(target: TextIO | None) -> Iterator[LogVolume]:
    root = logging.getLogger()
    handlers = list(root.handlers)
    level = root.level
    volume = LogVolume(target)
    logs.setup(stream=volume)
    try:
        yield volume
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
