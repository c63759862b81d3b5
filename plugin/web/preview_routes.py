"""The routes of previews: of the API, and of the page /try."""

from plugin.web.preview_types import PreviewAnswer, PreviewBody, PreviewQuery, TryQuery
from plugin.web.route import HTML, Access, Route

PREVIEW_ROUTES = (
    Route(
        path="/api/v1/preview",
        name="preview_start",
        summary="Begins a preview: what a watch with these settings would have done.",
        method="POST",
        access=Access.CHANGE,
        body=PreviewBody,
        answer=PreviewAnswer,
    ),
    Route(
        path="/api/v1/preview/<id>",
        name="preview",
        summary="How far a preview is, and what it tells once it is done.",
        query=PreviewQuery,
        answer=PreviewAnswer,
    ),
    Route(
        path="/api/v1/preview/<id>",
        name="preview_cancel",
        summary="Cancels a preview that runs.",
        query=PreviewQuery,
        method="DELETE",
        access=Access.CHANGE,
        answer=PreviewAnswer,
    ),
    Route(
        path="/try",
        name="try_page",
        summary="A page: settings to try, and what they would have done.",
        query=TryQuery,
        answer=str,
        media=HTML,
    ),
    Route(
        path="/try",
        name="try_start",
        summary="What its form sends: begins a preview, or cancels one.",
        method="POST",
        access=Access.CHANGE,
        answer=str,
        media=HTML,
    ),
)
