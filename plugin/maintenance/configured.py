"""The windows that a configuration names: its own, and those of its calendars."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from plugin.config import MaintenanceSettings
from plugin.domain.windows import Window
from plugin.errors import ConfigError, SourceFailed
from plugin.maintenance import calendars

log = logging.getLogger(__name__)

Stamp = tuple[int, int]  # of a file: when it changed in nanoseconds, and its size in bytes
Calendars = Mapping[Path, tuple[Stamp, tuple[Window, ...]]]


@dataclass(frozen=True)
class ConfiguredWindows:
    """What a configuration says."""

    settings: MaintenanceSettings
    windows: tuple[Window, ...]  # of the file itself
    calendars: Calendars  # by the path of their file


def read_configured(settings: MaintenanceSettings) -> ConfiguredWindows:
    """Reads what a configuration names. Raises ConfigError."""
    try:
        windows_by_file = {
            path: (_stamp(path), tuple(calendars.read_calendar(path)))
            for path in _calendar_files(settings)
        }
    except SourceFailed as error:
        raise ConfigError(f"maintenance.calendars: {error}") from error
    windows = tuple(window.request().window() for window in settings.windows)
    return ConfiguredWindows(settings, windows, windows_by_file)


class CalendarReader:
    """Reads calendars again when their files have changed."""

    def __init__(self, on_failure: Callable[[SourceFailed], None]) -> None:
        self._on_failure = on_failure
        # Files that could not be read, as they were then.
        self._refused: dict[Path, tuple[Stamp, SourceFailed]] = {}

    def refresh(self, configured: ConfiguredWindows) -> Calendars:
        """The calendars as they are now; one that cannot be read stays as it was."""
        windows_by_file = dict(configured.calendars)
        try:
            paths = _calendar_files(configured.settings)
        except SourceFailed as error:
            self._on_failure(error)
            return configured.calendars
        for path in paths:
            try:
                stamp = _stamp(path)
                if path not in windows_by_file or windows_by_file[path][0] != stamp:
                    windows_by_file[path] = stamp, self._read(path, stamp)
            except SourceFailed as error:
                self._on_failure(error)
        return {path: windows_by_file[path] for path in paths if path in windows_by_file}

    def _read(self, path: Path, stamp: Stamp) -> tuple[Window, ...]:
        """Raises SourceFailed; a file that was refused is not read again before it has changed."""
        refused = self._refused.pop(path, None)
        try:
            if refused is not None and refused[0] == stamp:
                raise refused[1]
            windows = tuple(calendars.read_calendar(path))
        except SourceFailed as error:
            self._refused[path] = stamp, error
            raise
        log.info("calendar read", extra={"path": str(path), "windows": len(windows)})
        return windows


def _calendar_files(settings: MaintenanceSettings) -> list[Path]:
    """Raises SourceFailed."""
    return [
        path for calendar in settings.calendars for path in calendars.calendar_files(Path(calendar))
    ]


def _stamp(path: Path) -> Stamp:
    """Raises SourceFailed."""
    try:
        status = path.stat()
    except OSError as error:
        raise SourceFailed("unreadable", f"{path}: {error.strerror}") from error
    return status.st_mtime_ns, status.st_size
