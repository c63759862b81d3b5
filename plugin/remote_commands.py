"""What each command does that acts on a running service, over HTTP; each imports what it needs."""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugin.errors import BandwatchError

if TYPE_CHECKING:
    from plugin.remote import Remote


def feedback_add(options: argparse.Namespace) -> int:
    """`bandwatch feedback add`."""
    from plugin import answers

    answers.add(_service(options), options.verdict, {
        "incident": options.incident, "watch": options.watch, "series": options.series, "from": options.begin,
        "to": options.end}, comment=options.comment)
    return 0


def feedback_list(options: argparse.Namespace) -> int:
    """`bandwatch feedback list`."""
    from plugin import answers

    answers.show(_service(options), {"watch": options.watch, "match": options.match, "series": options.series,
                                     "from": options.begin, "to": options.end})
    return 0


def feedback_withdraw(options: argparse.Namespace) -> int:
    """`bandwatch feedback withdraw`."""
    from plugin import answers

    answers.withdraw(_service(options), options.ids)
    return 0


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


def maintenance_add(options: argparse.Namespace) -> int:
    """`bandwatch maintenance add`."""
    from plugin import planned

    given = {name: getattr(options, name) for name, _, _ in WINDOW_FLAGS}
    planned.add(_service(options), {**given, "watch": options.watch})
    return 0


def maintenance_list(options: argparse.Namespace) -> int:
    """`bandwatch maintenance list`."""
    from plugin import planned

    planned.show(_service(options), everything=options.all)
    return 0


def maintenance_end(options: argparse.Namespace) -> int:
    """`bandwatch maintenance end`."""
    from plugin import planned

    planned.end(_service(options), options.ids)
    return 0


def models_list(options: argparse.Namespace) -> int:
    """`bandwatch models list`."""
    from plugin import versions

    versions.show_list(_service(options), _whose(options))
    return 0


def models_show(options: argparse.Namespace) -> int:
    """`bandwatch models show`."""
    from plugin import versions

    versions.show(_service(options), _whose(options))
    return 0


def models_order(options: argparse.Namespace) -> int:
    """`bandwatch models rollback`, `pin`, `unpin` and `refit`."""
    from plugin import versions

    return 0 if versions.order(_service(options), options.act, _whose(options), comment=options.comment,
                               version=options.to_version) else 1


MODELS = {
    "list": ("who reigns: one line for each series", models_list),
    "show": ("all versions that are kept of some series, and what was decided of them", models_show),
    "rollback": ("let an older model take over, from the next tick on", models_order),
    "pin": ("let no refit take the place of the models that reign", models_order),
    "unpin": ("let refits take their place again", models_order),
    "refit": ("fit some series at once", models_order),
}


def _whose(options: argparse.Namespace) -> dict[str, str | None]:
    return {"watch": options.watch, "series": options.series, "match": options.match}


def explain(options: argparse.Namespace) -> int:
    """`bandwatch explain`: a few lines for each watch that has the series."""
    about = {"series": options.series, "watch": options.watch, "at": options.at}
    rows = _service(options).get("/api/v1/explain", {name: text for name, text in about.items() if text})
    if not isinstance(rows, list) or not rows:
        raise BandwatchError(f"nothing is known of {options.series} then: /api/v1/series lists the series, --at says "
                             "when")
    for row in rows:
        time = datetime.fromtimestamp(row["time"] / 1000, UTC)
        print(f"{row['series']} of {row['watch']} at {time:%Y-%m-%dT%H:%M:%SZ}")
        for part in row["text"].split("; "):
            print(f"  {part}")
    return 0


def _service(options: argparse.Namespace) -> "Remote":
    """The running service that the flags name. Raises ConfigError."""
    from plugin.remote import Remote, given_token

    return Remote(options.url.rstrip("/"), given_token(options.token, options.token_file, "BANDWATCH_TOKEN"))
