"""`bandwatch backtest`, `evaluate` and `demo`: trials without a configuration file."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from plugin.cli import flags, libraries
from plugin.errors import BandwatchError, ConfigError, PrometheusError

if TYPE_CHECKING:
    from plugin.app import Service
    from plugin.commands.backtest.recording import Recording
    from plugin.config import Watch


BACKTEST_FLAGS: flags.FlagTable = {
    "source": {
        "metavar": "SOURCE",
        "type": flags.query,
        "help": "a folder of NAME.csv[.gz] with time,value, or a PromQL expression",
    },
    "--output": {"metavar": "DIR", "required": True, "help": "folder for one NAME.csv per series"},
    "--detector": {
        "metavar": "NAME",
        "default": "",
        "help": "detector (default: that of a new watch)",
    },
    "--alert-budget": {
        "metavar": "BUDGET",
        "type": flags.budget,
        "default": "1/w",
        "help": "false alarms per series that are acceptable (default: %(default)s)",
    },
    "--refit-every": {
        "metavar": "DURATION",
        "type": flags.duration,
        "default": "1d",
        "help": "time from one fit to the next (default: %(default)s)",
    },
    "--fit-window": {
        "metavar": "DURATION",
        "type": flags.fit_window,
        "default": "auto",
        "help": "how much history a fit sees, or auto: up to five weeks (default: %(default)s)",
    },
    "--timezone": {
        "metavar": "ZONE",
        "type": flags.timezone,
        "default": "UTC",
        "help": "time zone of days and weeks (default: %(default)s)",
    },
    "--country": {
        "metavar": "CODE",
        "type": flags.country,
        "help": "country whose public holidays count as Sundays, such as DE (default: none)",
    },
    "--subdivision": {
        "metavar": "CODE",
        "default": "",
        "help": "part of that country with holidays of its own, such as BE",
    },
    "--plot": {"action": "store_true", "help": "also draw NAME.png for each series"},
    "--jobs": {
        "metavar": "N",
        "type": flags.process_count,
        "default": 0,
        "help": "processes (default: one per core)",
    },
    "--config.file": {
        "dest": "config_file",
        "metavar": "FILE",
        "default": "",
        "help": "its `executor` says where fits run (default: processes of this machine)",
    },
    "--prometheus.url": {
        "dest": "prometheus_url",
        "metavar": "URL",
        "type": flags.url,
        "default": "http://127.0.0.1:9090",
        "help": "the Prometheus that is asked when SOURCE is an expression (default: %(default)s)",
    },
    "--since": {
        "metavar": "DURATION",
        "type": flags.duration,
        "default": "28d",
        "help": "how far back an expression is asked (default: %(default)s)",
    },
    "--step": {
        "metavar": "DURATION",
        "type": flags.duration,
        "default": "1m",
        "help": "resolution of an expression (default: %(default)s)",
    },
}


def add_backtest(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "backtest", "score the past as the service would have, count alarms", backtest
    )
    flags.add_all(command, BACKTEST_FLAGS)


def backtest(options: argparse.Namespace) -> int:
    """`bandwatch backtest`: one CSV (and PNG) per series, and a table."""
    libraries.require("pandas", "backtest")
    if options.plot:
        libraries.require("matplotlib", "--plot")
    from detectors.api import DetectorError
    from detectors.registry import detector_named
    from plugin.commands import terminal
    from plugin.commands.backtest.settings import check_settings

    watch = _watch(options)
    output = Path(options.output)
    try:
        if options.detector:
            detector_named(options.detector, {})
        recordings = _recordings(options)
        check_settings(watch, recordings)
        # takes seconds: what is wrong with the flags has been said by now
        from plugin.commands.backtest import fits, results_report, run

        with (
            fits.by_configuration(options.config_file, options.jobs) as jobs,
            terminal.bar(f"backtest {len(recordings)} series") as bar,
        ):
            results = run.backtest(
                recordings, watch, output, plot=options.plot, jobs=jobs, progress=bar
            )
    except DetectorError as error:
        raise ConfigError(f"--detector: {error}") from error
    except OSError as error:
        raise BandwatchError(f"{error.filename or output}: {error.strerror or error}") from error
    results_report.show(results, watch, output)
    return 0


def _watch(options: argparse.Namespace) -> "Watch":
    """The settings of the flags; the others as by default."""
    from plugin import config

    if options.subdivision and not options.country:
        raise ConfigError(
            f"--subdivision: found {options.subdivision!r} alone; valid is with --country, too"
        )
    watch = config.Watch(
        name="backtest",
        query="recorded",  # the samples are there
        timezone=options.timezone,
        fit_every=options.refit_every,
        fit_window=options.fit_window,
        forecast=0,
        alert_budget=options.alert_budget,
        calendar=options.country
        and config.Calendar(country=options.country, subdivision=options.subdivision),
    )
    return watch.model_copy(update={"detector": options.detector or watch.detector})


def _recordings(options: argparse.Namespace) -> "list[Recording]":
    """Those of a folder, or of an expression."""
    import time

    from plugin import config
    from plugin.commands.backtest import expression, source
    from plugin.prometheus import PrometheusReader

    if os.path.isdir(options.source):  # unlike Path, it takes a text longer than any path
        if Path(options.source).resolve() == Path(options.output).resolve():
            raise ConfigError(
                f"--output {options.output}: is SOURCE, whose files would be overwritten; "
                "name another folder"
            )
        return source.read_folder(Path(options.source))
    step = options.step
    now = int(time.time())
    reader = PrometheusReader(config.PrometheusSettings(url=options.prometheus_url))
    try:
        return expression.query_recordings(
            reader, options.source, (now - options.since) // step * step, now // step * step, step
        )
    except PrometheusError as error:
        raise BandwatchError(
            f"{options.source!r} is no folder, so Prometheus was asked for it: {error}"
        ) from error
    finally:
        reader.close()


def add_evaluate(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "evaluate", "judge scores by labels: recall, false alarms, calibration", evaluate
    )
    command.add_argument(
        "data", metavar="DATA", help="a folder of NAME.csv[.gz] with time,value,label[,kind]"
    )
    command.add_argument(
        "scores",
        metavar="SCORES",
        help="a folder of NAME.csv[.gz] with time,score[,expected,lower,upper], as backtest writes",
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object instead of tables"
    )
    command.add_argument(
        "--alert-budget",
        default="1/w",
        metavar="BUDGET",
        type=flags.budget,
        help="what was promised: false alarms per series (default: %(default)s)",
    )
    command.add_argument(
        "--choose-threshold",
        dest="choose",
        metavar="MEASURE",
        choices=("event-f1", "point-f1"),
        help="also find the threshold that is best by event-f1 or point-f1",
    )


def evaluate(options: argparse.Namespace) -> int:
    """`bandwatch evaluate`: tables, or JSON."""
    libraries.require("pandas", "evaluate")
    from plugin.commands.backtest.evaluation import evaluate_folder
    from plugin.commands.backtest.evaluation_json import as_json
    from plugin.commands.backtest.evaluation_report import show

    report = evaluate_folder(
        Path(options.data), Path(options.scores), options.alert_budget, options.choose
    )
    if options.json:
        print(as_json(report))
    else:
        show(report)
    return 0


def add_demo(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "demo", "run the service on a small made-up world, with incidents", demo
    )
    command.add_argument(
        "--duration",
        metavar="DURATION",
        type=flags.duration,
        help="end by itself after so long (default: run until Ctrl-C)",
    )
    command.add_argument(
        "--picture",
        metavar="FILE",
        help="at the end, draw the daily peak that is missing in the loaded past",
    )
    command.add_argument(
        "--web.listen-address",
        dest="listen_address",
        metavar="HOST:PORT",
        default="127.0.0.1:8642",
        help="where to listen (default: %(default)s)",
    )


def demo(options: argparse.Namespace) -> int:
    """`bandwatch demo`: see plugin.commands.demo."""
    if options.picture:
        libraries.require("matplotlib", "--picture")
    from plugin.commands.demo.run import run as run_demo
    from plugin.config import Config

    def start(settings: Config) -> "Service":
        from plugin.app import Service  # takes seconds: the demo has said by now what it does

        service = Service(settings)
        service.start()
        return service

    return run_demo(
        start,
        listen_address=options.listen_address,
        duration=options.duration,
        picture=Path(options.picture) if options.picture else None,
    )
