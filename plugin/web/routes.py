"""The one table of routes: what the application serves, checks, protects, counts and describes."""

from dataclasses import dataclass
from enum import Enum

from plugin.web.parameters import (
    FIELD,
    FROM,
    LABELS,
    MATCH,
    MAX_POINTS,
    SERIES,
    TICK,
    TO,
    WATCH,
    Parameter,
)


class Access(Enum):
    """Who may call a route."""

    OPEN = "open"  # anyone
    READ = "read"  # whoever may read
    CHANGE = "change"  # whoever may change


@dataclass(frozen=True)
class Route:
    path: str  # as Flask writes it
    name: str  # of its view
    summary: str
    parameters: tuple[Parameter, ...] = ()
    method: str = "GET"
    access: Access = Access.READ
    answer: str = "object"  # a name in openapi.ANSWERS

    @property
    def strict(self) -> bool:
        """Whether unknown parameters are refused; probes and scrapers may add what they like."""
        return self.path.startswith("/api/")


ROUTES = (
    Route("/-/healthy", "healthy", "200 while the process answers.", access=Access.OPEN, answer="text"),
    Route("/-/ready", "ready", "200 when every watch has been scored, else 503 with the reason.",
          answer="text"),
    Route("/-/reload", "reload", "Reads the configuration file again; 400 with the reason when it is wrong, "
          "and then nothing changes.", method="POST", access=Access.CHANGE, answer="text"),
    Route("/metrics", "metrics", "Our own metrics and the latest scores, for Prometheus.", answer="text"),
    Route("/api/v1/bands", "bands", "Values, bands and scores of a time range: one row per sample.",
          (WATCH, MATCH, SERIES, FROM, TO, MAX_POINTS, LABELS), answer="bands"),
    Route("/api/v1/scores", "scores", "The latest row of every series, for tables and people.",
          (WATCH, MATCH, SERIES), answer="scores"),
    Route("/api/v1/alert", "alert", "What alert rules read: one row per series, exactly one number.",
          (WATCH, MATCH, FIELD, TICK), answer="alert"),
    Route("/api/v1/series", "series", "The names of the series, for dashboard variables.",
          (WATCH, MATCH), answer="strings"),
    Route("/api/v1/labels", "labels", "The names of the label columns, for dashboard variables.",
          (WATCH, MATCH), answer="strings"),
    Route("/api/v1/label/<name>/values", "values", "The values of one label column, for dashboard variables.",
          (WATCH, MATCH), answer="strings"),
    Route("/api/v1/status/config", "config", "The configuration that runs, secrets masked.", answer="config"),
    Route("/api/v1/status/buildinfo", "buildinfo", "Versions; also the address for Grafana's health check.",
          answer="buildinfo"),
    Route("/api/v1/openapi.json", "openapi", "This description."),
)
