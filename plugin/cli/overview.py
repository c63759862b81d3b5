"""`bandwatch status`, `incidents`, `series` and `watches`: what a running service sees."""

import argparse

from plugin.cli import flags, listings

MAX_SERIES = 50  # that a table shows, unless another number is given


def add_status(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "status", "show how a running service is doing: incidents and watches", status
    )
    listings.output(command)
    flags.at_service(command)


def status(options: argparse.Namespace) -> int:
    """`bandwatch status`: 1 when a watch is failing or late."""
    from plugin.commands import overview

    return 0 if overview.status(flags.service(options), options.form) else 1


def add_incidents(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "incidents", "list what was outside its band, the latest last", incidents
    )
    flags.watches(command)
    command.add_argument("--match", metavar="SELECTOR", help="only with a series of these labels")
    command.add_argument("--open", action="store_true", help="only those that are open")
    listings.times(command, since="1d")
    listings.output(command)
    flags.at_service(command)


def incidents(options: argparse.Namespace) -> int:
    """`bandwatch incidents`."""
    from plugin.commands import overview

    fields = {
        "watch": listings.joined(options.watch),
        "match": options.match,
        **listings.time_fields(options),
    }
    overview.incidents(flags.service(options), fields, options.form, only_open=options.open)
    return 0


def add_series(commands: flags.Commands) -> None:
    command = flags.command(commands, "series", "list the latest scores, the highest first", series)
    flags.watches(command)
    command.add_argument("--match", metavar="SELECTOR", help="only series that this selects")
    command.add_argument(
        "--state",
        metavar="STATES",
        help="only series in these states: ok, warming_up, learning, missing, stale, maintenance",
    )
    command.add_argument(
        "--limit",
        metavar="N",
        type=flags.listed_number,
        help=f"at most so many series (default: {MAX_SERIES} in a table, else all)",
    )
    listings.output(command)
    flags.at_service(command)


def series(options: argparse.Namespace) -> int:
    """`bandwatch series`."""
    from plugin.commands import overview

    default = MAX_SERIES if options.form == "table" else None
    limit = options.limit or default
    fields = {
        "watch": listings.joined(options.watch),
        "match": options.match,
        "state": options.state,
        "limit": str(limit) if limit else None,
    }
    overview.series(flags.service(options), fields, options.form)
    return 0


def add_watches(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "watches", "list the watches: how many series, in which states", watches
    )
    flags.watches(command)
    listings.output(command)
    flags.at_service(command)


def watches(options: argparse.Namespace) -> int:
    """`bandwatch watches`."""
    from plugin.commands import overview

    fields = {"watch": listings.joined(options.watch)}
    overview.watches(flags.service(options), fields, options.form)
    return 0
