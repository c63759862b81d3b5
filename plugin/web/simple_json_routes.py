"""The routes of the older JSON protocol."""

from plugin.web import answer_types, request_bodies
from plugin.web.route import TEXT, Route

SIMPLE_JSON_ROUTES = (
    Route(
        path="/grafana/",
        name="json_test",
        summary="200, for the test button of the older JSON data sources.",
        answer=str,
        media=TEXT,
    ),
    Route(
        path="/grafana/search",
        name="json_search",
        summary="Older JSON protocol: names of targets, or values of a variable.",
        method="POST",
        body=request_bodies.SearchBody,
        answer=list[str],
    ),
    Route(
        path="/grafana/metrics",
        name="json_metrics",
        summary="Older JSON protocol: the targets and their payload fields.",
        method="POST",
        body=request_bodies.MetricsBody,
        answer=list[answer_types.JsonObject],
    ),
    Route(
        path="/grafana/metric-payload-options",
        name="json_options",
        summary="Older JSON protocol: what one such field may be.",
        method="POST",
        body=request_bodies.OptionsBody,
        answer=list[answer_types.JsonObject],
    ),
    Route(
        path="/grafana/query",
        name="json_query",
        summary="Older JSON protocol: lines and tables of a panel.",
        method="POST",
        body=request_bodies.QueryBody,
        answer=(answer_types.Line, answer_types.Table),
    ),
    Route(
        path="/grafana/annotations",
        name="json_annotations",
        summary="Older JSON protocol: alarms as annotations.",
        method="POST",
        body=request_bodies.AnnotationsBody,
        answer=list[answer_types.JsonObject],
    ),
    Route(
        path="/grafana/variable",
        name="json_variable",
        summary="Older JSON protocol: the values of a variable.",
        method="POST",
        body=request_bodies.VariableBody,
        answer=list[answer_types.JsonObject],
    ),
    Route(
        path="/grafana/tag-keys",
        name="json_tag_keys",
        summary="Older JSON protocol: the columns of ad hoc filters.",
        method="POST",
        body=request_bodies.TagKeysBody,
        answer=list[answer_types.JsonObject],
    ),
    Route(
        path="/grafana/tag-values",
        name="json_tag_values",
        summary="Older JSON protocol: the values of such a column.",
        method="POST",
        body=request_bodies.TagValuesBody,
        answer=list[answer_types.JsonObject],
    ),
)
