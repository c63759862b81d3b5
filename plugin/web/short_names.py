"""The short name of each series, among all that the store knows of its watch."""

from collections.abc import Mapping

from plugin.domain.series_names import short_names
from plugin.series import SeriesRecord
from plugin.web.series_catalog import SeriesCatalog


class ShortNames:
    """Names of series by id, made anew for a watch when the list of series has changed."""

    def __init__(self, catalog: SeriesCatalog) -> None:
        self._catalog = catalog
        self._records: Mapping[int, SeriesRecord] = {}
        self._names: dict[str, Mapping[int, str]] = {}  # by watch
        self._version = 0

    @property
    def version(self) -> int:
        """Another one when the names have changed."""
        self._refresh()
        return self._version

    def of(self, record: SeriesRecord) -> str:
        """`checkout`, `code=500 service=checkout`, or the name of the watch."""
        self._refresh()
        if record.watch not in self._names:
            self._names[record.watch] = _names_by_id(record.watch, self._records)
        return self._names[record.watch].get(record.id, str(record.labels))

    def _refresh(self) -> None:
        records = self._catalog.by_id()
        if records is not self._records:
            self._records = records
            self._names = {}
            self._version += 1


def _names_by_id(watch: str, records: Mapping[int, SeriesRecord]) -> Mapping[int, str]:
    members = [record for record in records.values() if record.watch == watch]
    names = short_names(watch, [record.labels for record in members])
    return {record.id: name for record, name in zip(members, names, strict=True)}
