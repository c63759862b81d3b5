"""`bandwatch grafana check`: the check of a Grafana through its HTTP API."""

import argparse

from plugin.cli import flags
from plugin.errors import ConfigError


def add_grafana(commands: flags.Commands) -> None:
    group = flags.group(commands, "grafana", "check a running Grafana")
    check = flags.command(
        group,
        "check",
        "run every query of the shipped dashboards and alert rules through Grafana, "
        "and judge the answers",
        grafana_check,
    )
    check.add_argument(
        "--url", metavar="URL", type=flags.url, required=True, help="address of Grafana"
    )
    check.add_argument(
        "--token",
        metavar="TOKEN",
        default="",
        help="token of a service account (default: the environment's GRAFANA_TOKEN)",
    )
    check.add_argument(
        "--token-file", metavar="FILE", default="", help="file with the token, instead of --token"
    )
    check.add_argument(
        "--datasource",
        metavar="UID",
        default="bandwatch",
        help="uid of the data source that stands for Bandwatch (default: %(default)s)",
    )
    check.add_argument(
        "--ca-file",
        metavar="FILE",
        default="",
        help="certificates of the authorities that are trusted (default: those of the system)",
    )
    check.add_argument(
        "--timeout",
        metavar="DURATION",
        type=flags.timeout,
        default="30s",
        help="how long one request may take (default: %(default)s)",
    )


def grafana_check(options: argparse.Namespace) -> int:
    """`bandwatch grafana check`: one line per check, what to do, and 1 when something failed."""
    import time

    from plugin.commands.grafana import check_report
    from plugin.commands.grafana.check import walk
    from plugin.commands.grafana.client import GrafanaClient

    with GrafanaClient(
        options.url, _token(options), timeout=options.timeout, ca_file=options.ca_file
    ) as grafana:
        return check_report.show(walk(grafana, int(time.time()), options.datasource), options.url)


def _token(options: argparse.Namespace) -> str:
    """For Grafana. Raises ConfigError where there is none."""
    from plugin.commands.client import chosen_token

    token = chosen_token(options.token, options.token_file, "GRAFANA_TOKEN")
    if not token:
        raise ConfigError(
            "no token: give one with --token or --token-file, or in the environment as"
            " GRAFANA_TOKEN; Grafana makes them under Administration, Users and access, Service"
            " accounts"
        )
    return token
