"""The command line.

Each file has a group of commands: `add_NAME` defines the flags of a command, and the function after
it does the work. At its top a file imports what flags are made of; the function imports what the
command needs, so that --help answers at once. tests/test_architecture.py has what may be loaded.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from plugin.cli import (
    changes,
    completion,
    grafana,
    init,
    oncall,
    overview,
    preview,
    roles,
    rules,
    running,
    service,
    size,
    store,
    trial,
)
from plugin.cli.parsing import CommandParser
from plugin.errors import BandwatchError
from plugin.version import version_text

DESCRIPTION = "Anomaly bands and scores for a Prometheus + Grafana stack that already runs."
# As --help lists them.
COMMANDS = (
    init.add_init,
    service.add_run,
    roles.add_worker,
    roles.add_web,
    service.add_check,
    service.add_fit,
    service.add_score,
    preview.add_preview,
    trial.add_backtest,
    trial.add_evaluate,
    trial.add_demo,
    size.add_size,
    overview.add_status,
    overview.add_incidents,
    overview.add_series,
    overview.add_watches,
    running.add_report,
    running.add_explain,
    grafana.add_grafana,
    rules.add_rules,
    oncall.add_feedback,
    oncall.add_maintenance,
    changes.add_changes,
    running.add_models,
    store.add_store,
)


BROKEN_PIPE_STATUS = 141  # 128 + SIGPIPE, which Windows does not have
WINDOWS = (
    "bandwatch: Windows is not supported: it has neither the locks of files nor the signals that "
    "the service needs; run it in WSL 2 or in a container"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Returns its exit status: 0 done, 1 the work failed, 2 the command line is wrong, 141 whoever
    reads its output has stopped, as `head` does.
    """
    if sys.platform == "win32":
        sys.exit(WINDOWS)
    try:
        try:
            return _execute(arguments)
        finally:
            print(end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed later
        return BROKEN_PIPE_STATUS


def _execute(arguments: Sequence[str] | None) -> int:
    options = parser().parse_args(arguments)
    from plugin import logs

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
    top: argparse.ArgumentParser = CommandParser(prog="bandwatch", description=DESCRIPTION)
    top.add_argument("--version", action="version", version=f"bandwatch {version_text()}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in COMMANDS:
        add(commands)
    completion.add_completion(commands, parser)
    return top
