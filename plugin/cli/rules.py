"""`bandwatch rules`: the shipped alert rules with the addresses of the configuration in them."""

import argparse
from pathlib import Path

from plugin.cli import flags

KINDS = ("prometheus", "prometheus-incidents", "grafana")


def add_rules(commands: flags.Commands) -> None:
    command = flags.command(
        commands,
        "rules",
        "print the shipped alert rules, whose runbooks lead to this service",
        rules,
    )
    command.add_argument(
        "kind",
        metavar="KIND",
        choices=KINDS,
        help="whose: prometheus; prometheus-incidents, one page per incident; grafana",
    )
    flags.config_file(command)


def rules(options: argparse.Namespace) -> int:
    """`bandwatch rules`: as YAML, to standard output."""
    from plugin.commands.rules import rules as shipped_rules

    print(shipped_rules(options.kind, Path(options.config_file)), end="")
    return 0
