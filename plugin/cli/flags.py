"""What commands have in common: how one is made, flags that several have, and how the text of a
flag is read."""

import argparse
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from plugin import logs

if TYPE_CHECKING:
    from plugin.commands.client import ServiceClient

T = TypeVar("T")
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Command: TypeAlias = Callable[[argparse.Namespace], int]


def command(commands: Commands, name: str, help: str, run: Command) -> argparse.ArgumentParser:
    made = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    made.set_defaults(command=run)
    made.add_argument(
        "--log.level",
        dest="log_level",
        choices=logs.LEVELS,
        default="info" if name == "run" else "warn",
        help="least severity that is logged (default: %(default)s)",
    )
    made.add_argument(
        "--log.format",
        dest="log_format",
        choices=logs.FORMATS,
        default="logfmt",
        help="how a log line is written (default: %(default)s)",
    )
    return made


def group(commands: Commands, name: str, help: str) -> Commands:
    """A command that is a name for several."""
    made = commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    return made.add_subparsers(title="commands", metavar="COMMAND", required=True)


def duration(text: str) -> int:
    """Seconds, at least one."""
    from plugin.config import parse_duration

    seconds = _said(parse_duration, text)
    if seconds < 1:
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is a duration of at least "1s"')
    return seconds


def seconds(text: str) -> int:
    """At least one, at most ten minutes: one request to Grafana."""
    seconds = duration(text)
    if seconds > 600:
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is a duration of at most "10m"')
    return seconds


def budget(text: str) -> float:
    """Alarms per series and second."""
    from plugin.config import parse_budget

    return _said(parse_budget, text)


def timezone(text: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text).key
    except (LookupError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(
            f'found "{text}"; valid is an IANA time zone such as UTC or Europe/Vienna'
        ) from error


def url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(
            f'found "{text}"; valid is a URL such as http://127.0.0.1:9090'
        )
    return text


def count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f'found "{text}"; valid is a number such as 2, or 0 for one per core'
        )
    return int(text)


def number(text: str) -> int:
    """Of an answer or a version: they begin at 1."""
    if not re.fullmatch(r"[1-9][0-9]{0,14}", text):
        raise argparse.ArgumentTypeError(
            f'found "{text}"; valid is a number as `list` shows it, such as 12'
        )
    return int(text)


def _said(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def config_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file",
        dest="config_file",
        metavar="FILE",
        default="bandwatch.yml",
        help="configuration file (default: %(default)s)",
    )


def watches(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--watch", action="append", metavar="NAME", help="only this watch; may be repeated"
    )


def at_service(parser: argparse.ArgumentParser, token: str = "token") -> None:
    """Where the service runs, and who we are to it."""
    parser.add_argument(
        "--url",
        metavar="URL",
        default="http://127.0.0.1:8642",
        type=url,
        help="address of the running service (default: %(default)s)",
    )
    parser.add_argument(
        "--token",
        metavar="TOKEN",
        default="",
        help=f"its {token} (default: the environment's BANDWATCH_TOKEN)",
    )
    parser.add_argument(
        "--token-file", metavar="FILE", default="", help="file with that token, instead of --token"
    )


def service(options: argparse.Namespace) -> "ServiceClient":
    """The running service that the flags name. Raises ConfigError."""
    from plugin.commands.client import ServiceClient, given_token

    return ServiceClient(
        options.url.rstrip("/"), given_token(options.token, options.token_file, "BANDWATCH_TOKEN")
    )
