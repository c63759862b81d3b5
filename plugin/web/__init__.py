"""The web application: readers only read. No request calls Prometheus or a network of ours."""

import time
from collections.abc import Callable

from flask import Flask, Response, g, request
from isal import igzip

from plugin.errors import RequestError
from plugin.web import errors
from plugin.web.auth import CHALLENGES, Gate
from plugin.web.catalog import Catalog
from plugin.web.context import WebContext
from plugin.web.data import DataSource, View
from plugin.web.incidents import Incidents
from plugin.web.management import Management
from plugin.web.parameters import read_query
from plugin.web.routes import ROUTES, Access, Route
from plugin.web.simple_json import SimpleJson
from plugin.web.status import Status

__all__ = ["WebContext", "create_app"]

MAX_BODY = 1 << 16  # bytes; nothing that we are sent is longer
WORTH_GZIP = 1024  # bytes


def create_app(context: WebContext) -> Flask:
    """The application over a table of routes. Raises ConfigError when a password file cannot be read."""
    app = Flask("bandwatch", static_folder=None)
    app.url_map.strict_slashes = False
    errors.register(app)
    _guard(app, Gate(context.settings))
    _finish(app, context)
    catalog = Catalog(context)  # one for all: its list of series is read once a tick
    source, incidents = DataSource(context, catalog), Incidents(context, catalog)
    views = {**Management(context).views, **source.views, **incidents.views,
             **SimpleJson(context, catalog, source, incidents).views, **Status(context).views}
    for route in ROUTES:
        app.add_url_rule(route.path, route.name, _endpoint(route, views[route.name], context),
                         methods=[route.method], provide_automatic_options=False)
    return app


def _endpoint(route: Route, view: View, context: WebContext) -> Callable[..., Response]:
    def endpoint(**path: str) -> Response:
        given = request.args if route.strict else request.args.__class__()
        return view(read_query(given, route.parameters, path, context.settings))
    return endpoint


def _guard(app: Flask, gate: Gate) -> None:
    """Before a view: who asks, and how much they send. What does not exist is shown to readers only."""
    access = {route.name: route.access for route in ROUTES}

    @app.before_request
    def check() -> None:
        g.began = time.perf_counter()
        gate.check(request.headers.get("Authorization"), access.get(request.endpoint or "", Access.READ))
        if (request.content_length or 0) > MAX_BODY:
            raise RequestError(f"a body of {request.content_length} bytes; {MAX_BODY} are the most",
                               status=413, code="body_too_large")


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
