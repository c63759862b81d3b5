"""The names of what we ship for Grafana, and the versions that it needs; tests compare this with
the files in grafana/."""

import re
from typing import NamedTuple, Self


class Version(NamedTuple):
    """Of Grafana or a plugin: 12.4.5, 12.1.0+security-01, 13.3.0-pre."""

    major: int
    minor: int
    patch: int = 0

    def __str__(self) -> str:
        return ".".join(map(str, self if self.patch else self[:2]))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """None where there is none, as from a Grafana that hides its version."""
        match = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", text)
        return cls(int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


MIN_GRAFANA = Version(11, 6)
INFINITY = "yesoreyeram-infinity-datasource"
PROMETHEUS = "prometheus"
MIN_PLUGIN = Version(3, 11)
UNTRIED_PLUGIN = Version(4, 0)  # from here on not tried with our dashboards
UNKNOWN_PLUGIN = Version(5, 0)  # from here on refused: queries may be written differently
SOURCE = "bandwatch"  # uid of the data source
FOLDER = "Bandwatch"
DASHBOARDS = (
    "bandwatch-fleet",
    "bandwatch-series",
    "bandwatch-incidents",
    "bandwatch-self",
    "bandwatch-fleet-prometheus",
    "bandwatch-series-prometheus",
)
RULES = (
    "bandwatch-anomaly",
    "bandwatch-incident",
    "bandwatch-missing",
    "bandwatch-stale-model",
    "bandwatch-unhealthy",
    "bandwatch-unreachable",
    "bandwatch-reload-refused",
)
PAUSED_RULES = ("bandwatch-incident",)  # as shipped: it alerts to the same as the first
