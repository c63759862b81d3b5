"""`bandwatch feedback` and `maintenance`: what people on call tell a running service."""

import argparse

from plugin.cli import flags, listings

WINDOW_FLAGS = (  # name, metavar, help
    ("name", "TEXT", "what it is called (default: the comment)"),
    ("match", "SELECTOR", "which series, as in Prometheus: '{job=\"api\"}'; '{}' is every one"),
    ("start", "TIME", "2026-11-21T02:00 in the time zone, or with Z (default: now)"),
    ("end", "TIME", "when it ends"),
    ("duration", "DURATION", "how long it lasts, instead of --end"),
    ("rule", "RRULE", "how it recurs, by a rule of iCalendar: 'FREQ=WEEKLY;BYDAY=SA'"),
    ("timezone", "ZONE", "of the times and the rule (default: UTC)"),
    ("before", "DURATION", "how much earlier it takes effect"),
    ("after", "DURATION", "how much longer it has effect"),
    ("comment", "TEXT", "why"),
    ("id", "ID", "an id of your own (default: made from the rest)"),
)
ALARM_FLAGS: flags.FlagTable = {
    "--watch": {"metavar": "NAME", "help": "the watch"},
    "--series": {"metavar": "SERIES", "help": "one series, as /api/v1/series lists it"},
}


def add_feedback(commands: flags.Commands) -> None:
    group = flags.group(
        commands, "feedback", "answer alarms of a running service: false alarm, real, or new normal"
    )
    add = flags.command(group, "add", "answer an alarm", feedback_add)
    add.add_argument("verdict", metavar="VERDICT", help="false_alarm, real or new_normal")
    add.add_argument(
        "--incident", metavar="ID", help="which incident; else --watch, --series, --start and --end"
    )
    add.add_argument("--comment", metavar="TEXT", default="", help="why")
    show = flags.command(group, "list", "list the answers and which are in force", feedback_list)
    show.add_argument("--match", metavar="SELECTOR", help="only series that this selects")
    withdraw = flags.command(
        group, "withdraw", "take answers back: their effects end", feedback_withdraw
    )
    withdraw.add_argument(
        "numbers", metavar="ID", nargs="+", type=flags.listed_number, help="the number of an answer"
    )
    for command in (add, show):
        flags.add_all(command, ALARM_FLAGS)
    listings.start_and_end(add)
    listings.times(show)
    listings.output(show)
    for command in (add, show, withdraw):
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
            "from": options.start,
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
            **listings.time_fields(options),
        },
        options.form,
    )
    return 0


def feedback_withdraw(options: argparse.Namespace) -> int:
    """`bandwatch feedback withdraw`."""
    from plugin.commands import feedback

    feedback.withdraw(flags.service(options), options.numbers)
    return 0


def add_maintenance(commands: flags.Commands) -> None:
    group = flags.group(
        commands,
        "maintenance",
        "plan work on what a running service watches: meanwhile it neither pages nor learns",
    )
    add = flags.command(
        group, "add", "add a window; the same window is added only once", maintenance_add
    )
    for name, metavar, text in WINDOW_FLAGS:
        add.add_argument(f"--{name}", metavar=metavar, help=text)
    listings.renamed(add, "--begin", "start")
    add.add_argument(
        "--watch",
        metavar="NAME",
        action="append",
        help="only series of this watch; may be repeated",
    )
    show = flags.command(
        group, "list", "list the windows that run and those to come", maintenance_list
    )
    show.add_argument("--all", action="store_true", help="also windows that are over")
    listings.output(show)
    end = flags.command(group, "end", "end windows that run, remove those to come", maintenance_end)
    end.add_argument("ids", metavar="ID", nargs="+", help="the id of a window, as list shows it")
    for command in (add, show, end):
        flags.at_service(command)


def maintenance_add(options: argparse.Namespace) -> int:
    """`bandwatch maintenance add`."""
    from plugin.commands import maintenance

    fields = {name: getattr(options, name) for name, _, _ in WINDOW_FLAGS}
    fields["begin"] = fields.pop("start")  # as the API calls it
    maintenance.add(flags.service(options), {**fields, "watch": options.watch})
    return 0


def maintenance_list(options: argparse.Namespace) -> int:
    """`bandwatch maintenance list`."""
    from plugin.commands import maintenance

    maintenance.show(flags.service(options), options.form, everything=options.all)
    return 0


def maintenance_end(options: argparse.Namespace) -> int:
    """`bandwatch maintenance end`."""
    from plugin.commands import maintenance

    maintenance.end(flags.service(options), options.ids)
    return 0
