"""The application: the routes, their views, and what each answer gets at its end."""

import time
from collections.abc import Callable, Sequence

from flask import Flask, Response, g, request
from isal import igzip

from plugin.web import audit, error_responses
from plugin.web.alarms import AlarmViews
from plugin.web.auth import CHALLENGES
from plugin.web.budget import BudgetViews
from plugin.web.callers import Callers
from plugin.web.changes import ChangeViews
from plugin.web.context import WebContext
from plugin.web.data_source import DataSourceViews
from plugin.web.explanations import ExplanationViews
from plugin.web.feedback import FeedbackViews
from plugin.web.feedback_actions import FeedbackActions
from plugin.web.feedback_page import FeedbackPageViews
from plugin.web.guard import Guard
from plugin.web.incidents import IncidentViews
from plugin.web.links import SignedLinks
from plugin.web.maintenance import MaintenanceViews
from plugin.web.maintenance_actions import MaintenanceActions
from plugin.web.management import ManagementViews
from plugin.web.models import ModelViews
from plugin.web.pages.docs_page import docs_views
from plugin.web.pages.incident_list_page import IncidentListPageViews
from plugin.web.pages.incident_page import IncidentPageViews
from plugin.web.pages.maintenance_page import MaintenancePageViews
from plugin.web.pages.page_views import page_views
from plugin.web.pages.sign_in_page import SignInPageViews
from plugin.web.pages.try_page import TryPageViews
from plugin.web.previews import PreviewViews
from plugin.web.queries import read_query
from plugin.web.regimes import RegimeViews
from plugin.web.responses import View
from plugin.web.route import Route
from plugin.web.routes import ROUTES
from plugin.web.security_headers import add_security_headers
from plugin.web.series_catalog import SeriesCatalog
from plugin.web.short_names import ShortNames
from plugin.web.shortened_range import add_warning
from plugin.web.simple_json import SimpleJsonViews
from plugin.web.status import StatusViews

MIN_GZIP_BYTES = 1024  # a shorter answer is not worth the time


def create_app(context: WebContext, routes: Sequence[Route] = ROUTES) -> Flask:
    """The application over a table of routes.

    Raises ConfigError when a password file cannot be read, StoreError when a key cannot.
    """
    app = Flask("plugin.web", static_folder=None)  # finds the templates of that package
    app.url_map.strict_slashes = False
    error_responses.register(app)
    links = SignedLinks(context.settings, context.store.folder)
    callers = Callers(context)
    Guard(context, links, callers).register(app)
    _finish(app, context)
    views = _views(context, links, callers)
    for route in routes:
        app.add_url_rule(
            route.path,
            route.name,
            _endpoint(route, views[route.name], context),
            methods=[route.method],
            provide_automatic_options=False,
        )
    return app


def _views(context: WebContext, links: SignedLinks, callers: Callers) -> dict[str, View]:
    """By the name of the route."""
    catalog = SeriesCatalog(context)  # one for all: its list of series is read once a tick
    actions = FeedbackActions(context, catalog)
    explanations = ExplanationViews(context, catalog)
    source = DataSourceViews(context, catalog, links, explanations.sentences)
    names = ShortNames(catalog)
    incidents = IncidentViews(context, catalog, links, names)
    maintenance_actions = MaintenanceActions(context)
    maintenance = MaintenanceViews(context, catalog, incidents, maintenance_actions)
    previews = PreviewViews(context)
    return {
        **ManagementViews(context, callers).views,
        **source.views,
        **AlarmViews(context, catalog, links, names).views,
        **incidents.views,
        **BudgetViews(context, catalog).views,
        **SimpleJsonViews(context, catalog, source, incidents, maintenance).views,
        **StatusViews(context).views,
        **explanations.views,
        **RegimeViews(context, catalog, names.of).views,
        **maintenance.views,
        **ChangeViews(context, catalog).views,
        **ModelViews(context, catalog).views,
        **FeedbackViews(context, catalog, actions).views,
        **FeedbackPageViews(context, actions, links, explanations).views,
        **page_views(context, catalog, links, incidents, explanations, maintenance),
        **IncidentListPageViews(context, incidents).views,
        **IncidentPageViews(context, incidents, actions, maintenance).views,
        **MaintenancePageViews(context, maintenance_actions).views,
        **docs_views(),
        **SignInPageViews(context, callers).views,
        **previews.views,
        **TryPageViews(context, previews).views,
    }


def _endpoint(route: Route, view: View, context: WebContext) -> Callable[..., Response]:
    def endpoint(**path: str) -> Response:
        texts = request.args.to_dict(flat=False) if route.strict else {}
        response = view(read_query(route.query, texts, path, context.settings))
        audit.record(route, response.status_code)
        return response

    return endpoint


def _finish(app: Flask, context: WebContext) -> None:
    """After a view: compression, headers, metrics."""
    metrics = context.metrics

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        add_security_headers(response)
        add_warning(response)
        if response.status_code == 401:
            for challenge in CHALLENGES:
                response.headers.add("WWW-Authenticate", challenge)
        _compress(response)
        route = request.url_rule.rule if request.url_rule else "unknown"
        metrics.http_requests.labels(route, str(response.status_code)).inc()
        metrics.http_duration.labels(route).observe(time.perf_counter() - g.start)
        return response


def _compress(response: Response) -> None:
    response.headers["Vary"] = "Accept-Encoding"
    body = response.get_data()
    if len(body) < MIN_GZIP_BYTES or not request.accept_encodings["gzip"]:
        return
    response.set_data(igzip.compress(body, compresslevel=1, mtime=0))
    response.headers["Content-Encoding"] = "gzip"
