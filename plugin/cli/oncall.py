"""`bandwatch feedback` and `maintenance`: what the people on call tell a running service."""

import argparse

from plugin.cli import flags

WINDOW_FLAGS = (
    ("name", "TEXT", "what it is called (default: the comment)"),
    ("match", "SELECTOR", "which series, as in Prometheus: '{job=\"api\"}'; '{}' is every one"),
    ("begin", "TIME", "2026-11-21T02:00 in the time zone, or with Z (default: now)"),
    ("end", "TIME", "when it ends"),
    ("duration", "DURATION", "how long it lasts, instead of --end"),
    ("rule", "RRULE", "how it recurs, by a rule of iCalendar: 'FREQ=WEEKLY;BYDAY=SA'"),
    ("timezone", "ZONE", "of the times and the rule (default: UTC)"),
    ("before", "DURATION", "how much earlier it takes effect"),
    ("after", "DURATION", "how much longer it has effect"),
    ("comment", "TEXT", "why"),
    ("id", "ID", "an id of your own (default: made from the rest)"),
)


def add_feedback(commands: flags.Commands) -> None:
    within = flags.group(
        commands, "feedback", "answer alarms of a running service: false alarm, real, or new normal"
    )
    add = flags.command(within, "add", "say what an alarm was", feedback_add)
    add.add_argument("verdict", metavar="VERDICT", help="false_alarm, real or new_normal")
    add.add_argument(
        "--incident", metavar="ID", help="which incident; else --watch, --series, --from and --to"
    )
    add.add_argument("--comment", metavar="TEXT", default="", help="why")
    shown = flags.command(
        within, "list", "what was said, and what of it is in force", feedback_list
    )
    shown.add_argument("--match", metavar="SELECTOR", help="only series that this selects")
    for command in (add, shown):
        command.add_argument("--watch", metavar="NAME", help="the watch")
        command.add_argument(
            "--series", metavar="SERIES", help="one series, as /api/v1/series lists it"
        )
        command.add_argument(
            "--from", dest="begin", metavar="TIME", help="begin of the range: 2026-11-21T03:05:00Z"
        )
        command.add_argument(
            "--to", dest="end", metavar="TIME", help="end of the range (default: now)"
        )
    withdraw = flags.command(
        within, "withdraw", "take answers back: their effects end", feedback_withdraw
    )
    withdraw.add_argument(
        "ids", metavar="ID", nargs="+", type=flags.number, help="the number of an answer"
    )
    for command in (add, shown, withdraw):
        flags.at_service(command)


def feedback_add(options: argparse.Namespace) -> int:
    """`bandwatch feedback add`."""
    from plugin.commands import feedback

    feedback.add(
        flags.service(options),
        options.verdict,
        {
            "incident": options.incident,
            "watch": options.watch,
            "series": options.series,
            "from": options.begin,
            "to": options.end,
        },
        comment=options.comment,
    )
    return 0


def feedback_list(options: argparse.Namespace) -> int:
    """`bandwatch feedback list`."""
    from plugin.commands import feedback

    feedback.show(
        flags.service(options),
        {
            "watch": options.watch,
            "match": options.match,
            "series": options.series,
            "from": options.begin,
            "to": options.end,
        },
    )
    return 0


def feedback_withdraw(options: argparse.Namespace) -> int:
    """`bandwatch feedback withdraw`."""
    from plugin.commands import feedback

    feedback.withdraw(flags.service(options), options.ids)
    return 0


def add_maintenance(commands: flags.Commands) -> None:
    within = flags.group(
        commands,
        "maintenance",
        "plan work on what a running service watches: it neither pages nor learns meanwhile",
    )
    add = flags.command(
        within, "add", "add a window; given twice, it is there once", maintenance_add
    )
    for flag, metavar, about in WINDOW_FLAGS:
        add.add_argument(f"--{flag}", metavar=metavar, help=about)
    add.add_argument(
        "--watch",
        metavar="NAME",
        action="append",
        help="only series of this watch; may be repeated",
    )
    shown = flags.command(within, "list", "what runs and what is to come", maintenance_list)
    shown.add_argument("--all", action="store_true", help="also what is over")
    end = flags.command(
        within, "end", "end windows that run, remove those to come", maintenance_end
    )
    end.add_argument("ids", metavar="ID", nargs="+", help="the id of a window, as list shows it")
    for command in (add, shown, end):
        flags.at_service(command)


def maintenance_add(options: argparse.Namespace) -> int:
    """`bandwatch maintenance add`."""
    from plugin.commands import maintenance

    given = {name: getattr(options, name) for name, _, _ in WINDOW_FLAGS}
    maintenance.add(flags.service(options), {**given, "watch": options.watch})
    return 0


def maintenance_list(options: argparse.Namespace) -> int:
    """`bandwatch maintenance list`."""
    from plugin.commands import maintenance

    maintenance.show(flags.service(options), everything=options.all)
    return 0


def maintenance_end(options: argparse.Namespace) -> int:
    """`bandwatch maintenance end`."""
    from plugin.commands import maintenance

    maintenance.end(flags.service(options), options.ids)
    return 0
