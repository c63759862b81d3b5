"""Reads the settings from a file, or finds everything that is wrong with it."""

import os
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import ValidationError

from plugin.config.constraints import find_conflicts
from plugin.config.endpoint_constraints import unprotected_address
from plugin.config.fit_window import AUTO, MIN_FIT_STEPS
from plugin.config.locations import AddressField
from plugin.config.model import Config, Endpoint, PrometheusSettings, Section, Watch
from plugin.config.problems import InvalidValue, Path, Problem, config_error, path_text, type_name
from plugin.config.pydantic_errors import invalid_values, placeholder
from plugin.config.secret_values import without_secrets
from plugin.config.shards import with_shards
from plugin.config.watch_constraints import MAX_STEPS_AHEAD
from plugin.config.yaml_lines import Document, read_document
from plugin.errors import ConfigError

DETECTOR_GROUP = "bandwatch.detectors"  # of the entry points
MAX_BYTES = 1 << 20  # of the file: thousands of watches

AnySection = TypeVar("AnySection", bound=Section)
AnyEndpoint = TypeVar("AnyEndpoint", bound=Endpoint)


def load(path: FilePath) -> Config:
    """The settings of a file. Raises ConfigError with a line for each mistake."""
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        refusal = InvalidValue(
            f"no file that can be read ({(error.strerror or 'error').lower()})",
            "a YAML file; `bandwatch check --example` prints one to start from",
        )
        raise config_error(str(path), [Problem(0, "", str(refusal))]) from None
    if len(content) > MAX_BYTES:
        refusal = InvalidValue("a file of more than 1 MiB", "a file of at most 1 MiB")
        raise config_error(str(path), [Problem(0, "", str(refusal))])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        refusal = InvalidValue(
            f"the byte 0x{content[error.start]:02x}, which is not UTF-8", "text in UTF-8"
        )
        raise config_error(str(path), [Problem(line, "", str(refusal))]) from None
    return parse(text, file=str(path))


