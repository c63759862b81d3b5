"""The rules between settings. A rule names the settings that it reads, the one to change first.

A rule is skipped if one of its settings is already refused. Its message points to the first of its
settings that the file contains.
"""

from collections.abc import Iterable, Iterator
from functools import partial

from plugin.config.conflicts import Conflict, conflict, quoted_duration, repeated_names
from plugin.config.endpoint_constraints import check_endpoint, check_web
from plugin.config.model import Config, MaintenanceSettings, MaintenanceWindow, StoreSettings
from plugin.config.problems import Path, display_text, listed, nearest_name
from plugin.config.shards import check_shards, watch_names
from plugin.config.watch_constraints import check_calendar, check_groups, check_watch
from plugin.errors import WindowRefused


def find_conflicts(config: Config, detectors: Iterable[str]) -> Iterator[Conflict]:
    """Every rule that a configuration breaks. detectors: the names that a watch may use."""
    names = sorted(detectors)
    for i, watch in enumerate(config.watches):
        yield from check_watch(("watches", i), watch, config.store)
        yield from check_shards(("watches", i), watch)
        if watch.calendar is not None and watch.calendar != config.calendar:
            yield from check_calendar(("watches", i, "calendar"), watch.calendar)
        if watch.detector not in names:
            yield conflict(
                ("watches", i, "detector"),
                display_text(watch.detector),
                _installed(names),
                partial(nearest_name, watch.detector, names),
            )
    paths, names_with_shards = zip(*watch_names(config), strict=True)
    yield from repeated_names(paths, names_with_shards, "a name that no other watch has")
    yield from check_groups(config.watches)
    if config.calendar is not None:
        yield from check_calendar(("calendar",), config.calendar)
    yield from check_endpoint(("prometheus",), config.prometheus)
    yield from _timeouts(config)
    yield from _store(config.store)
    if config.remote_write:
        yield from check_endpoint(("remote_write",), config.remote_write)
    known = dict.fromkeys([*(watch.name for watch in config.watches), *names_with_shards])
    yield from _maintenance(config.maintenance, list(known))
    yield from check_web(config.web)


def _installed(names: list[str]) -> str:
    choice = f": {', '.join(names)}" if names else "; none is: install bandwatch with pip"
    return f"an installed detector{choice}"


def _timeouts(config: Config) -> Iterator[Conflict]:
    connect = ("prometheus", "connect_timeout")
    read = ("prometheus", "read_timeout")
    timeout = config.prometheus.read_timeout
    if config.prometheus.connect_timeout > timeout:
        yield conflict(
            connect,
            quoted_duration(config.prometheus.connect_timeout),
            f"at most read_timeout, {quoted_duration(timeout)}",
            also=(read,),
        )
    shortest = min(range(len(config.watches)), key=lambda i: config.watches[i].score_interval)
    interval = config.watches[shortest].score_interval
    watch_path = ("watches", shortest)
    # Timeouts are whole seconds, so the shortest one is as long as the shortest interval.
    if timeout > max(1, interval - 1):
        yield conflict(
            read,
            quoted_duration(timeout),
            f"{'at most' if interval == 1 else 'less than'} the shortest interval between scores, "
            f"{quoted_duration(interval)} of {display_text(config.watches[shortest].name)}",
            also=((*watch_path, "score_every"), (*watch_path, "step")),
        )


def _store(store: StoreSettings) -> Iterator[Conflict]:
    retention = ("store", "retention")
    gone_after = ("store", "gone_after")
    if store.gone_after > store.retention:
        yield conflict(
            gone_after,
            quoted_duration(store.gone_after),
            f"at most store.retention, {quoted_duration(store.retention)}",
            also=(retention,),
        )
    password = ("store", "password")
    password_file = ("store", "password_file")
    if store.password and store.password_file:
        yield conflict(
            password_file, "password and password_file together", "one of the two", also=(password,)
        )
    if store.url is None and (store.password or store.password_file):
        yield conflict(
            password if store.password else password_file,
            "a password without a database",
            "store.url set, or no password",
        )


def _maintenance(settings: MaintenanceSettings, watches: list[str]) -> Iterator[Conflict]:
    windows = ("maintenance", "windows")
    for i, window in enumerate(settings.windows):
        for k, name in enumerate(window.watch):
            if name not in watches:
                yield conflict(
                    (*windows, i, "watch", k),
                    display_text(name),
                    f"a watch: {listed(watches)}",
                    partial(nearest_name, name, watches),
                )
        yield from _window((*windows, i), window)
    yield from repeated_names(
        [(*windows, i, "name") for i in range(len(settings.windows))],
        [window.name for window in settings.windows],
        "a name that no other window has",
    )
    for i, endpoint in enumerate(settings.alertmanagers):
        yield from check_endpoint(("maintenance", "alertmanagers", i), endpoint)


def _window(section: Path, window: MaintenanceWindow) -> Iterator[Conflict]:
    try:
        window.request().window()
    except WindowRefused as refused:
        yield conflict((*section, refused.field), refused.found, refused.valid)
