"""`bandwatch check`: reads what is planned as the service will, and says what it finds in each
calendar."""

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from plugin.config import Config
from plugin.domain.windows import Window
from plugin.errors import ConfigError, SourceFailed
from plugin.maintenance import calendars
from plugin.maintenance.maintenance import written


def check(config: Config, now: int, out: TextIO) -> bool:
    """Writes a line per calendar, and goes on after one that cannot be read. now: unix seconds.

    True if all can.
    """
    works = True
    try:
        written(config.maintenance, now)
    except ConfigError as error:
        print(f"FAILED: {error}", file=out)
        works = False
    for place in config.maintenance.calendars:
        try:
            paths = calendars.files(Path(place))
            if not paths:
                print(f"calendar {place}: this folder holds no {calendars.SUFFIX} file", file=out)
        except SourceFailed as error:
            paths = []
            works = False
            print(f"FAILED: maintenance.calendars: {error}", file=out)
        for path in paths:
            works &= _read(path, config, now, out)
    return works


def _read(path: Path, config: Config, now: int, out: TextIO) -> bool:
    try:
        windows = calendars.read(path, now)
    except SourceFailed as error:
        print(f"FAILED: maintenance.calendars: {error}", file=out)
        return False
    print(
        f"calendar {path}: {len(windows)} {'window' if len(windows) == 1 else 'windows'}"
        + ("" if windows else "; an event is one when its description has a line match: or watch:"),
        file=out,
    )
    for warning in _unknown(windows, [watch.name for watch in config.watches]):
        print(f"  warning: {warning}", file=out)
    return True


def _unknown(windows: list[Window], watches: list[str]) -> Iterator[str]:
    for each in windows:
        for name in each.watch:
            if name not in watches:
                yield (
                    f"event {each.name!r}: there is no watch `{name}`; valid: {', '.join(watches)}"
                )
