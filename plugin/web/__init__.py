"""The web application: readers only read. No request calls Prometheus or a network of ours."""

import time
from collections.abc import Callable

from flask import Flask, Response, g, request
from isal import igzip

from plugin.errors import RequestError
from plugin.web import error_responses
from plugin.web.auth import CHALLENGES, Authenticator
from plugin.web.budget import BudgetViews
from plugin.web.context import WebContext
from plugin.web.data_source import DataSourceViews, View
from plugin.web.explanations import ExplanationViews
from plugin.web.feedback import FeedbackViews
from plugin.web.feedback_actions import FeedbackActions
from plugin.web.feedback_page import FeedbackPageViews
from plugin.web.incidents import IncidentViews
from plugin.web.links import SignedLinks
from plugin.web.maintenance import MaintenanceViews
from plugin.web.management import ManagementViews
from plugin.web.models import ModelViews
from plugin.web.parameters import read_query
from plugin.web.regimes import RegimeViews
from plugin.web.routes import ROUTES, Access, Route
from plugin.web.series_catalog import SeriesCatalog
from plugin.web.simple_json import SimpleJsonViews
from plugin.web.status import StatusViews

__all__ = ["WebContext", "create_app"]

MAX_BODY = 1 << 16  # bytes; nothing that we are sent is longer
WORTH_GZIP = 1024  # bytes


def create_app(context: WebContext) -> Flask:
    """The application over a table of routes.

    Raises ConfigError when a password file cannot be read.
    """
    app = Flask("bandwatch", static_folder=None)
    app.url_map.strict_slashes = False
    error_responses.register(app)
    _guard(app, Authenticator(context.settings))
    _finish(app, context)
    catalog = SeriesCatalog(context)  # one for all: its list of series is read once a tick
    links = SignedLinks(context.settings, context.store.folder)
    answering = FeedbackActions(context, catalog)
    explaining = ExplanationViews(context, catalog)
    source = DataSourceViews(context, catalog, links, explaining.sentences)
    incidents = IncidentViews(context, catalog, links)
    planned = MaintenanceViews(context, catalog, incidents)
    views = {
        **ManagementViews(context).views,
        **source.views,
        **incidents.views,
        **BudgetViews(context, catalog).views,
        **SimpleJsonViews(context, catalog, source, incidents, planned).views,
        **StatusViews(context).views,
        **explaining.views,
        **RegimeViews(context, catalog).views,
        **planned.views,
        **ModelViews(context, catalog).views,
        **FeedbackViews(context, catalog, answering).views,
        **FeedbackPageViews(context, answering, links, explaining).views,
    }
    for route in ROUTES:
        app.add_url_rule(
            route.path,
            route.name,
            _endpoint(route, views[route.name], context),
            methods=[route.method],
            provide_automatic_options=False,
        )
    return app


def _endpoint(route: Route, view: View, context: WebContext) -> Callable[..., Response]:
    def endpoint(**path: str) -> Response:
        given = request.args if route.strict else request.args.__class__()
        return view(read_query(given, route.parameters, path, context.settings))

    return endpoint


def _guard(app: Flask, gate: Authenticator) -> None:
    """Before a view: who asks, and how much they send.

    What does not exist is shown to readers only.
    """
    access = {route.name: route.access for route in ROUTES}

    @app.before_request
    def check() -> None:
        g.began = time.perf_counter()
        g.by = _who(gate, access.get(request.endpoint or "", Access.READ))
        if (request.content_length or 0) > MAX_BODY:
            raise RequestError(
                f"a body of {request.content_length} bytes; {MAX_BODY} are the most",
                status=413,
                code="body_too_large",
            )


def _who(gate: Authenticator, access: Access) -> str:
    """Who asks, as `Gate.check` says.

    A view of Access.LINK checks the signature of its link itself.
    """
    authorization = request.headers.get("Authorization")
    if access is not Access.LINK:
        return gate.check(authorization, access)
    try:
        return gate.check(authorization, Access.CHANGE)
    except RequestError:
        if "signature" in (request.form if request.method == "POST" else request.args):
            return ""
        raise


def _finish(app: Flask, context: WebContext) -> None:
    """After a view: compression, headers, metrics."""
    metrics = context.metrics

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.status_code == 401:
            for challenge in CHALLENGES:
                response.headers.add("WWW-Authenticate", challenge)
        _compress(response)
        route = request.url_rule.rule if request.url_rule else "unknown"
        metrics.http_requests.labels(route, str(response.status_code)).inc()
        metrics.http_duration.labels(route).observe(time.perf_counter() - g.began)
        return response


def _compress(response: Response) -> None:
    response.headers["Vary"] = "Accept-Encoding"
    body = response.get_data()
    if len(body) < WORTH_GZIP or not request.accept_encodings["gzip"]:
        return
    response.set_data(igzip.compress(body, compresslevel=1, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
