"""`bandwatch report`, `explain` and `models`: a running service is asked, and told which models
reign."""

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path

from plugin.cli import flags
from plugin.errors import BandwatchError

INCIDENT = re.compile(r"-\d+$")  # how the names of incidents end


def add_report(commands: flags.Commands) -> None:
    made = flags.command(
        commands,
        "report",
        "tell how noisy a running service was, and what would make it quieter",
        report,
    )
    made.add_argument(
        "--since", choices=("7d", "30d"), default="7d", help="over how long (default: %(default)s)"
    )
    made.add_argument(
        "--html", metavar="FILE", help="also write a page that can be sent and printed"
    )
    flags.at_service(made, token="read token")


def report(options: argparse.Namespace) -> int:
    """`bandwatch report`: in the terminal, and as a page."""
    import time

    from plugin.commands.report import terminal
    from plugin.commands.report.gather import gather
    from plugin.commands.report.page import page
    from plugin.config import parse_duration
    from plugin.domain.budget import DAY

    made = gather(flags.service(options), parse_duration(options.since) // DAY, time.time())
    terminal.show(made)
    if options.html:
        try:
            Path(options.html).write_text(page(made), encoding="utf-8")
        except OSError as error:
            raise BandwatchError(f"--html {options.html}: {error.strerror or error}") from error
        print(f"\nwritten to {options.html}")
    return 0


def add_explain(commands: flags.Commands) -> None:
    made = flags.command(
        commands,
        "explain",
        "say what is unusual about a series or an incident of a running service",
        explain,
    )
    made.add_argument(
        "series",
        metavar="SERIES",
        help="a series, as /api/v1/series lists it; a selector of some; or "
        "the name of an incident, as an alert has it",
    )
    made.add_argument("--watch", metavar="NAME", help="only in this watch")
    made.add_argument(
        "--at", metavar="TIME", help="at which moment: 2026-11-21T03:05:00Z (default: now)"
    )
    flags.at_service(made)


def explain(options: argparse.Namespace) -> int:
    """`bandwatch explain`: a few lines for each series."""
    service = flags.service(options)
    name = options.series
    given = {key: text for key, text in (("watch", options.watch), ("at", options.at)) if text}
    rows = service.get("/api/v1/explain", {"series": name, **given})
    if not rows and ("{" in name or INCIDENT.search(name)):
        rows = service.get(
            "/api/v1/explain", {"match" if "{" in name else "incident": name, **given}
        )
    if not isinstance(rows, list) or not rows:
        raise BandwatchError(
            f"nothing is known of {name} then: /api/v1/series lists the series, --at says when"
        )
    for row in rows:
        time = datetime.fromtimestamp(row["time"] / 1000, UTC)
        print(f"{row['series']} of {row['watch']} at {time:%Y-%m-%dT%H:%M:%SZ}")
        for part in row["text"].split("; "):
            print(f"  {part}")
    return 0


def add_models(commands: flags.Commands) -> None:
    within = flags.group(
        commands, "models", "see and change which models reign in a running service"
    )
    for name, (about, run) in MODELS.items():
        command = flags.command(within, name, about, run)
        command.set_defaults(act=name, to_version=None)
        command.add_argument("--watch", metavar="NAME", help="only series of this watch")
        command.add_argument(
            "--series", metavar="SERIES", help="one series, as /api/v1/series lists it"
        )
        command.add_argument("--match", metavar="SELECTOR", help="only series that this selects")
        if name not in ("list", "show"):
            command.add_argument(
                "--comment", metavar="TEXT", default="", help="why; it is kept with the decision"
            )
            command.set_defaults(refuse=command.error)
        if name == "rollback":
            command.add_argument(
                "--to",
                dest="to_version",
                metavar="VERSION",
                type=flags.number,
                help="which version (default: the one before)",
            )
        flags.at_service(command)


def models_list(options: argparse.Namespace) -> int:
    """`bandwatch models list`."""
    from plugin.commands import models

    models.show_list(flags.service(options), _whose(options))
    return 0


def models_show(options: argparse.Namespace) -> int:
    """`bandwatch models show`."""
    from plugin.commands import models

    models.show(flags.service(options), _whose(options))
    return 0


def models_order(options: argparse.Namespace) -> int:
    """`bandwatch models rollback`, `pin`, `unpin` and `refit`."""
    from plugin.commands import models

    if not any(_whose(options).values()):
        options.refuse("say whose models: --watch, --series or --match")
    return (
        0
        if models.order(
            flags.service(options),
            options.act,
            _whose(options),
            comment=options.comment,
            version=options.to_version,
        )
        else 1
    )


MODELS = {
    "list": ("who reigns: one line for each series", models_list),
    "show": (
        "all versions that are kept of some series, and what was decided of them",
        models_show,
    ),
    "rollback": ("let an older model take over, from the next tick on", models_order),
    "pin": ("let no refit take the place of the models that reign", models_order),
    "unpin": ("let refits take their place again", models_order),
    "refit": ("fit some series at once", models_order),
}


def _whose(options: argparse.Namespace) -> dict[str, str | None]:
    return {"watch": options.watch, "series": options.series, "match": options.match}
