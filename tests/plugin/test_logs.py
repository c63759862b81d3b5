"""A log line is one event: readable, complete, and safe to parse."""

import io
import json
import logging

import pytest

from plugin import logs


@pytest.fixture(autouse=True)
def _restore_logging():  # type: ignore[no-untyped-def]
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:] = before[0]
    root.level = before[1]


def lines(form: str, level: str = "info") -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    logs.setup(level, form, stream)
    return logging.getLogger("plugin.test"), stream


def test_logfmt_quotes_what_needs_it() -> None:
    log, stream = lines("logfmt")
    log.info(
        "fitted %d",
        3,
        extra={"watch": "api", "err": 'a "b" = c', "seconds": 0.123456789, "empty": ""},
    )
    line = stream.getvalue()
    assert 'level=info source=plugin.test msg="fitted 3" watch=api ' in line
    assert 'err="a \\"b\\" = c" seconds=0.123457 empty=""' in line
    assert line.startswith("ts=20") and line.count("\n") == 1


def test_json_is_one_object_a_line() -> None:
    log, stream = lines("json")
    try:
        raise ValueError("line one\nline two")
    except ValueError:
        log.exception("broken", extra={"watch": "größe"})
    event = json.loads(stream.getvalue())
    assert event["level"] == "error" and event["watch"] == "größe" and "line two" in event["err"]


def test_level_is_respected() -> None:
    log, stream = lines("logfmt", "warn")
    log.info("quiet")
    log.warning("loud")
    assert "quiet" not in stream.getvalue() and "level=warn" in stream.getvalue()


def test_the_same_error_is_written_once_a_minute_with_a_count() -> None:
    now = 100.0
    repeats = logs.RepeatFilter(lambda: now)

    def is_shown(
        text: str, level: int = logging.ERROR, **extra: object
    ) -> logging.LogRecord | None:
        record = logging.LogRecord("web", level, "file.py", 1, text, (), None)
        vars(record).update(extra)
        return record if repeats.filter(record) else None

    assert is_shown("no file can be opened") is not None
    for _ in range(1_000):
        assert is_shown("no file can be opened") is None
    assert is_shown("scoring failed", watch="a") and is_shown("scoring failed", watch="b")
    assert is_shown("tick", logging.INFO) and is_shown("tick", logging.INFO)
    now += 61
    again = is_shown("no file can be opened")
    assert again is not None and logs.fields(again)["repeated"] == 1_000
    now -= 600  # whatever the clock does
    assert is_shown("no file can be opened") is not None


def test_what_is_known_of_repeats_is_bounded() -> None:
    repeats = logs.RepeatFilter()
    for number in range(3 * logs.REPEATS_KNOWN):
        record = logging.LogRecord("web", logging.ERROR, "file.py", 1, str(number), (), None)
        assert repeats.filter(record)
    assert len(repeats._repeats) == logs.REPEATS_KNOWN
