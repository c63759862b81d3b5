"""The one table of routes: what the application serves, checks, protects, counts and describes."""

from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from plugin.web import request_bodies
from plugin.web.parameters import (
    AT,
    BUDGET_BY,
    BY,
    DAYS,
    FIELD,
    FORECAST,
    FROM,
    HORIZON,
    INCIDENT,
    LABELS,
    LATEST,
    LIMIT,
    MATCH,
    MAX_POINTS,
    MEMBERS,
    NOISIEST,
    SERIES,
    STATE,
    TICK,
    TO,
    WATCH,
    WHO,
    Parameter,
)


class Access(Enum):
    """Who may call a route."""

    OPEN = "open"  # anyone
    READ = "read"  # whoever may read
    CHANGE = "change"  # whoever may change
    LINK = "link"  # whoever may change, or holds a signed link


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
    Route(
        "/-/healthy", "healthy", "200 while the process answers.", access=Access.OPEN, answer="text"
    ),
    Route(
        "/-/ready",
        "ready",
        "200 when every watch has been scored, else 503 with the reason.",
        answer="text",
    ),
    Route(
        "/-/reload",
        "reload",
        "Reads the configuration file again; 400 with the reason when it is wrong, "
        "and then nothing changes.",
        method="POST",
        access=Access.CHANGE,
        answer="text",
    ),
    Route(
        "/metrics",
        "metrics",
        "Our own metrics and the latest scores, for Prometheus.",
        answer="text",
    ),
    Route(
        "/api/v1/bands",
        "bands",
        "Values, bands and scores of a time range: one row per sample.",
        (WATCH, MATCH, SERIES, FROM, TO, MAX_POINTS, LABELS, FORECAST),
        answer="bands",
    ),
    Route(
        "/api/v1/forecast",
        "forecast",
        "The band ahead of the samples: one row per step.",
        (WATCH, MATCH, SERIES, HORIZON, LABELS),
        answer="forecast",
    ),
    Route(
        "/api/v1/scores",
        "scores",
        "The latest row of every series, for tables and people.",
        (WATCH, MATCH, SERIES, STATE, LIMIT),
        answer="scores",
    ),
    Route(
        "/api/v1/explain",
        "explain",
        "What is unusual about a series at a moment: one row per series.",
        (WATCH, MATCH, SERIES, INCIDENT, AT),
        answer="explain",
    ),
    Route(
        "/api/v1/regimes",
        "regimes",
        "The new levels that were accepted as normal in a time range.",
        (WATCH, MATCH, SERIES, FROM, TO, LATEST),
        answer="regimes",
    ),
    Route(
        "/api/v1/watches",
        "watches",
        "How each watch is doing: one row per watch.",
        (WATCH,),
        answer="watches",
    ),
    Route(
        "/api/v1/alert",
        "alert",
        "What alert rules read: one row per series, incident, watch or service, exactly "
        "one number.",
        (WATCH, MATCH, BY, FIELD, TICK),
        answer="alert",
    ),
    Route(
        "/api/v1/incidents",
        "incidents",
        "What has been outside its band in a time range: one row per incident, or per alarm of it.",
        (WATCH, MATCH, SERIES, INCIDENT, MEMBERS, FROM, TO, LATEST),
        answer="incidents",
    ),
    Route(
        "/api/v1/budget",
        "budget",
        "Alarms held against those that were promised; the noisiest first.",
        (WATCH, MATCH, BUDGET_BY, DAYS, NOISIEST),
        answer="budget",
    ),
    Route(
        "/api/v1/annotations",
        "annotations",
        "The same as annotations of a dashboard, and planned work.",
        (WATCH, MATCH, SERIES, INCIDENT, MEMBERS, FROM, TO),
        answer="annotations",
    ),
    Route(
        "/api/v1/feedback",
        "feedback",
        "What people have said of alarms: one row per answer and series.",
        (WATCH, MATCH, SERIES, FROM, TO),
        answer="feedback",
    ),
    Route(
        "/api/v1/feedback",
        "feedback_give",
        "An answer to an incident, or to a series and a range: false_alarm, real or new_normal.",
        method="POST",
        access=Access.CHANGE,
        body=request_bodies.FeedbackBody,
        answer="object",
    ),
    Route(
        "/api/v1/feedback/<id>",
        "feedback_withdraw",
        "Takes an answer back: its effects end.",
        (WHO,),
        method="DELETE",
        access=Access.CHANGE,
        answer="object",
    ),
    Route(
        "/feedback",
        "answer_page",
        "The page on which an alarm is answered; opening it changes nothing.",
        access=Access.LINK,
        answer="html",
    ),
    Route(
        "/feedback",
        "answer_page_send",
        "What the form of that page sends.",
        method="POST",
        access=Access.LINK,
        answer="html",
    ),
    Route(
        "/api/v1/maintenance",
        "maintenance",
        "Planned work: one row per window, with the occurrence that runs, comes or has been.",
        answer="maintenance",
    ),
    Route(
        "/api/v1/maintenance",
        "maintenance_add",
        "Adds a window; given twice, it is there once.",
        method="POST",
        access=Access.CHANGE,
        body=request_bodies.MaintenanceBody,
        answer="object",
    ),
    Route(
        "/api/v1/maintenance/<id>",
        "maintenance_end",
        "Ends a window that runs, removes one that has not begun.",
        (WHO,),
        method="DELETE",
        access=Access.CHANGE,
        answer="object",
    ),
    Route(
        "/api/v1/models",
        "models",
        "The models that are kept: one row per series and version.",
        (WATCH, MATCH, SERIES),
        answer="models",
    ),
    Route(
        "/api/v1/decisions",
        "decisions",
        "What was decided of models, when, why and by whom.",
        (WATCH, MATCH, SERIES, FROM, TO, LATEST),
        answer="decisions",
    ),
    Route(
        "/api/v1/models/rollback",
        "models_rollback",
        "An older model takes over, from the next tick on.",
        method="POST",
        access=Access.CHANGE,
        body=request_bodies.RollbackBody,
        answer="orders",
    ),
    Route(
        "/api/v1/models/pin",
        "models_pin",
        "No refit takes the place of these models.",
        method="POST",
        access=Access.CHANGE,
        body=request_bodies.ModelsBody,
        answer="orders",
    ),
    Route(
        "/api/v1/models/unpin",
        "models_unpin",
        "Refits may take their place again.",
        method="POST",
        access=Access.CHANGE,
        body=request_bodies.ModelsBody,
        answer="orders",
    ),
    Route(
        "/api/v1/models/refit",
        "models_refit",
        "These series are fitted at once.",
        method="POST",
        access=Access.CHANGE,
        body=request_bodies.ModelsBody,
        answer="orders",
    ),
    Route(
        "/api/v1/series",
        "series",
        "The names of the series, for dashboard variables.",
        (WATCH, MATCH),
        answer="strings",
    ),
    Route(
        "/api/v1/labels",
        "labels",
        "The names of the label columns, for dashboard variables.",
        (WATCH, MATCH),
        answer="strings",
    ),
    Route(
        "/api/v1/label/<name>/values",
        "values",
        "The values of one label column, for dashboard variables.",
        (WATCH, MATCH),
        answer="strings",
    ),
    Route(
        "/api/v1/status/config",
        "config",
        "The configuration that runs, secrets masked.",
        answer="config",
    ),
    Route(
        "/api/v1/status/buildinfo",
        "buildinfo",
        "Versions; also the address for Grafana's health check.",
        answer="buildinfo",
    ),
    Route("/api/v1/openapi.json", "openapi", "This description."),
    Route(
        "/grafana/",
        "json_test",
        "200, for the test button of the older JSON data sources.",
        answer="text",
    ),
    Route(
        "/grafana/search",
        "json_search",
        "Older JSON protocol: names of targets, or values of a variable.",
        method="POST",
        body=request_bodies.SearchBody,
        answer="strings",
    ),
    Route(
        "/grafana/metrics",
        "json_metrics",
        "Older JSON protocol: the targets, and what can be said beside them.",
        method="POST",
        body=request_bodies.MetricsBody,
        answer="json_objects",
    ),
    Route(
        "/grafana/metric-payload-options",
        "json_options",
        "Older JSON protocol: what one such field may be.",
        method="POST",
        body=request_bodies.OptionsBody,
        answer="json_objects",
    ),
    Route(
        "/grafana/query",
        "json_query",
        "Older JSON protocol: lines and tables of a panel.",
        method="POST",
        body=request_bodies.QueryBody,
        answer="json_query",
    ),
    Route(
        "/grafana/annotations",
        "json_annotations",
        "Older JSON protocol: alarms as annotations.",
        method="POST",
        body=request_bodies.AnnotationsBody,
        answer="json_objects",
    ),
    Route(
        "/grafana/variable",
        "json_variable",
        "Older JSON protocol: the values of a variable.",
        method="POST",
        body=request_bodies.VariableBody,
        answer="json_objects",
    ),
    Route(
        "/grafana/tag-keys",
        "json_tag_keys",
        "Older JSON protocol: the columns of ad hoc filters.",
        method="POST",
        body=request_bodies.TagKeysBody,
        answer="json_objects",
    ),
    Route(
        "/grafana/tag-values",
        "json_tag_values",
        "Older JSON protocol: the values of such a column.",
        method="POST",
        body=request_bodies.TagValuesBody,
        answer="json_objects",
    ),
)
