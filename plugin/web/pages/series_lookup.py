"""The series that the address of a page names."""

from plugin.errors import RequestError
from plugin.series import SeriesRecord
from plugin.web.context import WebContext
from plugin.web.series_catalog import SeriesCatalog


def series_record(catalog: SeriesCatalog, context: WebContext, text: str) -> SeriesRecord:
    """text: its id in the store. Raises RequestError when there is no such series."""
    records = catalog.by_id_on_board(context.board.snapshots())
    record = records.get(int(text)) if text.isdecimal() else None
    if record is None:
        raise RequestError(
            f"there is no series {text}: it has been forgotten since, or the address is"
            " wrong; search for its name at /series",
            field="id",
            status=404,
            code="unknown_series",
        )
    return record
