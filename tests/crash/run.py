"""Lets a service live and kills it, and looks at what it has left."""

import importlib
import os
import random
import sys
import threading
import time
from collections import Counter
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType

from detectors.registry import detector_named
from tests.crash.evidence import Evidence, evidence
from tests.crash.faults import DAMAGES, FAULTS, put_aside_database
from tests.crash.plan import BEGIN, source
from tests.crash.service import DIED, live
from tests.crash.workers import FORK, PHASES

WORDS = 24  # of a service, of which at most so many are heard: six minutes of it
PAUSE_SECONDS = 0.3  # after the last of them, at most
SILENCE_SECONDS = 300  # that no word may take
TROUBLES = (  # a fault of the disk; a phase of a fit; a damage between two lives
    *((fault, "", "") for fault in FAULTS),
    *(("no fault", phase, "") for phase in PHASES),
    *(("no fault", "", damage) for damage in DAMAGES),
)


class Run:
    """Any number of kills of one service, whose store lives on."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._dice = random.Random(seed)
        self._evidence = Evidence()
        self._source, self._url = _begin_source()
        for name in ("lstm", "baseline"):  # what all lives need is imported
            detector_named(name, {})
        importlib.import_module("detectors.lstm_training")  # by a fit only
        self._now = BEGIN
        self._acknowledged = 0
        self.kills = 0
        self.trouble = ""
        self.troubles = Counter[str]()  # in which it was killed
        self.met = Counter[str]()  # that it has lived through, and gone on
        self.hit = Counter[str]()  # its last word before a kill
        self.told = Counter[str]()  # what it has told of a fault

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._source.kill()
        self._source.join()

    @property
    def rows(self) -> int:
        return self._evidence.rows

    def kill_once(self) -> None:
        """Raises AssertionError where something is lost, doubled or wrong."""
        fault, phase, damage = TROUBLES[self.kills % len(TROUBLES)]
        self.trouble = damage or (f"fit: {phase}" if phase else fault)
        self.kills += 1
        if damage and self._folder.exists():
            DAMAGES[damage](self._folder, self._dice.randrange(100))
        said = self._life(fault, phase)
        self._hear(said)
        put_aside_database(self._folder)
        if (self._folder / "bandwatch.db").exists():
            self._evidence = evidence(self._folder, self._evidence, self._acknowledged)

    def _life(self, fault: str, phase: str) -> list[tuple[str, int]]:
        """What a service says until it is killed."""
        ours, theirs = FORK.Pipe(duplex=False)
        arguments = ((self._folder, self._url), self._now, self._dice.randrange(2**32))
        service = FORK.Process(target=live, args=(*arguments, (fault, phase), theirs))
        service.start()
        theirs.close()
        said = list[tuple[str, int]]()
        with ours:
            try:
                for _ in range(self._dice.randrange(WORDS)):
                    assert ours.poll(SILENCE_SECONDS), f"it is silent after {said[-1:]}"
                    said.append(ours.recv())
                time.sleep(self._dice.uniform(0.0, PAUSE_SECONDS))
            except EOFError:  # it has ended by itself, and said why
                pass
            finally:
                service.kill()
                service.join()
            return said + _all_of(ours)

    def _hear(self, said: list[tuple[str, int]]) -> None:
        words = [word for word, _ in said]
        for word in words:
            assert not word.startswith(DIED), word
        last = words[-1] if words else "start"
        self.hit[last.split(":")[0]] += 1
        self.troubles[self.trouble] += 1
        ends = [number for number, word in enumerate(words) if word.startswith("end of ")]
        self.met[self.trouble] += bool(ends) and "scored" in words[ends[0] :]
        self.told.update(word for word in words if word.startswith("told: "))
        self._acknowledged = max([self._acknowledged, *_times(said, "scored")])
        self._now = max([self._now, *_times(said, "time")])


def table(run: Run) -> str:
    """Markdown: each trouble, in how many lives it was there, and how often work went on after
    it."""
    lines = ["| trouble | killed in | went on after |", "|---|---:|---:|"]
    lines += [f"| {name} | {count} | {run.met[name]} |" for name, count in run.troubles.items()]
    words = ", ".join(f"{word} {count}" for word, count in run.hit.most_common())
    return "\n".join([*lines, f"last words: {words}", f"{run.kills} kills, {run.rows:,} rows"])


def _begin_source() -> tuple[BaseProcess, str]:
    """The process of the source, and its address."""
    ours, theirs = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_serve_source, args=(theirs,), daemon=True)
    process.start()
    return process, str(ours.recv())


def _serve_source(pipe: Connection) -> None:
    sys.stderr = Path(os.devnull).open("w")  # it would tell each connection that a kill cuts
    pipe.send(source().serve().url)
    threading.Event().wait()


def _times(said: list[tuple[str, int]], what: str) -> list[int]:
    return [time for word, time in said if word == what]


def _all_of(pipe: Connection) -> list[tuple[str, int]]:
    said = []
    try:
        while pipe.poll():
            said.append(pipe.recv())
    except (EOFError, OSError):  # the end, or a word that was cut by the kill
        pass
    return said
