"""All maintenance windows, and the one place where they are added and ended.

Windows of the configuration and of calendars are not stored: their files are. Windows from the API
are stored. So are silences, because an Alertmanager forgets them, and a model must not learn later
from the time that they masked.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from plugin.config import AlertmanagerSettings, MaintenanceSettings
from plugin.domain.times import instant
from plugin.domain.windows import Window
from plugin.errors import SourceFailed, WindowRefused
from plugin.maintenance import silences
from plugin.maintenance.configured import CalendarReader, ConfiguredWindows, read_configured
from plugin.metrics import Metrics
from plugin.prometheus.credentials import public_url
from plugin.store import Store

log = logging.getLogger(__name__)

MAX_STORED_WINDOWS = 10_000
# The fields that tell two windows apart -> their names in the API.
CONTENT_FIELDS = {
    "name": "name",
    "match": "match",
    "watch": "watch",
    "start": "begin",
    "rule": "rule",
    "timezone": "timezone",
    "before": "before",
    "after": "after",
    "comment": "comment",
    "alerts": "alerts",
    "seconds": "duration",
}


class MaintenanceCalendar:
    """All windows. Any thread may ask; `run` is for one thread at a time."""

    def __init__(
        self,
        settings: MaintenanceSettings,
        store: Store,
        metrics: Metrics,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Raises ConfigError for a calendar that cannot be read."""
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._lock = threading.Lock()
        self._stored = {window.id: window for window in store.maintenance.all()}
        self._calendars = CalendarReader(lambda error: self._count_failure("calendar", error))
        self._all: tuple[Window, ...] = ()
        self.use(self.plan(settings))

    def plan(self, settings: MaintenanceSettings) -> ConfiguredWindows:
        """Reads what a configuration names; changes nothing. Raises ConfigError."""
        return read_configured(settings)

    def use(self, plan: ConfiguredWindows) -> None:
        """Replaces the configured windows; windows from the API and silences stay."""
        with self._lock:
            self._plan = plan
            self._gather()

    def windows(self) -> tuple[Window, ...]:
        """All windows, each id once; the same object while nothing changes."""
        return self._all

    def add(self, window: Window) -> tuple[Window, bool]:
        """The window, and whether it is new. A window that exists already stays as it is.

        Raises WindowRefused.
        """
        with self._lock:
            existing = next((other for other in self._all if other.id == window.id), None)
            if existing is not None:
                _refuse_other(window, existing)
                return existing, False
            if len(self._stored) >= MAX_STORED_WINDOWS:
                raise WindowRefused(
                    "id",
                    f"the {MAX_STORED_WINDOWS + 1}th window",
                    f"at most {MAX_STORED_WINDOWS} windows: end some, or use one with a rule, or "
                    "a calendar",
                )
            self._put([window])
            return window, True

    def end(self, window_id: str, author: str = "") -> Window | None:
        """Ends a window now, or removes it if it has not started yet. author: who wants it.

        Returns the window as it is after that; None where no window has this id. Raises
        WindowRefused for a window that has ended, or that comes from a file or an Alertmanager.
        """
        now = int(self._clock())
        with self._lock:
            window = next((other for other in self._all if other.id == window_id), None)
            if window is None:
                return None
            _refuse_end(window, now)
            if window.first >= now:
                self._remove([window_id])
                return replace(window, ended=window.first, ended_by=author)
            ended_window = replace(window, ended=now, ended_by=author)
            self._put([ended_window])
            return ended_window

    def run(self, *, with_silences: bool = True) -> None:
        """Reads the calendars that have changed, and the silences: one process stores these for
        all.

        A failure is counted; the windows that were known stay.
        """
        self._refresh_calendars()
        if with_silences:
            self._refresh_silences()
        now = int(self._clock())
        active = {"api": 0, "config": 0, "calendar": 0, "alertmanager": 0}
        for window in self._all:
            active[_source_kind(window)] += window.state(now) == "active"
        for kind, count in active.items():
            self._metrics.maintenance_active.labels(kind).set(count)

    def follow(self) -> None:
        """Reads what other processes have stored since. Raises StoreError."""
        with self._lock:
            stored = {window.id: window for window in self._store.maintenance.all()}
            if stored != self._stored:
                self._stored = stored
                self._gather()

    def forget(self, cutoff: int) -> None:
        """Removes stored windows that ended before this time, unix seconds: no stored sample is
        inside them."""
        with self._lock:
            self._remove(
                [window.id for window in self._stored.values() if window.state(cutoff) == "ended"]
            )

    def _refresh_calendars(self) -> None:
        plan = self._plan
        calendars = self._calendars.refresh(plan)
        if calendars != plan.calendars:
            with self._lock:
                if self._plan is plan:  # otherwise a reload has replaced the plan meanwhile
                    self._plan = replace(plan, calendars=calendars)
                    self._gather()

    def _refresh_silences(self) -> None:
        for settings in self._plan.settings.alertmanagers:
            try:
                self._take_silences(public_url(settings.url), silences.fetch_silences(settings))
            except SourceFailed as error:
                self._count_failure("alertmanager", error)
        self._end_silences_of_others(self._plan.settings.alertmanagers)

    def _take_silences(self, url: str, windows: Sequence[Window]) -> None:
        """Stores the silences of an Alertmanager. One that it no longer lists was ended."""
        now = int(self._clock())
        listed = {window.id for window in windows}
        stored = {window.id: window for window in self._stored.values() if window.source == url}
        ended_windows = [
            replace(window, ended=now)
            for window in stored.values()
            if window.id not in listed and window.state(now) != "ended"
        ]
        changed = [
            window for window in windows if window.seconds > 0 and stored.get(window.id) != window
        ]
        # A silence that was removed before its start has no duration.
        void = [window.id for window in windows if window.seconds <= 0 and window.id in stored]
        with self._lock:
            self._put([*ended_windows, *changed])
            self._remove(void)

    def _end_silences_of_others(self, settings: Iterable[AlertmanagerSettings]) -> None:
        """Ends the silences of Alertmanagers that are not in the configuration any more."""
        urls = {public_url(alertmanager.url) for alertmanager in settings}
        now = int(self._clock())
        ended_windows = [
            replace(window, ended=now)
            for window in self._stored.values()
            if window.alerts and window.source not in urls and window.state(now) != "ended"
        ]
        with self._lock:
            self._put(ended_windows)

    def _put(self, windows: Sequence[Window]) -> None:
        """Stores windows; the caller holds the lock."""
        if windows:
            self._store.maintenance.put(windows)
            self._stored.update((window.id, window) for window in windows)
            self._gather()

    def _remove(self, ids: Sequence[str]) -> None:
        """Removes stored windows; the caller holds the lock."""
        self._store.maintenance.remove(ids)
        for window_id in ids:
            del self._stored[window_id]
        if ids:
            self._gather()

    def _gather(self) -> None:
        """Sets `_all`; the caller holds the lock."""
        windows_by_id: dict[str, Window] = {}
        for source in (
            self._plan.windows,
            *(windows for _, windows in self._plan.calendars.values()),
            self._stored.values(),
        ):
            for window in source:
                windows_by_id.setdefault(window.id, window)
        self._all = tuple(windows_by_id.values())

    def _count_failure(self, kind: str, error: SourceFailed) -> None:
        self._metrics.maintenance_failures.labels(kind, error.reason).inc()
        log.warning(
            "maintenance windows not read",
            extra={"source": kind, "reason": error.reason, "err": str(error)},
        )


