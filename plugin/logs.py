"""Structured logs in Prometheus style: one line per event, logfmt by default, JSON on request.

Logfmt is our own: it is six lines, and the fields must be the same as those of the JSON. Fields
are passed as `log.info("fitted", extra={"watch": "api", "seconds": 1.2})`.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

LEVELS = ("debug", "info", "warn", "error")
FORMATS = ("logfmt", "json")
_LEVEL_NAMES = {"WARNING": "warn", "CRITICAL": "error"}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def setup(level: str = "info", form: str = "logfmt", stream: TextIO | None = None) -> None:
    """Sends the logs of Bandwatch and its libraries to `stream` (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Logfmt())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel("WARNING" if level == "warn" else level.upper())
    for library in ("alembic", "waitress", "urllib3", "matplotlib"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # plugin.scheduler logs missed runs itself.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


def fields(record: logging.LogRecord) -> dict[str, object]:
    """The event as an ordered mapping: time, level, source, message, then the fields of `extra`."""
    event: dict[str, object] = {
        "ts": datetime.fromtimestamp(record.created, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
        "level": _LEVEL_NAMES.get(record.levelname, record.levelname.lower()),
        "source": record.name,
        "msg": record.getMessage(),
    }
    event.update((key, value) for key, value in vars(record).items() if key not in _STANDARD)
    if record.exc_info:
        event["err"] = logging.Formatter().formatException(record.exc_info)
    return event


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(fields(record), ensure_ascii=False, default=str)


class _Logfmt(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_quoted(value)}" for key, value in fields(record).items())


def _quoted(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    unquoted = text and not any(mark in text for mark in ' "=\n\t')
    return text if unquoted else json.dumps(text, ensure_ascii=False)
