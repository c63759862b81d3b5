"""Watches for the queries of a configuration of VictoriaMetrics' vmanomaly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from plugin.commands.init.candidates import WatchCandidate
from plugin.commands.init.carried import CarriedWatches, read_foreign_document, texts, watch_name
from plugin.commands.init.conditions import first_metric
from plugin.commands.init.vmanomaly_settings import (
    MODEL_POLICIES,
    READER_DEFAULTS,
    reason_against,
    watch_setting,
)
from plugin.config.problems import InvalidValue, type_name
from plugin.config.yaml_lines import Document

FLAG = "--from-vmanomaly"
LOG_READERS = ("vlogs", "reader.vlogs.VLogsReader")
Section = Mapping[str, Any]


def vmanomaly_watches(path: Path) -> CarriedWatches:
    """A candidate for each query of a file; what it cannot carry is said line by line.

    Raises ConfigError.
    """
    return _Migration(path, read_foreign_document(path, FLAG)).carried()


@dataclass(frozen=True)
class _Model:
    name: str
    settings: Section
    path: tuple[str, ...]

    def judges(self, query: str) -> bool:
        """Whether it runs on a query; one that names none runs on all."""
        return "queries" not in self.settings or query in texts(self.settings["queries"])


class _Migration:
    """One file on its way."""

    def __init__(self, path: Path, document: Document) -> None:
        self._path = path
        self._document = document
        self._carried = CarriedWatches()

    def carried(self) -> CarriedWatches:
        data = self._section((), self._document.data)
        reader = self._section(("reader",), data.get("reader"))
        if reader.get("class") in LOG_READERS:
            self._refuse(("reader", "class"), str(reader["class"]), "vm: Prometheus reads no logs")
        queries = self._section(("reader", "queries"), reader.get("queries"))
        models = self._models(data)
        for name, query in queries.items():
            settings = query if isinstance(query, dict) else {"expr": query}
            self._carry(name, settings, reader, [model for model in models if model.judges(name)])
        self._omit_others(("reader",), reader, ("class", "queries", *READER_DEFAULTS.values()))
        for model in models:
            self._omit_others(model.path, model.settings, ("queries", *MODEL_POLICIES))
        self._omit_others((), data, ("reader", "models", "model"))
        return self._carried

    def _models(self, data: Section) -> list[_Model]:
        """By the names that the file gives them; old files have one without a name."""
        if "models" not in data:
            flat = data.get("model")
            return [_Model("model", flat, ("model",))] if isinstance(flat, dict) else []
        models = self._section(("models",), data["models"])
        return [
            _Model(name, settings, ("models", name))
            for name, settings in models.items()
            if isinstance(settings, dict)
        ]

    def _carry(self, name: str, query: Section, reader: Section, models: Sequence[_Model]) -> None:
        path = ("reader", "queries", name)
        expression = query.get("expr")
        if not isinstance(expression, str) or not expression.strip():
            self._refuse(path, type_name(expression), "an expression, or a mapping with expr")
        settings: dict[str, Any] = {"query": expression.strip()}
        for key, reader_key in READER_DEFAULTS.items():
            source = (*path, key) if key in query else ("reader", reader_key)
            self._set(settings, source, query.get(key, reader.get(reader_key)))
        for key in MODEL_POLICIES:
            self._set(settings, *self._policy(path, key, query, models))
        self._omit_others(path, query, ("expr", *READER_DEFAULTS, *MODEL_POLICIES))
        self._carried.candidates.append(
            WatchCandidate(
                preset=f"queries of {self._path.name}",
                name=watch_name(name),
                why=f"The query {name}.",
                metric=first_metric(expression),
                settings=settings,
                labels_of={},
            )
        )

    def _policy(
        self, path: tuple[str, ...], key: str, query: Section, models: Sequence[_Model]
    ) -> tuple[tuple[str, ...], Any]:
        """Where a policy of a query stands, and its value: that of the query, else that of its
        first model."""
        if key in query:
            return (*path, key), query[key]
        owners = [model for model in models if key in model.settings]
        if not owners:
            return (*path, key), None
        first = owners[0]
        for model in owners[1:]:
            if model.settings[key] != first.settings[key]:
                reason = f"for {path[-1]} the model {first.name} says it otherwise"
                self._omit((*model.path, key), reason)
        return (*first.path, key), first.settings[key]

    def _set(self, settings: dict[str, Any], source: tuple[str, ...], value: Any) -> None:
        """Sets what a value of the file means for a watch."""
        if value is None:
            return
        try:
            carried = watch_setting(source[-1], value, settings.get("direction", "both"))
        except ValueError as error:
            self._omit(source, str(error))
            return
        settings.update(carried.settings)
        if carried.difference:
            self._omit(source, carried.difference)

    def _omit_others(self, path: tuple[str, ...], section: Section, carried: Sequence[str]) -> None:
        for key in section:
            if key not in carried and section[key] not in (None, ""):
                self._omit((*path, key), reason_against((*path, key)))

    def _omit(self, path: tuple[str, ...], reason: str) -> None:
        position = f"{self._path}:{self._document.line(path)}: {'.'.join(path)}"
        self._carried.omit(position, reason)

    def _section(self, path: tuple[str, ...], value: object) -> Section:
        if not isinstance(value, dict):
            self._refuse(path, type_name(value), "a mapping, as vmanomaly reads it")
        return value

    def _refuse(self, path: tuple[str, ...], actual: str, valid: str) -> NoReturn:
        self._document.add_problem(path, InvalidValue(actual, valid))
        raise self._document.error(str(self._path))
