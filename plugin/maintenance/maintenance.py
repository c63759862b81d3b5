"""All windows that are known, from wherever they come; the one place where they are added and
ended.

Windows of the configuration and of calendars are not stored: their files are. What came over the
API is, and so are silences, because an Alertmanager forgets them and what they masked must not be
learnt later on.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from plugin import config
from plugin.config.model import AlertmanagerSettings
from plugin.domain.windows import Window, window
from plugin.domain.wording import instant
from plugin.errors import ConfigError, SourceFailed, WindowRefused
from plugin.maintenance import calendars, silences
from plugin.metrics import Metrics
from plugin.prometheus.credentials import public_url
from plugin.store import Store

log = logging.getLogger(__name__)

MOST = 10_000  # windows of the API that are kept
SAME = (
    "name",
    "match",
    "watch",
    "begin",
    "rule",
    "timezone",
    "before",
    "after",
    "comment",
    "alerts",
)
CONTENT = {
    **{name: name for name in SAME},
    "seconds": "duration",
}  # what makes two windows one -> as people call it
Stamp = tuple[int, int]  # of a file: when it changed, and its size


@dataclass(frozen=True)
class ConfiguredWindows:
    """What the configuration says."""

    settings: config.MaintenanceSettings
    written: tuple[Window, ...]
    calendars: dict[Path, tuple[Stamp, tuple[Window, ...]]]


class MaintenanceCalendar:
    """Any thread may ask. `run` is for one thread at a time."""

    def __init__(
        self,
        settings: config.MaintenanceSettings,
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
        self._stored = {each.id: each for each in store.windows.all()}
        self._refused: dict[
            Path, tuple[Stamp, SourceFailed]
        ] = {}  # calendars that cannot be read as they are now
        self._all: tuple[Window, ...] = ()
        self.use(self.plan(settings))

    def plan(self, settings: config.MaintenanceSettings) -> ConfiguredWindows:
        """Reads what a configuration names; changes nothing. Raises ConfigError."""
        now = int(self._clock())
        try:
            found = {
                path: (_stamp(path), tuple(calendars.read(path, now)))
                for each in settings.calendars
                for path in calendars.files(Path(each))
            }
        except SourceFailed as error:
            raise ConfigError(f"maintenance.calendars: {error}") from error
        return ConfiguredWindows(settings, written(settings, now), found)

    def use(self, plan: ConfiguredWindows) -> None:
        """Puts a plan in the place of the one before; nothing that has been added is lost."""
        with self._lock:
            self._plan = plan
            self._gather()

    def windows(self) -> tuple[Window, ...]:
        """Each once, by id; the same object while nothing changes."""
        return self._all

    def add(self, given: Window) -> tuple[Window, bool]:
        """The window, and whether it is new: one that is there already stays as it is.

        Raises WindowRefused.
        """
        with self._lock:
            known = next((each for each in self._all if each.id == given.id), None)
            if known is not None and known.ended is not None:
                raise WindowRefused(
                    "id",
                    f'"{given.id}", which {_ending(known)}',
                    "another begin, or an id of its own",
                )
            if known is not None:
                other = [
                    said
                    for name, said in CONTENT.items()
                    if getattr(known, name) != getattr(given, name)
                ]
                if other:
                    raise WindowRefused(
                        "id",
                        f'"{given.id}", which is another window: it has another '
                        f"{' and '.join(other)}",
                        "an id of its own, or none",
                    )
                return known, False
            if len(self._stored) >= MOST:
                raise WindowRefused(
                    "id",
                    f"the {MOST + 1}th window",
                    f"at most {MOST} windows: end some, or use one with a rule, or a calendar",
                )
            self._put([given])
            return given, True

    def end(self, id: str, by: str = "") -> Window | None:
        """Ends what runs, or has run and would come again, now; removes what has not begun. by: who
        wants it.

        Returns it as it is after that; None where there is none of this id. Raises WindowRefused
        for one that is over, and for one that is kept elsewhere.
        """
        now = int(self._clock())
        with self._lock:
            known = next((each for each in self._all if each.id == id), None)
            if known is None:
                return None
            if known.source != "api":
                raise WindowRefused(
                    "id",
                    f'"{id}", which is from {known.source}',
                    "one that was added here: change it where it is from",
                )
            if known.state(now) == "ended":
                raise WindowRefused(
                    "id", f'"{id}", which {_ending(known)}', "one that runs or is still to come"
                )
            if known.first >= now:
                self._store.windows.remove([id])
                del self._stored[id]
                self._gather()
                return replace(known, ended=known.first, ended_by=by)
            ended = replace(known, ended=now, ended_by=by)
            self._put([ended])
            return ended

    def run(self) -> None:
        """Reads calendars that have changed, and silences.

        What fails is counted, and what was known stays.
        """
        self._read_calendars()
        for settings in self._plan.settings.alertmanagers:
            try:
                self._take_silences(public_url(settings.url), silences.ask(settings))
            except SourceFailed as error:
                self._count("alertmanager", error)
        self._drop_sources(self._plan.settings.alertmanagers)
        now = int(self._clock())
        kinds = {"api": 0, "config": 0, "calendar": 0, "alertmanager": 0}
        for each in self._all:
            kinds[_kind(each)] += each.state(now) == "active"
        for kind, active in kinds.items():
            self._metrics.maintenance_active.labels(kind).set(active)

    def forget(self, before: int) -> None:
        """Removes stored windows that were over by then, and so cover nothing that is kept."""
        with self._lock:
            old = [each.id for each in self._stored.values() if each.state(before) == "ended"]
            self._store.windows.remove(old)
            for id in old:
                del self._stored[id]
            if old:
                self._gather()

    def _read_calendars(self) -> None:
        plan = self._plan
        now = int(self._clock())
        found = dict(self._plan.calendars)
        try:
            paths = [
                path for each in plan.settings.calendars for path in calendars.files(Path(each))
            ]
        except SourceFailed as error:
            self._count("calendar", error)
            return
        for path in paths:
            try:
                stamp = _stamp(path)
                if path not in found or found[path][0] != stamp:
                    found[path] = stamp, self._read_changed(path, stamp, now)
            except SourceFailed as error:
                self._count("calendar", error)
        found = {path: found[path] for path in paths if path in found}
        if found != plan.calendars:
            with self._lock:
                if self._plan is plan:  # no reload meanwhile
                    self._plan = replace(plan, calendars=found)
                    self._gather()

    def _read_changed(self, path: Path, stamp: Stamp, now: int) -> tuple[Window, ...]:
        """Raises SourceFailed; a file that has been refused is not tried again before it has
        changed."""
        refused = self._refused.pop(path, None)
        try:
            if refused is not None and refused[0] == stamp:
                raise refused[1]
            read = tuple(calendars.read(path, now))
        except SourceFailed as error:
            self._refused[path] = stamp, error
            raise
        log.info("calendar read", extra={"path": str(path), "windows": len(read)})
        return read

    def _take_silences(self, url: str, found: Sequence[Window]) -> None:
        """Keeps silences; one that has gone before its time has been ended."""
        now = int(self._clock())
        there = {each.id for each in found}
        known = {each.id: each for each in self._stored.values() if each.source == url}
        gone = [
            replace(each, ended=now)
            for each in known.values()
            if each.id not in there and each.state(now) != "ended"
        ]
        with self._lock:
            self._put(
                [
                    *gone,
                    *(each for each in found if each.seconds > 0 and known.get(each.id) != each),
                ]
            )
            void = [
                each.id for each in found if each.seconds <= 0 and each.id in known
            ]  # taken back before its time
            self._store.windows.remove(void)
            for id in void:
                del self._stored[id]
            if void:
                self._gather()

    def _drop_sources(self, settings: Iterable[AlertmanagerSettings]) -> None:
        """Ends silences of an Alertmanager that is asked no more."""
        asked = {public_url(each.url) for each in settings}
        now = int(self._clock())
        left = [
            replace(each, ended=now)
            for each in self._stored.values()
            if each.alerts and each.source not in asked and each.state(now) != "ended"
        ]
        with self._lock:
            self._put(left)

    def _put(self, windows: Sequence[Window]) -> None:
        """With the lock held."""
        if windows:
            self._store.windows.put(windows)
            self._stored.update((each.id, each) for each in windows)
            self._gather()

    def _gather(self) -> None:
        """With the lock held."""
        found: dict[str, Window] = {}
        for source in (
            self._plan.written,
            *(windows for _, windows in self._plan.calendars.values()),
            self._stored.values(),
        ):
            for each in source:
                found.setdefault(each.id, each)
        self._all = tuple(found.values())

    def _count(self, kind: str, error: SourceFailed) -> None:
        self._metrics.maintenance_failures.labels(kind, error.reason).inc()
        log.warning(
            "maintenance windows not read",
            extra={"source": kind, "reason": error.reason, "err": str(error)},
        )


def written(settings: config.MaintenanceSettings, now: int) -> tuple[Window, ...]:
    """Raises ConfigError for one that the time has made wrong: a rule that has come too often by
    now."""
    made = []
    for each in settings.windows:
        try:
            made.append(_written(each, now))
        except WindowRefused as refused:
            raise ConfigError(f"maintenance.windows: {each.name!r}: {refused}") from refused
    return tuple(made)


def _ending(window: Window) -> str:
    if window.ended is None:
        return "is over"
    return (
        f"has been ended{f' by {window.ended_by}' if window.ended_by else ''} at"
        f" {instant(window.ended)}"
    )


def _written(given: config.MaintenanceWindow, now: int) -> Window:
    return window(
        name=given.name,
        match=given.match,
        watch=given.watch,
        begin=given.begin,
        end=given.end or "",
        duration=given.duration,
        rule=given.rule,
        timezone=given.timezone,
        before=given.before,
        after=given.after,
        comment=given.comment,
        by=given.by,
        source="config",
        now=now,
    )


def _stamp(path: Path) -> Stamp:
    """Raises SourceFailed."""
    try:
        found = path.stat()
    except OSError as error:
        raise SourceFailed("unreadable", f"{path}: {error.strerror}") from error
    return found.st_mtime_ns, found.st_size


def _kind(window: Window) -> str:
    return (
        "alertmanager"
        if window.alerts
        else window.source
        if window.source in ("api", "config")
        else "calendar"
    )
