"""What commands share: how one is added, the flags of several, and how the text of a flag is
read."""

import argparse
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from plugin.errors import ConfigError

if TYPE_CHECKING:
    from plugin.commands.client import ServiceClient

T = TypeVar("T")
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Action: TypeAlias = Callable[[argparse.Namespace], int]
# Name of a flag or of an argument -> the settings that argparse takes for it.
FlagTable: TypeAlias = Mapping[str, Mapping[str, Any]]

LOG_LEVELS = ("debug", "info", "warn", "error")
LOG_FORMATS = ("logfmt", "json")
SERVING = ("run", "worker", "web")  # commands that run until they are ended
MAX_TIMEOUT_SECONDS = 600
SERVICE_URL = "http://127.0.0.1:8642"  # where a service listens by default
TLS_FLAGS = {
    "--ca-file": "certificates of the authorities that are trusted (default: the usual ones)",
    "--cert-file": "our certificate, for a service that asks clients for one",
    "--key-file": "the key of that certificate",
}


def command(commands: Commands, name: str, summary: str, action: Action) -> argparse.ArgumentParser:
    """Adds a command, with the flags for logs; action: does its work."""
    parser = commands.add_parser(name, help=summary, description=_sentence(summary))
    parser.set_defaults(command=action)
    parser.add_argument(
        "--log.level",
        dest="log_level",
        choices=LOG_LEVELS,
        default="info" if name in SERVING else "warn",
        help="least severity that is logged (default: %(default)s)",
    )
    parser.add_argument(
        "--log.format",
        dest="log_format",
        choices=LOG_FORMATS,
        default="logfmt",
        help="how a log line is written (default: %(default)s)",
    )
    return parser


def group(commands: Commands, name: str, summary: str) -> Commands:
    """Adds a command that is a name for several."""
    parser = commands.add_parser(name, help=summary, description=_sentence(summary))
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _sentence(summary: str) -> str:
    return summary[0].upper() + summary[1:] + "."


def add_all(parser: argparse.ArgumentParser, table: FlagTable) -> None:
    """Adds the flags of a table."""
    for name, settings in table.items():
        parser.add_argument(name, **settings)


def duration(text: str) -> int:
    """Seconds, at least one."""
    from plugin.config import parse_duration

    seconds = _parsed(parse_duration, text)
    if seconds < 1:
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is a duration of at least "1s"')
    return seconds


def timeout(text: str) -> int:
    """Seconds of one request to Grafana, 1 to MAX_TIMEOUT_SECONDS."""
    seconds = duration(text)
    if seconds > MAX_TIMEOUT_SECONDS:
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is a duration of at most "10m"')
    return seconds


def budget(text: str) -> float:
    """Alarms per series and second."""
    from plugin.config import parse_budget

    return _parsed(parse_budget, text)


def fit_window(text: str) -> int | str:
    """Seconds, or `auto`."""
    from plugin.config.fit_window import FitWindowField

    return _parsed(FitWindowField().read, text)


def country(text: str) -> str:
    """The code of a country whose holidays are known."""
    from plugin.config.locations import CountryField

    return _parsed(CountryField().read, text)


def query(text: str) -> str:
    """A PromQL expression, or the path of a folder."""
    import os

    from plugin.config.locations import QueryField

    return text if os.path.isdir(text) else _parsed(QueryField().read, text)


def timezone(text: str) -> str:
    """The name of an IANA time zone."""
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(text).key
    except (LookupError, ValueError, OSError) as error:
        raise argparse.ArgumentTypeError(
            f'found "{text}"; valid is an IANA time zone such as UTC or Europe/Vienna'
        ) from error


def url(text: str) -> str:
    """An address with http or https."""
    if not text.startswith(("http://", "https://")):
        from plugin.config.locations import found_address

        raise argparse.ArgumentTypeError(
            f"found {found_address(text)}; valid is a URL such as http://127.0.0.1:9090"
        )
    return text


def prometheus_url(text: str) -> str:
    """The base URL of a Prometheus."""
    from plugin.config.locations import UrlField

    return _parsed(UrlField().read, text)


def database(text: str) -> str:
    """The URL of a PostgreSQL database, or the path of a folder."""
    from plugin.config.store_settings import DatabaseUrlField

    return _parsed(DatabaseUrlField().read, text) if "://" in text else text


def process_count(text: str) -> int:
    """0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f'found "{text}"; valid is a number such as 2, or 0 for one per core'
        )
    return int(text)


def listed_number(text: str) -> int:
    """Of an answer or a version, as `list` shows it; they start at 1."""
    if not re.fullmatch(r"[1-9][0-9]{0,14}", text):
        raise argparse.ArgumentTypeError(
            f'found "{text}"; valid is a number as `list` shows it, such as 12'
        )
    return int(text)


def price(text: str) -> float:
    """Of something for a time, 0 or more."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is a price such as 0.04')
    return float(text)


def _parsed(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def config_file(parser: argparse.ArgumentParser) -> None:
    """Adds the flag for the configuration file, which may also be given without the flag."""
    spellings = parser.add_mutually_exclusive_group()
    spellings.add_argument(
        "--config.file",
        dest="config_file",
        metavar="FILE",
        default="bandwatch.yml",
        help="configuration file (default: %(default)s)",
    )
    spellings.add_argument(
        "config_file",
        metavar="FILE",
        nargs="?",
        default=argparse.SUPPRESS,  # else it would overwrite what the flag says
        help="configuration file, as with --config.file",
    )


def listening(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a command that serves until it is ended."""
    parser.add_argument(
        "--web.listen-address",
        dest="listen_address",
        metavar="HOST:PORT",
        help="where to listen; overrides `web.listen_address` (default: 127.0.0.1:8642)",
    )
    parser.add_argument(
        "--config.watch",
        dest="watch_config",
        action="store_true",
        help="look at the file every few seconds, and reload when it has changed",
    )


def watches(parser: argparse.ArgumentParser) -> None:
    """Adds the flag that chooses watches."""
    parser.add_argument(
        "--watch", action="append", metavar="NAME", help="only this watch; may be repeated"
    )


def at_service(parser: argparse.ArgumentParser, token: str = "token") -> None:
    """Where the service runs, and the token for it."""
    parser.add_argument(
        "--url",
        metavar="URL",
        type=url,
        help="address of the running service (default: the environment's BANDWATCH_URL, else "
        f"{SERVICE_URL})",
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
    for flag, text in TLS_FLAGS.items():
        parser.add_argument(flag, metavar="FILE", default="", help=text)


def service(options: argparse.Namespace) -> "ServiceClient":
    """The running service that the flags name. Raises ConfigError."""
    from plugin.commands.client import ServiceClient, chosen_token

    if bool(options.cert_file) != bool(options.key_file):
        raise ConfigError("--cert-file and --key-file: give both or none")
    certificate = (options.cert_file, options.key_file) if options.cert_file else None
    return ServiceClient(
        _service_url(options.url).rstrip("/"),
        chosen_token(options.token, options.token_file, "BANDWATCH_TOKEN"),
        options.ca_file,
        certificate,
    )


def _service_url(given_url: str | None) -> str:
    """The address that is given, or that of the environment. Raises ConfigError."""
    import os

    environment_url = os.environ.get("BANDWATCH_URL", "")
    if given_url or not environment_url:
        return given_url or SERVICE_URL
    try:
        return url(environment_url)
    except argparse.ArgumentTypeError as error:
        raise ConfigError(f"the environment's BANDWATCH_URL: {error}") from error
