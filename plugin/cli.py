"""The command line. Heavy libraries are imported by the command that needs them, so that --help answers at once."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

from plugin import commands, logs, remote_commands
from plugin.errors import BandwatchError
from plugin.version import VERSION

T = TypeVar("T")
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
DESCRIPTION = "Anomaly bands and scores for a Prometheus + Grafana stack that already runs."


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command. Returns its exit status: 0 done, 1 the work failed, 2 the command line is wrong."""
    options = parser().parse_args(arguments)
    logs.setup(options.log_level, options.log_format)
    try:
        return int(options.command(options))
    except BandwatchError as error:
        print(f"bandwatch: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """All commands and flags."""
    top = argparse.ArgumentParser(prog="bandwatch", description=DESCRIPTION)
    top.add_argument("--version", action="version", version=f"bandwatch {VERSION}")
    commands_of = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _run(commands_of)
    _check(commands_of)
    _fit(commands_of)
    _score(commands_of)
    _backtest(commands_of)
    _evaluate(commands_of)
    _demo(commands_of)
    _report(commands_of)
    _explain(commands_of)
    _grafana(commands_of)
    _feedback(commands_of)
    _maintenance(commands_of)
    _models(commands_of)
    return top


def _command(commands_of: Commands, name: str, help: str,
             command: object) -> argparse.ArgumentParser:
    made = commands_of.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    made.set_defaults(command=command)
    made.add_argument("--log.level", dest="log_level", choices=logs.LEVELS, default="info" if name == "run" else "warn",
                      help="least severity that is logged (default: %(default)s)")
    made.add_argument("--log.format", dest="log_format", choices=logs.FORMATS, default="logfmt",
                      help="how a log line is written (default: %(default)s)")
    return made


def _group(commands_of: Commands, name: str, help: str) -> Commands:
    """A command that is a name for several."""
    made = commands_of.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    return made.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _duration(text: str) -> int:
    """Seconds, at least one."""
    from plugin.config import parse_duration

    seconds = _said(parse_duration, text)
    if seconds < 1:
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is a duration of at least "1s"')
    return seconds


def _budget(text: str) -> float:
    """Alarms per series and second."""
    from plugin.config import parse_budget

    return _said(parse_budget, text)


def _timezone(text: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text).key
    except (LookupError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is an IANA time zone such as UTC or Europe/Vienna'
                                         ) from error


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is a URL such as http://127.0.0.1:9090')
    return text


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is a number such as 2, or 0 for one per core')
    return int(text)


def _said(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _seconds(text: str) -> int:
    """At least one, at most ten minutes: one request to Grafana."""
    seconds = _duration(text)
    if seconds > 600:
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is a duration of at most "10m"')
    return seconds


def _config_file(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config.file", dest="config_file", metavar="FILE", default="bandwatch.yml",
                         help="configuration file (default: %(default)s)")


def _watches(command: argparse.ArgumentParser) -> None:
    command.add_argument("--watch", action="append", metavar="NAME", help="only this watch; may be repeated")


def _run(commands_of: Commands) -> None:
    run = _command(commands_of, "run", "run the service: fit, score, and serve bands and scores", commands.run)
    _config_file(run)
    run.add_argument("--web.listen-address", dest="listen_address", metavar="HOST:PORT",
                     help="where to listen; overrides `web.listen_address` (default: 127.0.0.1:8642)")


def _check(commands_of: Commands) -> None:
    check = _command(commands_of, "check", "validate a configuration file and try its queries on Prometheus",
                     commands.check)
    check.add_argument("file", metavar="FILE", nargs="?", help="the configuration file")
    check.add_argument("--example", action="store_true", help="print a commented example file and exit")
    check.add_argument("--syntax-only", action="store_true", help="do not ask Prometheus")


def _fit(commands_of: Commands) -> None:
    fit = _command(commands_of, "fit", "fit all series of the watches once, now, and exit", commands.fit)
    _config_file(fit)
    _watches(fit)


def _score(commands_of: Commands) -> None:
    score = _command(commands_of, "score", "score what is new once, print the latest scores, and exit", commands.score)
    _config_file(score)
    _watches(score)


def _backtest(commands_of: Commands) -> None:
    backtest = _command(commands_of, "backtest", "walk through the past as the service would have, count alarms",
                        commands.backtest)
    backtest.add_argument("source", metavar="SOURCE",
                          help="a folder of NAME.csv[.gz] with time,value, or a PromQL expression")
    backtest.add_argument("--output", metavar="DIR", required=True, help="folder for one NAME.csv per series")
    backtest.add_argument("--detector", default="", metavar="NAME", help="detector (default: that of a new watch)")
    backtest.add_argument("--alert-budget", default="1/w", metavar="BUDGET", type=_budget,
                          help="false alarms per series that are acceptable (default: %(default)s)")
    backtest.add_argument("--refit-every", default="1d", metavar="DURATION", type=_duration,
                          help="how often models are fitted anew (default: %(default)s)")
    backtest.add_argument("--fit-window", default="14d", metavar="DURATION", type=_duration,
                          help="how much history a fit sees (default: %(default)s)")
    backtest.add_argument("--timezone", default="UTC", metavar="ZONE", type=_timezone,
                          help="whose days and weeks (default: %(default)s)")
    backtest.add_argument("--plot", action="store_true", help="also draw NAME.png for each series")
    backtest.add_argument("--jobs", type=_count, default=0, metavar="N", help="processes (default: one per core)")
    backtest.add_argument("--prometheus.url", dest="prometheus_url", metavar="URL", default="http://127.0.0.1:9090",
                          type=_url, help="where SOURCE is asked when it is an expression (default: %(default)s)")
    backtest.add_argument("--since", default="28d", metavar="DURATION", type=_duration,
                          help="how far back an expression is asked (default: %(default)s)")
    backtest.add_argument("--step", default="1m", metavar="DURATION", type=_duration,
                          help="resolution of an expression (default: %(default)s)")


def _evaluate(commands_of: Commands) -> None:
    evaluate = _command(commands_of, "evaluate", "judge scores by labels: recall, false alarms, calibration",
                        commands.evaluate)
    evaluate.add_argument("data", metavar="DATA", help="a folder of NAME.csv[.gz] with time,value,label[,kind]")
    evaluate.add_argument("scores", metavar="SCORES",
                          help="a folder of NAME.csv[.gz] with time,score[,expected,lower,upper], as backtest writes")
    evaluate.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    evaluate.add_argument("--alert-budget", default="1/w", metavar="BUDGET", type=_budget,
                          help="what was promised: false alarms per series (default: %(default)s)")
    evaluate.add_argument("--choose-threshold", dest="choose", metavar="MEASURE", choices=("event-f1", "point-f1"),
                          help="also find the threshold that is best by event-f1 or point-f1")


def _demo(commands_of: Commands) -> None:
    demo = _command(commands_of, "demo", "show it at work on a small made-up world, with incidents", commands.demo)
    demo.add_argument("--duration", metavar="DURATION", type=_duration,
                      help="end by itself after so long (default: run until Ctrl-C)")
    demo.add_argument("--picture", metavar="FILE",
                      help="at the end, draw the daily peak that is missing in the loaded past")
    demo.add_argument("--web.listen-address", dest="listen_address", metavar="HOST:PORT", default="127.0.0.1:8642",
                      help="where to listen (default: %(default)s)")


def _report(commands_of: Commands) -> None:
    report = _command(commands_of, "report", "tell how noisy a running service was, and what would make it quieter",
                      commands.report)
    report.add_argument("--since", choices=("7d", "30d"), default="7d", help="over how long (default: %(default)s)")
    report.add_argument("--html", metavar="FILE", help="also write a page that can be sent and printed")
    report.add_argument("--url", metavar="URL", default="http://127.0.0.1:8642", type=_url,
                        help="address of the running service (default: %(default)s)")
    report.add_argument("--token", metavar="TOKEN", default="",
                        help="its read token (default: the environment's BANDWATCH_TOKEN)")
    report.add_argument("--token-file", metavar="FILE", default="", help="file with that token, instead of --token")


def _grafana(commands_of: Commands) -> None:
    check = _command(_group(commands_of, "grafana", "what concerns a Grafana that runs"), "check",
                     "run every query of the shipped dashboards and alert rules through Grafana, and judge the answers",
                     commands.grafana_check)
    check.add_argument("--url", metavar="URL", type=_url, required=True, help="address of Grafana")
    check.add_argument("--token", metavar="TOKEN", default="",
                       help="token of a service account (default: the environment's GRAFANA_TOKEN)")
    check.add_argument("--token-file", metavar="FILE", default="", help="file with the token, instead of --token")
    check.add_argument("--datasource", metavar="UID", default="bandwatch",
                       help="uid of the data source that stands for Bandwatch (default: %(default)s)")
    check.add_argument("--ca-file", metavar="FILE", default="",
                       help="certificates of the authorities that are trusted (default: those of the system)")
    check.add_argument("--timeout", metavar="DURATION", type=_seconds, default="30s",
                       help="how long one request may take (default: %(default)s)")


def _feedback(commands_of: Commands) -> None:
    within = _group(commands_of, "feedback", "answer alarms of a running service: false alarm, real, or new normal")
    add = _command(within, "add", "say what an alarm was", remote_commands.feedback_add)
    add.add_argument("verdict", metavar="VERDICT", help="false_alarm, real or new_normal")
    add.add_argument("--incident", metavar="ID", help="which incident; else --watch, --series, --from and --to")
    add.add_argument("--comment", metavar="TEXT", default="", help="why")
    shown = _command(within, "list", "what was said, and what of it is in force", remote_commands.feedback_list)
    shown.add_argument("--match", metavar="SELECTOR", help="only series that this selects")
    for command in (add, shown):
        command.add_argument("--watch", metavar="NAME", help="the watch")
        command.add_argument("--series", metavar="SERIES", help="one series, as /api/v1/series lists it")
        command.add_argument("--from", dest="begin", metavar="TIME", help="begin of the range: 2026-11-21T03:05:00Z")
        command.add_argument("--to", dest="end", metavar="TIME", help="end of the range (default: now)")
    withdraw = _command(within, "withdraw", "take answers back: their effects end", remote_commands.feedback_withdraw)
    withdraw.add_argument("ids", metavar="ID", nargs="+", type=_count, help="the number of an answer")
    for command in (add, shown, withdraw):
        _running(command)


def _maintenance(commands_of: Commands) -> None:
    within = _group(commands_of, "maintenance",
                    "plan work on what a running service watches: it neither pages nor learns meanwhile")
    add = _command(within, "add", "add a window; given twice, it is there once", remote_commands.maintenance_add)
    for flag, metavar, about in remote_commands.WINDOW_FLAGS:
        add.add_argument(f"--{flag}", metavar=metavar, help=about)
    add.add_argument("--watch", metavar="NAME", action="append", help="only series of this watch; may be repeated")
    shown = _command(within, "list", "what runs and what is to come", remote_commands.maintenance_list)
    shown.add_argument("--all", action="store_true", help="also what is over")
    end = _command(within, "end", "end windows that run, remove those to come", remote_commands.maintenance_end)
    end.add_argument("ids", metavar="ID", nargs="+", help="the id of a window, as list shows it")
    for command in (add, shown, end):
        _running(command)


def _models(commands_of: Commands) -> None:
    within = _group(commands_of, "models", "see and change which models reign in a running service")
    for name, (about, run) in remote_commands.MODELS.items():
        command = _command(within, name, about, run)
        command.set_defaults(act=name, to_version=None)
        command.add_argument("--watch", metavar="NAME", help="only series of this watch")
        command.add_argument("--series", metavar="SERIES", help="one series, as /api/v1/series lists it")
        command.add_argument("--match", metavar="SELECTOR", help="only series that this selects")
        if name not in ("list", "show"):
            command.add_argument("--comment", metavar="TEXT", default="", help="why; it is kept with the decision")
        if name == "rollback":
            command.add_argument("--to", dest="to_version", metavar="VERSION", type=_count,
                                 help="which version (default: the one before)")
        _running(command)


def _explain(commands_of: Commands) -> None:
    explain = _command(commands_of, "explain", "say what is unusual about a series of a running service",
                       remote_commands.explain)
    explain.add_argument("series", metavar="SERIES", help="one series, as /api/v1/series lists it")
    explain.add_argument("--watch", metavar="NAME", help="only in this watch")
    explain.add_argument("--at", metavar="TIME", help="at which moment: 2026-11-21T03:05:00Z (default: now)")
    _running(explain)


def _running(command: argparse.ArgumentParser) -> None:
    """Where the service runs, and who we are to it."""
    command.add_argument("--url", metavar="URL", default="http://127.0.0.1:8642", type=_url,
                         help="address of the running service (default: %(default)s)")
    command.add_argument("--token", metavar="TOKEN", default="",
                         help="its token (default: the environment's BANDWATCH_TOKEN)")
    command.add_argument("--token-file", metavar="FILE", default="", help="file with that token, instead of --token")
