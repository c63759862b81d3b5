"""`bandwatch report`, `explain` and `models`: questions to a running service, and orders about its
models."""

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path

from plugin.cli import flags, listings
from plugin.errors import BandwatchError

INCIDENT_END = re.compile(r"-\d+$")  # of the name of an incident
EXPLAIN = "/api/v1/explain"


def add_report(commands: flags.Commands) -> None:
    command = flags.command(
        commands,
        "report",
        "report how noisy a running service was, and what would make it quieter",
        report,
    )
    command.add_argument(
        "--since", choices=("7d", "30d"), default="7d", help="over how long (default: %(default)s)"
    )
    command.add_argument(
        "--html", metavar="FILE", help="also write a page that can be sent and printed"
    )
    listings.output(command)
    flags.at_service(command, token="read token")


def report(options: argparse.Namespace) -> int:
    """`bandwatch report`: in the terminal or for programs, and as a page."""
    import time

    from plugin.commands.report import data, terminal
    from plugin.commands.report.gather import gather
    from plugin.commands.report.page import page
    from plugin.config import parse_duration
    from plugin.domain.times import DAY

    result = gather(flags.service(options), parse_duration(options.since) // DAY, time.time())
    if options.form == "table":
        terminal.show(result)
    else:
        data.show(result, options.form)
    if options.html:
        try:
            Path(options.html).write_text(page(result), encoding="utf-8")
        except OSError as error:
            raise BandwatchError(f"--html {options.html}: {error.strerror or error}") from error
        if options.form == "table":
            print(f"\nwritten to {options.html}")
    return 0


def add_explain(commands: flags.Commands) -> None:
    command = flags.command(
        commands,
        "explain",
        "explain what is unusual about a series or an incident of a running service",
        explain,
    )
    command.add_argument(
        "series",
        metavar="SERIES",
        help="a series, as /api/v1/series lists it; a selector of some; or "
        "the name of an incident, as an alert has it",
    )
    command.add_argument("--watch", metavar="NAME", help="only in this watch")
    command.add_argument(
        "--at", metavar="TIME", help="a moment: 2026-11-21T03:05:00Z (default: now)"
    )
    listings.output(command)
    flags.at_service(command)


def explain(options: argparse.Namespace) -> int:
    """`bandwatch explain`: a few lines for each series."""
    from plugin.commands import listing
    from plugin.commands.client import expect_rows

    service = flags.service(options)
    name = options.series
    context = {"watch": options.watch or None, "at": options.at or None}
    rows = expect_rows(service.get(EXPLAIN, {"series": name, **context}))
    if not rows and ("{" in name or INCIDENT_END.search(name)):
        kind = "match" if "{" in name else "incident"
        rows = expect_rows(service.get(EXPLAIN, {kind: name, **context}))
    if not rows:
        raise BandwatchError(
            f"nothing is known of {name} then: /api/v1/series lists the series, --at says when"
        )
    if options.form != "table":
        listing.show_data(rows, options.form)
        return 0
    for row in rows:
        time = datetime.fromtimestamp(row["time"] / 1000, UTC)
        print(f"{row['series']} of {row['watch']} at {time:%Y-%m-%dT%H:%M:%SZ}")
        for part in row["text"].split("; "):
            print(f"  {part}")
    return 0


def add_models(commands: flags.Commands) -> None:
    group = flags.group(commands, "models", "list, replace and pin the models of a running service")
    for name, (summary, action) in MODELS.items():
        command = flags.command(group, name, summary, action)
        command.set_defaults(act=name, to_version=None)
        command.add_argument("--watch", metavar="NAME", help="only series of this watch")
        command.add_argument(
            "--series", metavar="SERIES", help="one series, as /api/v1/series lists it"
        )
        command.add_argument("--match", metavar="SELECTOR", help="only series that this selects")
        if name in ("list", "show"):
            listings.output(command)
        else:
            command.add_argument(
                "--comment", metavar="TEXT", default="", help="why; it is stored with the decision"
            )
            command.set_defaults(refuse=command.error)
        if name == "rollback":
            command.add_argument(
                "--to",
                dest="to_version",
                metavar="VERSION",
                type=flags.listed_number,
                help="which version (default: the one before)",
            )
        flags.at_service(command)


def models_list(options: argparse.Namespace) -> int:
    """`bandwatch models list`."""
    from plugin.commands import models

    models.show_list(flags.service(options), _selection(options), options.form)
    return 0


def models_show(options: argparse.Namespace) -> int:
    """`bandwatch models show`."""
    from plugin.commands import models

    models.show(flags.service(options), _selection(options), options.form)
    return 0


def models_order(options: argparse.Namespace) -> int:
    """`bandwatch models rollback`, `pin`, `unpin` and `refit`."""
    from plugin.commands import models

    if not any(_selection(options).values()):
        options.refuse("say whose models: --watch, --series or --match")
    return (
        0
        if models.order(
            flags.service(options),
            options.act,
            _selection(options),
            comment=options.comment,
            version=options.to_version,
        )
        else 1
    )


MODELS = {
    "list": ("list the active models: one line for each series", models_list),
    "show": ("show all stored versions of some series, and the decisions about them", models_show),
    "rollback": ("make an older model active, from the next tick on", models_order),
    "pin": ("pin the active models: no refit replaces them", models_order),
    "unpin": ("let refits replace the active models again", models_order),
    "refit": ("fit some series at once", models_order),
}


def _selection(options: argparse.Namespace) -> dict[str, str | None]:
    return {"watch": options.watch, "series": options.series, "match": options.match}
