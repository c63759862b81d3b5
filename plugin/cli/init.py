"""`bandwatch init`: the first step, from a Prometheus to a file of watches."""

import argparse
from pathlib import Path

from plugin.cli import flags

INIT_FLAGS: flags.FlagTable = {
    "--prometheus.url": {
        "dest": "prometheus_url",
        "metavar": "URL",
        "type": flags.prometheus_url,
        "default": "http://127.0.0.1:9090",
        "help": "the Prometheus whose metrics are read (default: %(default)s)",
    },
    "--preset": {
        "action": "append",
        "metavar": "NAME",
        "default": [],
        "help": "only this preset, or the one in this .yml file; may be repeated (default: all, or"
        " none beside files of other systems)",
    },
    "--from-rules": {
        "dest": "rule_files",
        "action": "append",
        "metavar": "FILE",
        "default": [],
        "help": "watches beside the thresholds of a rule file of Prometheus, and for metrics that"
        " it tags with anomaly_name; may be repeated",
    },
    "--from-vmanomaly": {
        "dest": "vmanomaly_files",
        "action": "append",
        "metavar": "FILE",
        "default": [],
        "help": "watches for the queries of a configuration of vmanomaly; may be repeated",
    },
    "--yes": {"action": "store_true", "help": "keep all that is proposed, and ask nothing"},
    "--json": {
        "action": "store_true",
        "help": "print the proposals as JSON; a file is written only with --yes",
    },
    "--output": {
        "metavar": "FILE",
        "default": "bandwatch.yml",
        "help": "the file to write; it must not exist (default: %(default)s)",
    },
}


def add_init(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "init", "propose watches for what a Prometheus holds, and write the file", init
    )
    table = dict(INIT_FLAGS)
    output = table.pop("--output")
    flags.add_all(command, table)
    command.add_argument("-o", "--output", **output)


def init(options: argparse.Namespace) -> int:
    """`bandwatch init`: see plugin.commands.init."""
    from plugin.commands.init import run

    return run.init(
        run.InitRequest(
            url=options.prometheus_url,
            presets=options.preset,
            output=Path(options.output),
            keeps_all=options.yes,
            as_json=options.json,
            rule_files=list(map(Path, options.rule_files)),
            vmanomaly_files=list(map(Path, options.vmanomaly_files)),
        )
    )
