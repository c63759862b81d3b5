"""The flags of the commands that list something: of which time, and as what."""

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from plugin.cli import flags
from plugin.errors import ConfigError

START_HELP = "start of the range: 2026-11-21T03:05:00Z"
END_HELP = "end of the range (default: now)"


def output(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that choose between a table, JSON and CSV."""
    forms = parser.add_mutually_exclusive_group()
    for form, text in (("json", "print JSON"), ("csv", "print CSV, with the columns of the API")):
        forms.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=text)
    parser.set_defaults(form="table")


def start_and_end(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a range; `--from` and `--to` are their older names."""
    parser.add_argument("--start", metavar="TIME", help=START_HELP)
    parser.add_argument("--end", metavar="TIME", help=END_HELP)
    renamed(parser, "--from", "start")
    renamed(parser, "--to", "end")


def times(parser: argparse.ArgumentParser, since: str | None = None) -> None:
    """The same, with `--since` for a length instead of a start. since: its default."""
    start_and_end(parser)
    parser.add_argument(
        "--since",
        metavar="DURATION",
        type=flags.duration,
        help="how long the range is, instead of --start"
        + (f" (default: {since})" if since else ""),
    )
    parser.set_defaults(default_since=since)


def renamed(parser: argparse.ArgumentParser, name: str, dest: str) -> None:
    """Adds an older name of a flag: it works, and the help does not show it."""
    parser.add_argument(name, dest=dest, default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def time_fields(options: argparse.Namespace) -> dict[str, str | None]:
    """`from` and `to` as the API takes them. Raises ConfigError."""
    if options.start and options.since:
        raise ConfigError("--start and --since are both given: one of them is enough")
    since = options.since
    if since is None and options.default_since and not options.start:
        since = flags.duration(options.default_since)
    if since is None:
        return {"from": options.start, "to": options.end}
    start = datetime.fromtimestamp(max(0, _end(options.end) - since), UTC)
    return {"from": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "to": options.end}


def joined(names: Sequence[str] | None) -> str | None:
    """Names as the API takes them; None = not set."""
    return ",".join(names) if names else None


def _end(text: str | None) -> int:
    """Unix seconds. Raises ConfigError."""
    if not text:
        return int(time.time())
    try:
        if text.isdecimal():
            return int(datetime.fromtimestamp(int(text) // 1000, UTC).timestamp())
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise ConfigError(
            f"--end: found {text!r}; valid is a time such as 2026-11-21T03:05:00Z"
        ) from error
    if moment.tzinfo is None:
        raise ConfigError(
            f"--end: {text!r} has no time zone: end it with Z or an offset such as +01:00"
        )
    return int(moment.timestamp())
