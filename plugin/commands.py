"""What each command of the command line does; each imports what it needs."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from plugin.errors import BandwatchError, ConfigError, PrometheusError

if TYPE_CHECKING:
    from plugin.app import Service
    from plugin.backtest.source import Recording
    from plugin.parts import Parts
    from plugin.web.rows import Row


def run(options: argparse.Namespace) -> int:
    """`bandwatch run`: until SIGTERM or SIGINT; SIGHUP reloads."""
    import logging

    from plugin import config
    from plugin.app import Service

    def load() -> config.Config:
        settings = config.load(Path(options.config_file))
        return config.listening_on(settings, options.listen_address) if options.listen_address else settings

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
    if options.syntax_only:
        return 0
    from detectors.device import limit_threads
    from plugin.check import check as check_queries
    from plugin.jobs.fitting import seconds_per_series

    limit_threads(settings.workers.threads)  # as a worker does: else the timed fit is not like a real one
    return 0 if check_queries(settings, out=sys.stdout, seconds_per_series=seconds_per_series) else 1


def fit(options: argparse.Namespace) -> int:
    """`bandwatch fit`: everyone of the chosen watches, once."""
    from plugin import progress

    failed = False
    with _parts(options) as parts:
        for name, jobs in parts.watches.items():
            failed |= not jobs.score.run()  # the score job has the first word: it knows how far we are
            with progress.bar(f"fit {name}") as bar:
                fitted = jobs.fit.run(everyone=True, progress=bar)
            print(f"{name}: {fitted} series fitted")
            failed |= fitted == 0 and not jobs.watch.paused
    return 1 if failed else 0


def score(options: argparse.Namespace) -> int:
    """`bandwatch score`: one catch-up of the chosen watches, and what came of it."""
    from plugin import progress
    from plugin.web.rows import score_rows

    failed = False
    with _parts(options) as parts:
        for jobs in parts.watches.values():
            failed |= not jobs.score.run()
        for snapshot in parts.board.snapshots().values():
            rows = sorted(score_rows(snapshot, now=snapshot.time), key=_anomaly, reverse=True)
            columns = ["series", "state", "value", "expected", "lower", "upper", "score"]
            when = datetime.fromtimestamp(snapshot.time, UTC).isoformat(sep=" ")
            progress.table(f"{snapshot.watch} at {when}, highest scores first", columns,
                           [[_cell(row.get(column)) for column in columns] for row in rows])
    return 1 if failed else 0


def _anomaly(row: "Row") -> float:
    score = row["score"]
    return score if isinstance(score, float) else -1.0


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


@contextmanager
def _parts(options: argparse.Namespace) -> "Iterator[Parts]":
    """The parts of the service without scheduler and web, for the watches that the flags choose."""
    from plugin import config
    from plugin.parts import Parts

    settings = config.load(Path(options.config_file))
    names = [watch.name for watch in settings.watches]
    for wanted in options.watch or ():
        if wanted not in names:
            raise ConfigError(f"--watch {wanted}: there is no such watch in {options.config_file}; "
                              f"valid is one of: {', '.join(names)}")
    chosen = tuple(watch for watch in settings.watches if watch.name in (options.watch or names))
    parts = Parts(settings.model_copy(update={"watches": chosen}))
    try:
        yield parts
    finally:
        parts.close()


def backtest(options: argparse.Namespace) -> int:
    """`bandwatch backtest`: one CSV (and PNG) per series, and a table."""
    from detectors.api import DetectorError
    from detectors.registry import detector_named
    from plugin import config, progress
    from plugin.backtest import report, run

    watch = config.Watch(name="backtest", query=options.source, timezone=options.timezone,
                         fit_every=options.refit_every, fit_window=options.fit_window,
                         alert_budget=options.alert_budget)
    if options.detector:
        watch = watch.model_copy(update={"detector": options.detector})
    output = Path(options.output)
    try:
        detector_named(watch.detector, {})
        recordings = _recordings(options)
        with progress.bar(f"backtest {len(recordings)} series") as bar:
            results = run.backtest(recordings, watch, output, plot=options.plot, jobs=options.jobs, progress=bar)
    except DetectorError as error:
        raise ConfigError(f"--detector: {error}") from error
    except OSError as error:
        raise BandwatchError(f"{error.filename or output}: {error.strerror or error}") from error
    report.show(results, watch, output)
    return 0


def _recordings(options: argparse.Namespace) -> "list[Recording]":
    """Of a folder, or of an expression, which may be longer than any path."""
    import time

    from plugin import config
    from plugin.backtest import source
    from plugin.prometheus import PrometheusReader

    if os.path.isdir(options.source):
        if Path(options.source).resolve() == Path(options.output).resolve():
            raise ConfigError(f"--output {options.output}: is SOURCE, whose files would be overwritten; "
                              "name another folder")
        return source.read_folder(Path(options.source))
    step, now = options.step, int(time.time())
    reader = PrometheusReader(config.Prometheus(url=options.prometheus_url))
    try:
        return source.ask(reader, options.source, (now - options.since) // step * step, now // step * step, step)
    except PrometheusError as error:
        raise BandwatchError(f"{options.source!r} is no folder, so Prometheus was asked for it: {error}") from error
    finally:
        reader.close()


def evaluate(options: argparse.Namespace) -> int:
    """`bandwatch evaluate`: tables, or JSON."""
    from plugin.backtest.evaluation import evaluate_folder
    from plugin.backtest.evaluation_json import as_json
    from plugin.backtest.evaluation_report import show

    report = evaluate_folder(Path(options.data), Path(options.scores), options.alert_budget, options.choose)
    if options.json:
        print(as_json(report))
    else:
        show(report)
    return 0


def report(options: argparse.Namespace) -> int:
    """`bandwatch report`: in the terminal, and as a page."""
    import time

    from plugin.config import parse_duration
    from plugin.noise import DAY
    from plugin.remote import Remote
    from plugin.report import terminal
    from plugin.report.gather import gather
    from plugin.report.page import page

    remote = Remote(options.url.rstrip("/"), _given_token(options, "BANDWATCH_TOKEN"))
    made = gather(remote, parse_duration(options.since) // DAY, time.time())
    terminal.show(made)
    if options.html:
        try:
            Path(options.html).write_text(page(made), encoding="utf-8")
        except OSError as error:
            raise BandwatchError(f"--html {options.html}: {error.strerror or error}") from error
        print(f"\nwritten to {options.html}")
    return 0


def demo(options: argparse.Namespace) -> int:
    """`bandwatch demo`: see plugin.demo."""
    from plugin.config import Config
    from plugin.demo.run import run as run_demo

    def start(settings: Config) -> "Service":
        from plugin.app import Service  # takes seconds: the demo has said by now what it does

        service = Service(settings)
        service.start()
        return service

    return run_demo(start, listen_address=options.listen_address, duration=options.duration,
                    picture=Path(options.picture) if options.picture else None)


def grafana_check(options: argparse.Namespace) -> int:
    """`bandwatch grafana check`: one line per check, what to do, and 1 when something failed."""
    import time

    from plugin.grafana import report
    from plugin.grafana.check import walk
    from plugin.grafana.client import Grafana

    with Grafana(options.url, _token(options), timeout=options.timeout, ca_file=options.ca_file) as grafana:
        return report.show(walk(grafana, int(time.time()), options.datasource), options.url)


def _token(options: argparse.Namespace) -> str:
    """For Grafana. Raises ConfigError where there is none."""
    token = _given_token(options, "GRAFANA_TOKEN")
    if not token:
        raise ConfigError("no token: give one with --token or --token-file, or in the environment as GRAFANA_TOKEN; "
                          "Grafana makes them under Administration, Users and access, Service accounts")
    return token


def _given_token(options: argparse.Namespace, variable: str) -> str:
    """Of --token-file, --token or the environment; never printed; "" = none."""
    from plugin.remote import given_token

    return given_token(options.token, options.token_file, variable)
