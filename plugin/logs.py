"""Structured logs in Prometheus style: one line per event, logfmt by default, JSON on request.

Logfmt is our own: it is six lines, and the fields must be the same as those of the JSON. Fields
are passed as `log.info("fitted", extra={"watch": "api", "seconds": 1.2})`.
"""

import json
import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

REPEAT_SECONDS = 60.0
REPEATS_KNOWN = 1000
_LEVEL_NAMES = {"WARNING": "warn", "CRITICAL": "error"}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def setup(level: str = "info", form: str = "logfmt", stream: TextIO | None = None) -> None:
    """Sends the logs of Bandwatch and its libraries to `stream` (standard error)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Logfmt())
    handler.addFilter(RepeatFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel("WARNING" if level == "warn" else level.upper())
    for library in ("alembic", "urllib3", "matplotlib"):
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
    event.update(
        (key, value)
        for key, value in vars(record).items()
        if key not in _STANDARD and not key.startswith("_")  # of libraries, for themselves
    )
    if record.exc_info:
        event["err"] = logging.Formatter().formatException(record.exc_info)
    return event


class RepeatFilter(logging.Filter):
    """Lets the same warning or error through once a minute, with a count of those left out.

    A loop that fails at once, as when no file can be opened any more, would fill the disk.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        # By what a line says: when it was last let through, and how many were left out since.
        self._repeats: OrderedDict[int, tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        event = fields(record)
        key = hash(tuple(str(value) for name, value in event.items() if name != "ts"))
        now = self._clock()
        with self._lock:
            shown_at, left_out = self._repeats.pop(key, (-REPEAT_SECONDS, 0))
            is_shown = not 0 <= now - shown_at < REPEAT_SECONDS
            self._repeats[key] = (now, 0) if is_shown else (shown_at, left_out + 1)
            if len(self._repeats) > REPEATS_KNOWN:
                self._repeats.popitem(last=False)
        if is_shown and left_out:
            record.repeated = left_out
        return is_shown


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
