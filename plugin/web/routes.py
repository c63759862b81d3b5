"""The one table of routes: what the application serves, checks, protects, counts and describes."""

from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from plugin.web import bodies
from plugin.web.parameters import (
    BY,
    FIELD,
    FORECAST,
    FROM,
    HORIZON,
    LABELS,
    LATEST,
    LIMIT,
    MATCH,
    MAX_POINTS,
    SERIES,
    STATE,
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
    body: type[Struct] | None = None  # what is sent

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
          (WATCH, MATCH, SERIES, FROM, TO, MAX_POINTS, LABELS, FORECAST), answer="bands"),
    Route("/api/v1/forecast", "forecast", "The band ahead of the samples: one row per step.",
          (WATCH, MATCH, SERIES, HORIZON, LABELS), answer="forecast"),
    Route("/api/v1/scores", "scores", "The latest row of every series, for tables and people.",
          (WATCH, MATCH, SERIES, STATE, LIMIT), answer="scores"),
    Route("/api/v1/watches", "watches", "How each watch is doing: one row per watch.", (WATCH,), answer="watches"),
    Route("/api/v1/alert", "alert", "What alert rules read: one row per series, watch or service, exactly one number.",
          (WATCH, MATCH, BY, FIELD, TICK), answer="alert"),
    Route("/api/v1/incidents", "incidents", "What has been outside its band in a time range, with its peak.",
          (WATCH, MATCH, SERIES, FROM, TO, LATEST), answer="incidents"),
    Route("/api/v1/annotations", "annotations", "The same as annotations of a dashboard.",
          (WATCH, MATCH, SERIES, FROM, TO), answer="annotations"),
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
    Route("/grafana/", "json_test", "200, for the test button of the older JSON data sources.", answer="text"),
    Route("/grafana/search", "json_search", "Older JSON protocol: names of targets, or values of a variable.",
          method="POST", body=bodies.SearchBody, answer="strings"),
    Route("/grafana/metrics", "json_metrics", "Older JSON protocol: the targets, and what can be said beside them.",
          method="POST", body=bodies.MetricsBody, answer="json_objects"),
    Route("/grafana/metric-payload-options", "json_options", "Older JSON protocol: what one such field may be.",
          method="POST", body=bodies.OptionsBody, answer="json_objects"),
    Route("/grafana/query", "json_query", "Older JSON protocol: lines and tables of a panel.", method="POST",
          body=bodies.QueryBody, answer="json_query"),
    Route("/grafana/annotations", "json_annotations", "Older JSON protocol: alarms as annotations.", method="POST",
          body=bodies.AnnotationsBody, answer="json_objects"),
    Route("/grafana/variable", "json_variable", "Older JSON protocol: the values of a variable.", method="POST",
          body=bodies.VariableBody, answer="json_objects"),
    Route("/grafana/tag-keys", "json_tag_keys", "Older JSON protocol: the columns of ad hoc filters.", method="POST",
          body=bodies.TagKeysBody, answer="json_objects"),
    Route("/grafana/tag-values", "json_tag_values", "Older JSON protocol: the values of such a column.", method="POST",
          body=bodies.TagValuesBody, answer="json_objects"),
)
