"""`bandwatch rules`: the shipped alert rules, with the addresses under which people reach Bandwatch
and Grafana."""

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from plugin import config
from plugin.errors import ConfigError

# Who evaluates them -> the file.
RULE_FILES: Mapping[str, str] = {
    "prometheus": "prometheus/bandwatch.rules.yml",
    "prometheus-incidents": "prometheus/bandwatch-incidents.rules.yml",
    "grafana": "provisioning/alerting/bandwatch.yml",
}
REPOSITORY = "https://github.com/bandwatch/bandwatch/blob/main/docs/"
# A dashboard by its path alone; in Grafana's own rules its address comes first.
DASHBOARD = re.compile(r"(?<=\s)/d/(?=bandwatch-)")


def rules(kind: str, config_file: Path) -> str:
    """The rules of a kind, as YAML: runbooks lead to `web.external_url`, dashboards to
    `web.grafana_url` where it is set. Raises ConfigError."""
    web = config.load(config_file).web
    if web.external_url is None:
        raise ConfigError(
            f"{config_file}: web.external_url is not set, so runbooks have no address; set it to"
            " the URL under which people reach Bandwatch, such as https://bandwatch.example.org"
        )
    text = resources.files("plugin").joinpath("grafana", RULE_FILES[kind]).read_text("utf-8")
    text = text.replace(REPOSITORY, f"{web.external_url.rstrip('/')}/docs/")
    if web.grafana_url is not None:
        text = DASHBOARD.sub(f"{web.grafana_url.rstrip('/')}/d/", text)
    return text
