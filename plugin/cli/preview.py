"""`bandwatch preview`: what a configuration would have done."""

import argparse
import signal
import sys
from pathlib import Path

from plugin.cli import flags


def moment(text: str) -> int:
    """Unix seconds."""
    from plugin.commands.preview.outages import TIME_FORMAT, seconds_of

    seconds = seconds_of(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is {TIME_FORMAT}')
    return seconds


PREVIEW_FLAGS: flags.FlagTable = {
    "--since": {
        "metavar": "DURATION",
        "type": flags.duration,
        "default": "30d",
        "help": "over how long (default: %(default)s)",
    },
    "--end": {
        "metavar": "TIME",
        "type": moment,
        "help": "until when: 2026-11-21T03:05:00Z, or unix seconds (default: now)",
    },
    "--compare": {"metavar": "FILE", "help": "another configuration, shown side by side"},
    "--suggested": {
        "action": "store_true",
        "help": "compare with the settings that would make the watches quieter",
    },
    "--incidents": {
        "metavar": "FILE",
        "help": "a CSV file of known outages with start,end[,title]: caught or missed",
    },
    "--store": {
        "action": "store_true",
        "help": "read what the service has stored in `store.path`, and do not ask Prometheus",
    },
    "--html": {"metavar": "FILE", "help": "also write a page that can be sent and printed"},
    "--json": {"action": "store_true", "help": "print one JSON object instead of tables"},
    "--fail-above": {
        "metavar": "RATE",
        "type": flags.budget,
        "help": "exit with 1 where someone would have been told more often, such as 2/w",
    },
}


def add_preview(commands: flags.Commands) -> None:
    command = flags.command(
        commands,
        "preview",
        "show the alarms and incidents that a configuration would have raised in the past",
        preview,
    )
    flags.config_file(command)
    flags.watches(command)
    flags.add_all(command, PREVIEW_FLAGS)


def preview(options: argparse.Namespace) -> int:
    """`bandwatch preview`: see plugin.commands.preview."""
    from plugin.commands.preview import run

    # Its folder is removed also where it is told to end.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    return run.preview_command(
        run.PreviewRequest(
            config_file=Path(options.config_file),
            watches=tuple(options.watch or ()),
            seconds=options.since,
            end=options.end,
            compare=Path(options.compare) if options.compare else None,
            suggested=options.suggested,
            outages=Path(options.incidents) if options.incidents else None,
            html=Path(options.html) if options.html else None,
            as_json=options.json,
            max_pages=options.fail_above,
            from_store=options.store,
        )
    )