def _refuse_other(window: Window, existing: Window) -> None:
    """Raises WindowRefused unless the window that has this id is the same one, and not ended."""
    if existing.ended is not None:
        raise WindowRefused(
            "id",
            f'"{window.id}", which {_describe_end(existing)}',
            "another begin, or an id of its own",
        )
    differences = [
        name
        for field, name in CONTENT_FIELDS.items()
        if getattr(existing, field) != getattr(window, field)
    ]
    if differences:
        raise WindowRefused(
            "id",
            f'"{window.id}", which is another window: it has another {" and ".join(differences)}',
            "an id of its own, or none",
        )


def _refuse_end(window: Window, now: int) -> None:
    """Raises WindowRefused where a window cannot be ended."""
    if window.source != "api":
        raise WindowRefused(
            "id",
            f'"{window.id}", which is from {window.source}',
            "one that was added here: change it where it is from",
        )
    if window.state(now) == "ended":
        raise WindowRefused(
            "id",
            f'"{window.id}", which {_describe_end(window)}',
            "one that runs or is still to come",
        )


def _describe_end(window: Window) -> str:
    if window.ended is None:
        return "is over"
    return (
        f"has been ended{f' by {window.ended_by}' if window.ended_by else ''} at"
        f" {instant(window.ended)}"
    )


def _source_kind(window: Window) -> str:
    if window.alerts:
        return "alertmanager"
    return window.source if window.source in ("api", "config") else "calendar"
