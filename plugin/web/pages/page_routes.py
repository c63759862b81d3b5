"""The routes of the pages for people, and of the files that they load."""

from plugin.web.pages.page_queries import SeriesListQuery, SeriesPageQuery
from plugin.web.route import HTML, Access, Route

PAGE_ROUTES = (
    Route(
        path="/",
        name="now_page",
        summary="A page: open incidents, what is learning or missing, and every watch.",
        answer=str,
        media=HTML,
    ),
    Route(
        path="/series",
        name="series_list_page",
        summary="A page: series to search and filter, the highest scores first.",
        query=SeriesListQuery,
        answer=str,
        media=HTML,
    ),
    Route(
        path="/series/<id>",
        name="series_page",
        summary="A page: one series in its band, its alarms and its model.",
        query=SeriesPageQuery,
        answer=str,
        media=HTML,
    ),
    Route(
        path="/page.css",
        name="page_style",
        summary="The style of the pages.",
        access=Access.OPEN,
        answer=str,
        media="text/css",
    ),
    Route(
        path="/page.js",
        name="page_script",
        summary="The script that refreshes the pages; they work without it.",
        access=Access.OPEN,
        answer=str,
        media="text/javascript",
    ),
    Route(
        path="/page.svg",
        name="page_icon",
        summary="The icon of the pages.",
        access=Access.OPEN,
        answer=str,
        media="image/svg+xml",
    ),
)
