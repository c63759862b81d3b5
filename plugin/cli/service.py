"""`bandwatch run`, `check`, `fit` and `score`: what a configuration file is needed for."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from plugin.cli import flags
from plugin.errors import BandwatchError, ConfigError

if TYPE_CHECKING:
    from plugin.components import Components
    from plugin.config import Config
    from plugin.web.rows import Row


def add_run(commands: flags.Commands) -> None:
    made = flags.command(
        commands, "run", "run the service: fit, score, and serve bands and scores", run
    )
    flags.config_file(made)
    made.add_argument(
        "--web.listen-address",
        dest="listen_address",
        metavar="HOST:PORT",
        help="where to listen; overrides `web.listen_address` (default: 127.0.0.1:8642)",
    )


def run(options: argparse.Namespace) -> int:
    """`bandwatch run`: until SIGTERM or SIGINT; SIGHUP reloads."""
    import logging

    from plugin import config
    from plugin.app import Service

    def load() -> config.Config:
        settings = config.load(Path(options.config_file))
        return (
            config.listening_on(settings, options.listen_address)
            if options.listen_address
            else settings
        )

    service = Service(load(), load=load)
    ended = threading.Event()

    def reload(*_: object) -> None:
        try:
            service.reload()
        except BandwatchError as error:
            logging.getLogger("plugin.app").error("reload refused", extra={"err": str(error)})

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=reload).start())
    try:
        service.start()
        ended.wait()
    finally:
        at_rest = service.stop()
    if not at_rest:  # the interpreter would wait for its threads
        sys.stderr.flush()
        os._exit(0)
    return 0


def add_check(commands: flags.Commands) -> None:
    made = flags.command(
        commands, "check", "validate a configuration file and try its queries on Prometheus", check
    )
    made.add_argument("file", metavar="FILE", nargs="?", help="the configuration file")
    made.add_argument(
        "--example", action="store_true", help="print a commented example file and exit"
    )
    made.add_argument("--syntax-only", action="store_true", help="do not ask Prometheus")


def check(options: argparse.Namespace) -> int:
    """`bandwatch check`: the file, then each query."""
    from plugin import config

    if options.example:
        print(config.example(), end="")
        return 0
    if not options.file:
        raise ConfigError("nothing to check: give a FILE, or --example for one to start from")
    settings = config.load(Path(options.file))
    count = len(settings.watches)
    print(f"{options.file}: valid, {count} {'watch' if count == 1 else 'watches'}")
    planned = _check_planned(settings)
    if options.syntax_only:
        return 0 if planned else 1
    from detectors.device import limit_threads
    from plugin.commands.check import check as check_queries
    from plugin.jobs.fit_task import seconds_per_series

    limit_threads(
        settings.workers.threads
    )  # as a worker does: else the timed fit is not like a real one
    return (
        0
        if check_queries(settings, out=sys.stdout, seconds_per_series=seconds_per_series)
        and planned
        else 1
    )


def _check_planned(settings: "Config") -> bool:
    if not settings.maintenance.calendars and not settings.maintenance.windows:
        return True
    from plugin.maintenance import dry_run

    return dry_run.check(settings, int(time.time()), sys.stdout)


def add_fit(commands: flags.Commands) -> None:
    made = flags.command(commands, "fit", "fit all series of the watches once, now, and exit", fit)
    flags.config_file(made)
    flags.watches(made)


def fit(options: argparse.Namespace) -> int:
    """`bandwatch fit`: everyone of the chosen watches, once."""
    from plugin.commands import terminal

    failed = False
    with _parts(options) as parts:
        for name, jobs in parts.watches.items():
            failed |= (
                not jobs.score.run()
            )  # the score job has the first word: it knows how far we are
            with terminal.bar(f"fit {name}") as bar:
                fitted = jobs.fit.run(everyone=True, progress=bar)
            print(f"{name}: {fitted} series fitted")
            failed |= fitted == 0 and not jobs.watch.paused
    return 1 if failed else 0


def add_score(commands: flags.Commands) -> None:
    made = flags.command(
        commands, "score", "score what is new once, print the latest scores, and exit", score
    )
    flags.config_file(made)
    flags.watches(made)


def score(options: argparse.Namespace) -> int:
    """`bandwatch score`: one catch-up of the chosen watches, and what came of it."""
    from plugin.commands import terminal
    from plugin.web.rows import score_rows

    failed = False
    with _parts(options) as parts:
        for jobs in parts.watches.values():
            failed |= not jobs.score.run()
        for snapshot in parts.board.snapshots().values():
            rows = sorted(score_rows(snapshot, now=snapshot.time), key=_anomaly, reverse=True)
            columns = ["series", "state", "value", "expected", "lower", "upper", "score"]
            when = datetime.fromtimestamp(snapshot.time, UTC).isoformat(sep=" ")
            terminal.table(
                f"{snapshot.watch} at {when}, highest scores first",
                columns,
                [[_cell(row.get(column)) for column in columns] for row in rows],
            )
    return 1 if failed else 0


def _anomaly(row: "Row") -> float:
    score = row["score"]
    return score if isinstance(score, float) else -1.0


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


@contextmanager
def _parts(options: argparse.Namespace) -> "Iterator[Components]":
    """The parts of the service without scheduler and web, for the watches that the flags choose."""
    from plugin import config
    from plugin.components import Components

    settings = config.load(Path(options.config_file))
    names = [watch.name for watch in settings.watches]
    for wanted in options.watch or ():
        if wanted not in names:
            raise ConfigError(
                f"--watch {wanted}: there is no such watch in {options.config_file}; "
                f"valid is one of: {', '.join(names)}"
            )
    chosen = tuple(watch for watch in settings.watches if watch.name in (options.watch or names))
    parts = Components(settings.model_copy(update={"watches": chosen}))
    try:
        yield parts
    finally:
        parts.close()
