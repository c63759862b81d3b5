"""Settings as YAML: the settings in use with masked secrets, and a commented file to start from."""

from importlib import resources
from typing import Any

import yaml

from plugin.config.model import Config, Watch


def masked(config: Config) -> str:
    """All settings in use, also defaults, as the file spells them; every secret is `<secret>`."""
    data: dict[str, Any] = config.model_dump(mode="json", exclude_none=True)
    for watch in data["watches"]:
        if "calendar" in data:
            watch.setdefault("calendar", None)  # says that it has no holidays
        options = watch.pop("detector_options")
        if options:
            watch["detector"] = {"name": watch["detector"], **options}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def example() -> str:
    """A file with every setting, each with a comment."""
    return resources.files("plugin.config").joinpath("example.yml").read_text(encoding="utf-8")


def watch_settings(watch: Watch) -> list[tuple[str, str, bool]]:
    """Each setting of a watch in use: its name, its value as the file spells it, and whether that
    is the default."""
    data: dict[str, Any] = watch.model_dump(mode="json", exclude_none=True)
    return [
        (name, _flow(value), getattr(watch, name) == Watch.model_fields[name].default)
        for name, value in data.items()
    ]


def _flow(value: object) -> str:
    """A value of YAML in one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10_000
    )
    return text.removesuffix("...\n").strip()