def parse(
    text: str,
    *,
    file: str,
    detectors: Iterable[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """The settings of a text; relative paths of `*_file` settings start at the folder of `file`.

    detectors: the names that a watch may use; by default those that are installed.
    environment: where `${NAME}` is looked up; by default the environment of the process.
    Raises ConfigError with a line for each mistake.
    """
    document = read_document(text, file, os.environ if environment is None else environment)
    _prepare(document, file)
    config = _validated(document)
    if config is not None:
        config = _with_dependent_defaults(config, FilePath(file).parent)
        names = (
            metadata.entry_points(group=DETECTOR_GROUP).names if detectors is None else detectors
        )
        for conflict in find_conflicts(config, names):
            reads = [_origin(path, document) for path in conflict.reads]
            if not any(_within(path, document.broken) for path in reads):
                _add_conflict(document, reads, conflict.refusal)
    if document.problems or config is None:
        raise document.error(file)
    return with_shards(config)


def listening_on(config: Config, address: str) -> Config:
    """The settings with another `web.listen_address`, as a flag gives it; raises ConfigError."""
    try:
        web = config.web.model_copy(update={"listen_address": AddressField().read(address)})
        refusal = unprotected_address(web)
    except ValueError as error:
        raise ConfigError(f"--web.listen-address: {error}") from None
    if refusal:
        raise ConfigError(f"--web.listen-address: {refusal}")
    return config.model_copy(update={"web": web})


def _prepare(document: Document, file: str) -> None:
    """Changes the data of the file to the form of the model: `detector` becomes two settings, an
    empty section an empty mapping."""
    data = document.data
    if not isinstance(data, dict):
        actual = "an empty file" if data is None else type_name(data)
        refusal = InvalidValue(
            actual, "a mapping with prometheus and watches, see `bandwatch check --example`"
        )
        if not document.problems:
            document.add_problem((), refusal)
        raise document.error(file)
    for name in ("maintenance", "store", "web", "workers", "executor"):
        if name in data and data[name] is None:
            data[name] = {}
    watches = data.get("watches")
    for i, watch in enumerate(watches if isinstance(watches, list) else ()):
        if not isinstance(watch, dict):
            continue
        if "detector_options" in watch:
            refusal = InvalidValue(
                'the unknown key "detector_options"',
                "options beside the name: detector: {name: lstm, hidden: 32}",
            )
            document.add_problem(("watches", i, "detector_options"), refusal)
            del watch["detector_options"]
        if isinstance(watch.get("detector"), dict):
            options = dict(watch["detector"])
            watch["detector"] = options.pop("name", None)
            watch["detector_options"] = options
            document.nested_detectors.add(("watches", i, "detector"))


def _validated(document: Document) -> Config | None:
    """The settings, with defaults in place of refused ones; None if the rest cannot be checked."""
    try:
        return Config.model_validate(document.data, context="file")
    except ValidationError as error:
        for path, refusal in invalid_values(error):
            origin = _origin(path, document)
            if path and not _within(origin, document.broken):
                _add_problem(document, origin, refusal)
                document.broken.add(origin)
            _leave_out(document.data, path)
    try:
        return Config.model_validate(document.data, context="file")
    except ValidationError:
        return None


def _add_problem(document: Document, path: Path, refusal: InvalidValue) -> None:
    document.add_problem(path, without_secrets(refusal, [path], document.hidden))


def _add_conflict(document: Document, reads: list[Path], refusal: InvalidValue) -> None:
    """Adds a conflict at the first of its settings that the file contains."""
    position = next((path for path in reads if path in document.lines), reads[0])
    refusal = without_secrets(refusal, reads, document.hidden)
    if position != reads[0]:
        actual = f"{path_text(reads[0])} {refusal.found} (default)"
        refusal = InvalidValue(actual, refusal.valid, refusal.nearest)
    document.add_problem(position, refusal)


def _with_dependent_defaults(config: Config, folder: FilePath) -> Config:
    """The settings with the defaults that depend on other settings, and with paths relative to the
    folder of the configuration file."""
    maintenance = config.maintenance
    files = [str(folder / calendar) for calendar in maintenance.calendars]
    alertmanagers = [
        _endpoint_with_files(alertmanager, folder) for alertmanager in maintenance.alertmanagers
    ]
    users = tuple(_with_files(user, folder) for user in config.web.basic_auth)
    tls = config.web.tls_server_config and _with_files(config.web.tls_server_config, folder)
    store = _with_files(config.store, folder)
    if "gone_after" not in store.model_fields_set:
        store = store.model_copy(update={"gone_after": min(store.gone_after, store.retention)})
    return config.model_copy(
        update={
            "prometheus": _endpoint_with_files(_with_timeouts(config), folder),
            "remote_write": config.remote_write
            and _endpoint_with_files(config.remote_write, folder),
            "maintenance": maintenance.model_copy(
                update={"calendars": tuple(files), "alertmanagers": tuple(alertmanagers)}
            ),
            "store": store,
            "web": config.web.model_copy(update={"basic_auth": users, "tls_server_config": tls}),
            "watches": tuple(
                _with_lengths(_with_shared(watch, config)) for watch in config.watches
            ),
        }
    )


def _with_timeouts(config: Config) -> PrometheusSettings:
    """Default timeouts that fit the shortest interval between scores."""
    prometheus = config.prometheus
    interval = min(watch.score_interval for watch in config.watches)
    explicit = prometheus.model_fields_set
    read = prometheus.read_timeout
    connect = prometheus.connect_timeout
    if "read_timeout" not in explicit:
        read = max(1, min(read, interval // 2))
    if "connect_timeout" not in explicit:
        connect = min(connect, read)
    return prometheus.model_copy(update={"read_timeout": read, "connect_timeout": connect})


def _with_shared(watch: Watch, config: Config) -> Watch:
    """What other sections decide: the holidays of all watches, and how much the store keeps for a
    fit."""
    shared: dict[str, object] = {}
    if config.calendar is not None and "calendar" not in watch.model_fields_set:
        shared["calendar"] = config.calendar
    if watch.fit_window == AUTO and config.store.retention < watch.fit_seconds:
        shared["fit_window"] = max(config.store.retention, MIN_FIT_STEPS * watch.step)
    return watch.model_copy(update=shared)


def _with_lengths(watch: Watch) -> Watch:
    """Default lengths that are within what the watch allows."""
    longest = {"forecast": MAX_STEPS_AHEAD * watch.step, "learn_for": watch.fit_seconds}
    lengths = {
        name: min(getattr(watch, name), longest[name])
        for name in longest.keys() - watch.model_fields_set
    }
    return watch.model_copy(update=lengths)


def _endpoint_with_files(endpoint: AnyEndpoint, folder: FilePath) -> AnyEndpoint:
    endpoint = _with_files(endpoint, folder)
    if not endpoint.basic_auth:
        return endpoint
    return endpoint.model_copy(update={"basic_auth": _with_files(endpoint.basic_auth, folder)})


def _with_files(section: AnySection, folder: FilePath) -> AnySection:
    files = {
        name: str(folder / value) for name, value in section if name.endswith("_file") and value
    }
    return section.model_copy(update=files)


def _origin(path: Path, document: Document) -> Path:
    """The path in the file of a setting of the model: `detector` may be a mapping of name and
    options."""
    if len(path) < 3 or path[0] != "watches" or path[2] not in ("detector", "detector_options"):
        return path
    detector = (*path[:2], "detector")
    if path[2] == "detector_options":
        return (*detector, *path[3:])
    return (*detector, "name") if detector in document.nested_detectors else detector


def _within(path: Path, paths: set[Path]) -> bool:
    return any(path[:end] in paths for end in range(1, len(path) + 1))


def _leave_out(data: Any, path: Path) -> None:
    """Removes a refused value from the data; a required one is replaced by a placeholder."""
    *parents, last = path
    for part in parents:
        data = data[part] if not isinstance(data, dict) or part in data else {}
    replacement = placeholder(path)
    if replacement is not None:
        data[last] = replacement
    elif isinstance(data, dict):
        data.pop(last, None)
