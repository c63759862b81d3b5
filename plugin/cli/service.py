"""`bandwatch run`, `check`, `fit` and `score`: the commands that need a configuration file."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from plugin.cli import flags, listings
from plugin.errors import ConfigError

if TYPE_CHECKING:
    from plugin.board import Snapshot
    from plugin.components import Components
    from plugin.config import Config
    from plugin.web.rows import Row


def add_run(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "run", "run the service: fit, score, and serve bands and scores", run
    )
    flags.config_file(command)
    flags.listening(command)


def run(options: argparse.Namespace) -> int:
    """`bandwatch run`."""
    from plugin.cli.service_process import run_service

    return run_service(options)


def add_check(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "check", "validate a configuration file and try its queries on Prometheus", check
    )
    flags.config_file(command)
    command.add_argument(
        "--example", action="store_true", help="print a commented example file and exit"
    )
    command.add_argument("--syntax-only", action="store_true", help="do not ask Prometheus")


def check(options: argparse.Namespace) -> int:
    """`bandwatch check`: the file, then each query."""
    from plugin import config

    if options.example:
        print(config.example(), end="")
        return 0
    settings = config.load(Path(options.config_file))
    count = len(settings.watches)
    print(f"{options.config_file}: valid, {count} {'watch' if count == 1 else 'watches'}")
    _warn_of_torch(settings)
    _check_tls(settings)
    maintenance_works = _check_maintenance(settings)
    if options.syntax_only:
        return 0 if maintenance_works else 1
    from detectors.device import limit_threads
    from plugin.commands.check.run import check as check_queries
    from plugin.jobs.fit_task import seconds_per_series

    limit_threads(
        settings.workers.threads
    )  # as in a worker, so that the timed fit is like its fits
    queries_work = check_queries(settings, out=sys.stdout, seconds_per_series=seconds_per_series)
    return 0 if queries_work and maintenance_works else 1


def _warn_of_torch(settings: "Config") -> None:
    from plugin.jobs.missing_torch import REMEDY, watches_without_torch

    if names := watches_without_torch(settings):
        print(f"warning: {REMEDY}; this is about: {', '.join(names)}")


def _check_tls(settings: "Config") -> None:
    """Raises ConfigError when a file of our own server is wrong."""
    if settings.web.tls_server_config is not None:
        from plugin.web.server.tls import read_context

        read_context(settings.web.tls_server_config)


def _check_maintenance(settings: "Config") -> bool:
    if not settings.maintenance.calendars:
        return True
    from plugin.maintenance import dry_run

    return dry_run.check(settings, sys.stdout)


def add_fit(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "fit", "fit all series of the watches once, now, and exit", fit
    )
    flags.config_file(command)
    flags.watches(command)


def fit(options: argparse.Namespace) -> int:
    """`bandwatch fit`: all series of the chosen watches, once."""
    from plugin.commands import terminal

    failed = False
    with _components(options) as components:
        for name, jobs in components.watches.items():
            failed |= not jobs.score.run()  # first, as it reads the samples that a fit learns from
            with terminal.bar(f"fit {name}") as bar:
                fitted = jobs.fit.run(everyone=True, progress=bar)
            print(f"{name}: {fitted} series fitted")
            failed |= fitted == 0 and not jobs.watch.paused
    return 1 if failed else 0


def add_score(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "score", "score new samples once, print the latest scores, and exit", score
    )
    flags.config_file(command)
    flags.watches(command)
    listings.output(command)


def score(options: argparse.Namespace) -> int:
    """`bandwatch score`: one catch-up of the chosen watches, and their latest scores."""
    from plugin.commands import listing

    failed = False
    data: list[Row] = []
    with _components(options) as components:
        for jobs in components.watches.values():
            failed |= not jobs.score.run()
        for snapshot in components.board.snapshots().values():
            if not snapshot.series:
                text = f"{snapshot.watch}: nothing scored: {snapshot.reason or 'no series'}"
                print(text, file=sys.stdout if options.form == "table" else sys.stderr)
                failed |= not snapshot.settings.paused
            elif options.form == "table":
                _show_scores(snapshot)
            else:
                data += _score_rows(snapshot)
    if options.form != "table":
        listing.show_data(data, options.form)
    return 1 if failed else 0


def _show_scores(snapshot: "Snapshot") -> None:
    from plugin.commands import terminal
    from plugin.domain.times import instant

    columns = ["series", "state", "value", "expected", "lower", "upper", "score"]
    terminal.table(
        f"{snapshot.watch} at {instant(snapshot.time)}, highest scores first",
        columns,
        [[_cell(row.get(column)) for column in columns] for row in _score_rows(snapshot)],
    )


def _score_rows(snapshot: "Snapshot") -> "list[Row]":
    """The highest scores first."""
    from plugin.web.rows import score_rows

    return sorted(score_rows(snapshot, now=snapshot.time), key=_anomaly, reverse=True)


def _anomaly(row: "Row") -> float:
    anomaly = row["score"]
    return anomaly if isinstance(anomaly, float) else -1.0


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


@contextmanager
def _components(options: argparse.Namespace) -> "Iterator[Components]":
    """The service without scheduler and web, for the watches that the flags choose."""
    from plugin import config

    settings = config.load(Path(options.config_file))
    names = [watch.name for watch in settings.watches]
    for name in options.watch or ():
        if name not in names:
            raise ConfigError(
                f"--watch {name}: there is no such watch in {options.config_file}; "
                f"valid is one of: {', '.join(names)}"
            )
    watches = tuple(watch for watch in settings.watches if watch.name in (options.watch or names))
    from plugin.components import Components  # takes seconds: what is wrong has been said by now

    components = Components(settings.model_copy(update={"watches": watches}))
    try:
        yield components
    finally:
        components.close()
