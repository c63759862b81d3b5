"""The views of all pages, and of the files that they load."""

from plugin.web.context import WebContext
from plugin.web.explanations import ExplanationViews
from plugin.web.incidents import IncidentViews
from plugin.web.links import SignedLinks
from plugin.web.maintenance import MaintenanceViews
from plugin.web.pages.chart_assets import asset_views
from plugin.web.pages.chart_marks import ChartMarks
from plugin.web.pages.now_page import NowPageViews
from plugin.web.pages.page_html import icon, script, style
from plugin.web.pages.report_page import ReportPageViews
from plugin.web.pages.series_chart import SeriesChartViews
from plugin.web.pages.series_list_page import SeriesListPageViews
from plugin.web.pages.series_page import SeriesPageViews
from plugin.web.pages.watch_pages import WatchPageViews
from plugin.web.responses import View
from plugin.web.series_catalog import SeriesCatalog


def page_views(
    context: WebContext,
    catalog: SeriesCatalog,
    links: SignedLinks,
    incidents: IncidentViews,
    explanations: ExplanationViews,
    maintenance: MaintenanceViews,
) -> dict[str, View]:
    """By the name of the route."""
    marks = ChartMarks(context, catalog, incidents, maintenance)
    return {
        **NowPageViews(context, catalog, incidents, links).views,
        **SeriesListPageViews(context, catalog).views,
        **SeriesPageViews(context, catalog, links, explanations, marks).views,
        **SeriesChartViews(context, catalog, marks).views,
        **WatchPageViews(context, catalog).views,
        **ReportPageViews(context, catalog).views,
        **asset_views(),
        "page_style": style,
        "page_script": script,
        "page_icon": icon,
    }
