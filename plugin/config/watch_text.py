"""One watch as a configuration file spells it: read from such settings, and written."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from plugin.config.model import Watch
from plugin.config.reading import parse


def read_watch(settings: Mapping[str, Any], place: str) -> Watch:
    """A watch of settings as a file spells them, held to all rules of a file.

    place: where the settings are from, for the errors. Raises ConfigError with a line for each
    mistake.
    """
    data = {"prometheus": {"url": "http://localhost:9090"}, "watches": [dict(settings)]}
    return parse(json.dumps(data), file=place, environment={}).watches[0]


def with_setting(watch: Watch, text: str) -> Watch:
    """The watch with one setting as a file spells it, such as `min_deviation: 5`."""
    name, _, value = text.partition(": ")
    settings = {"name": watch.name, "query": watch.query, name: yaml.safe_load(value)}
    return watch.model_copy(update={name: getattr(read_watch(settings, text), name)})


def watch_yaml(watch: Watch) -> str:
    """The section `watches` with this watch, without the settings that are those by default."""
    settings: dict[str, Any] = watch.model_dump(mode="json", exclude_defaults=True)
    options = settings.pop("detector_options", None)
    if options:
        settings["detector"] = {"name": watch.detector, **options}
    return yaml.safe_dump({"watches": [settings]}, sort_keys=False, allow_unicode=True, width=110)
