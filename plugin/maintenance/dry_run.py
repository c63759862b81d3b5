"""`bandwatch check`: reads the calendars as the service will, and describes each."""

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from plugin.config import Config
from plugin.domain.windows import Window
from plugin.errors import SourceFailed
from plugin.maintenance import calendars


def check(config: Config, out: TextIO) -> bool:
    """Writes a line for each calendar; one that cannot be read does not stop the check.

    Returns True if everything can be read.
    """
    works = True
    for calendar in config.maintenance.calendars:
        try:
            paths = calendars.calendar_files(Path(calendar))
            if not paths:
                print(
                    f"calendar {calendar}: this folder holds no {calendars.SUFFIX} file", file=out
                )
        except SourceFailed as error:
            paths = []
            works = False
            print(f"FAILED: maintenance.calendars: {error}", file=out)
        for path in paths:
            works &= _check_calendar(path, config, out)
    return works


def _check_calendar(path: Path, config: Config, out: TextIO) -> bool:
    try:
        windows = calendars.read_calendar(path)
    except SourceFailed as error:
        print(f"FAILED: maintenance.calendars: {error}", file=out)
        return False
    print(
        f"calendar {path}: {len(windows)} {'window' if len(windows) == 1 else 'windows'}"
        + ("" if windows else "; an event is one when its description has a line match: or watch:"),
        file=out,
    )
    for warning in _unknown_watches(windows, [watch.name for watch in config.watches]):
        print(f"  warning: {warning}", file=out)
    return True


def _unknown_watches(windows: list[Window], watches: list[str]) -> Iterator[str]:
    for window in windows:
        for name in window.watch:
            if name not in watches:
                yield (
                    f"event {window.name!r}: there is no watch `{name}`; valid: "
                    f"{', '.join(watches)}"
                )
