"""The one table of routes: what the application serves, checks, protects, counts and describes."""

from plugin.web.api_routes import API_ROUTES
from plugin.web.pages.page_routes import PAGE_ROUTES
from plugin.web.preview_routes import PREVIEW_ROUTES
from plugin.web.route import TEXT, Access, Route
from plugin.web.simple_json_routes import SIMPLE_JSON_ROUTES

MANAGEMENT_ROUTES = (
    Route(
        path="/-/healthy",
        name="healthy",
        summary="200 while the process answers.",
        access=Access.OPEN,
        answer=str,
        media=TEXT,
    ),
    Route(
        path="/-/ready",
        name="ready",
        summary=(
            "200 when every watch has been scored, else 503; the reason names watches, for those "
            "who may read."
        ),
        access=Access.OPEN,  # a kubelet and a load balancer have no token
        answer=str,
        media=TEXT,
    ),
    Route(
        path="/-/reload",
        name="reload",
        summary=(
            "Reads the configuration file again; 400 with the reason when it is wrong, "
            "and then nothing changes."
        ),
        method="POST",
        access=Access.CHANGE,
        answer=str,
        media=TEXT,
    ),
    Route(
        path="/metrics",
        name="metrics",
        summary="Our own metrics and the latest scores, for Prometheus.",
        answer=str,
        media=TEXT,
    ),
)
ROUTES = MANAGEMENT_ROUTES + PAGE_ROUTES + API_ROUTES + PREVIEW_ROUTES + SIMPLE_JSON_ROUTES
