"""Presets: files that say which metrics are worth a watch, and how it is set up.

A watch of a preset is a template. `needs` or `for_each` say which metrics it is for, `labels_of`
which of several labels a metric has; all that is not one of OWN_KEYS is a setting of the watch.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from plugin.config.problems import InvalidValue, listed, nearest_name, one_of, type_name
from plugin.config.watch_from_settings import invalid_watch_settings
from plugin.config.yaml_lines import Document, read_document
from plugin.errors import ConfigError

SUFFIXES = (".yml", ".yaml")
KEYS = ("title", "looks_for", "leaves_out", "watches")
OWN_KEYS = ("name", "why", "needs", "for_each", "type", "unless", "labels_of")
GROUP_REFERENCE = re.compile(r"\$(\w)")
METRIC_TYPES = ("counter", "gauge", "histogram", "summary")


@dataclass(frozen=True)
class WatchTemplate:
    """One watch of a preset, with places such as `$window` in its texts."""

    name: str
    why: str
    settings: Mapping[str, Any]  # of the watch: as in a configuration file
    needs: tuple[str, ...] = ()  # metrics that must all be there
    for_each: re.Pattern[str] | None = None  # or: a watch for each metric of such a name
    type: str = ""  # of that metric, where Prometheus knows it; "" = any
    unless: tuple[str, ...] = ()  # metrics that make this watch superfluous
    labels_of: Mapping[str, tuple[str, ...]] | None = None  # place -> labels, the best first

    @property
    def wanted(self) -> str:
        """The metrics that it is for, in words."""
        return self.for_each.pattern if self.for_each else " and ".join(self.needs)


@dataclass(frozen=True)
class Preset:
    """What is worth watching of one kind of exporter."""

    name: str
    title: str
    watches: tuple[WatchTemplate, ...]
    leaves_out: re.Pattern[str] | None = None  # metrics that `for_each` passes over
    looks_for: str = ""  # in words, where the names of the metrics say too little

    @property
    def wanted(self) -> str:
        """The metrics that it is for, in words."""
        return self.looks_for or ", ".join(dict.fromkeys(watch.wanted for watch in self.watches))


def preset_names() -> list[str]:
    """Of the presets that are installed."""
    folder = resources.files("plugin").joinpath("presets")
    names = [path.name for path in folder.iterdir()]
    return sorted(name.removesuffix(".yml") for name in names if name.endswith(".yml"))


def read_presets(chosen: Sequence[str]) -> list[Preset]:
    """The presets of these names, or in these files; none chosen = all that are installed.

    Raises ConfigError.
    """
    installed = preset_names()
    return [_read(name, installed) for name in dict.fromkeys(chosen or installed)]


def parse_preset(text: str, *, name: str, file: str) -> Preset:
    """The preset of a text. Raises ConfigError with a line for each mistake."""
    return _PresetReading(read_document(text, file, {})).preset(name, file)


def _read(name: str, installed: Sequence[str]) -> Preset:
    if name in installed:
        resource = resources.files("plugin").joinpath("presets", f"{name}.yml")
        return parse_preset(
            resource.read_text(encoding="utf-8"), name=name, file=f"presets/{name}.yml"
        )
    if not name.endswith(SUFFIXES):
        valid = f"one of {listed(installed)}, or the path of a file that ends with .yml"
        refusal = InvalidValue(f'"{name}"', valid, nearest_name(name, installed))
        raise ConfigError(f"--preset: {refusal}")
    try:
        text = Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"--preset {name}: {reason or error}") from error
    return parse_preset(text, name=Path(name).stem, file=name)


class _PresetReading:
    """Makes a preset of a document, and notes what is wrong with it."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def preset(self, name: str, file: str) -> Preset:
        data = self._document.data
        if not isinstance(data, dict):
            self._refuse((), data, "a mapping with title and watches")
            raise self._document.error(file)
        for key in data.keys() - set(KEYS):
            self._refuse((key,), f'the key "{key}"', one_of(KEYS))
        watches = data.get("watches")
        if not isinstance(watches, list) or not watches:
            self._refuse(("watches",), watches, "a list of watches")
            watches = []
        templates = tuple(self._watch(("watches", i), watch) for i, watch in enumerate(watches))
        preset = Preset(
            name,
            self._text(("title",), data.get("title", name)),
            templates,
            self._pattern(("leaves_out",), data.get("leaves_out")),
            str(data.get("looks_for", "")),
        )
        self._check_settings(templates)
        if self._document.problems:
            raise self._document.error(file)
        return preset

    def _watch(self, path: tuple[str | int, ...], watch: Any) -> WatchTemplate:
        if not isinstance(watch, dict):
            self._refuse(path, watch, "a mapping with name, why, query, and needs or for_each")
            return WatchTemplate("", "", {})
        if ("needs" in watch) == ("for_each" in watch):
            self._refuse(path, "both or none of needs and for_each", "one of them")
        kind = watch.get("type", "")
        if kind not in ("", *METRIC_TYPES):
            self._refuse((*path, "type"), kind, ", ".join(METRIC_TYPES))
        for name in ("name", "why", "query"):
            self._text((*path, name), watch.get(name))
        labels_of = watch.get("labels_of") or {}
        if not isinstance(labels_of, dict):
            self._refuse((*path, "labels_of"), labels_of, "a list of labels for each place")
            labels_of = {}
        return WatchTemplate(
            name=str(watch.get("name")),
            why=str(watch.get("why")),
            settings={key: value for key, value in watch.items() if key not in OWN_KEYS},
            needs=self._texts((*path, "needs"), watch.get("needs")),
            for_each=self._pattern((*path, "for_each"), watch.get("for_each")),
            type=str(kind),
            unless=self._texts((*path, "unless"), watch.get("unless")),
            labels_of={
                place: self._texts((*path, "labels_of", place), names)
                for place, names in labels_of.items()
            },
        )

    def _check_settings(self, templates: Sequence[WatchTemplate]) -> None:
        """As in a configuration file, in which each place holds one word."""
        if self._document.problems:
            return
        watches = [{"name": template.name, **template.settings} for template in templates]
        for path, refusal in invalid_watch_settings([_with_plain_places(item) for item in watches]):
            self._document.add_problem(path, refusal)

    def _text(self, path: tuple[str | int, ...], value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            self._refuse(path, value, "text that is not empty")
        return str(value)

    def _texts(self, path: tuple[str | int, ...], value: Any) -> tuple[str, ...]:
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._refuse(path, value, "a list of names")
            return ()
        return tuple(value)

    def _pattern(self, path: tuple[str | int, ...], value: Any) -> re.Pattern[str] | None:
        if value is None:
            return None
        try:
            return re.compile(self._text(path, value))
        except re.error as error:
            self._refuse(path, f'"{value}" ({error})', "a regular expression of Python")
            return None

    def _refuse(self, path: tuple[str | int, ...], value: Any, valid: str) -> None:
        """value: what was found, or words for it."""
        found = value if isinstance(value, str) else type_name(value)
        self._document.add_problem(path, InvalidValue(found or "empty text", valid))


def _with_plain_places(value: Any) -> Any:
    """Settings with a word in each place, so that their form can be checked."""
    if isinstance(value, dict):
        return {key: _with_plain_places(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_plain_places(item) for item in value]
    return GROUP_REFERENCE.sub(r"\1", value) if isinstance(value, str) else value
