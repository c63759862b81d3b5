"""The views of all pages, and of the files that they load."""

from plugin.web.context import WebContext
from plugin.web.explanations import ExplanationViews
from plugin.web.incidents import IncidentViews
from plugin.web.links import SignedLinks
from plugin.web.pages.now_page import NowPageViews
from plugin.web.pages.page_html import icon, script, style
from plugin.web.pages.series_list_page import SeriesListPageViews
from plugin.web.pages.series_page import SeriesPageViews
from plugin.web.responses import View
from plugin.web.series_catalog import SeriesCatalog


def page_views(
    context: WebContext,
    catalog: SeriesCatalog,
    links: SignedLinks,
    incidents: IncidentViews,
    explanations: ExplanationViews,
) -> dict[str, View]:
    """By the name of the route."""
    return {
        **NowPageViews(context, catalog, incidents, links).views,
        **SeriesListPageViews(context, catalog).views,
        **SeriesPageViews(context, catalog, links, explanations).views,
        "page_style": style,
        "page_script": script,
        "page_icon": icon,
    }
