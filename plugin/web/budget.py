"""The noise budget: alarms held against those that were promised, by watch, by series, by day."""

from collections.abc import Iterable, Mapping, Sequence

from flask import Response

from plugin.config import Watch
from plugin.domain.budget import DAY, Spending
from plugin.series import Labels, SeriesRecord
from plugin.web.budget_spending import Own, by_watch, spendings
from plugin.web.context import WebContext
from plugin.web.data_source import View, json
from plugin.web.parameters import QueryParameters
from plugin.web.rows import Row, filled, label_columns
from plugin.web.series_catalog import SeriesCatalog

NONE = Labels(())


class BudgetViews:
    """The view under /api/v1 that says how noisy everything is."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog

    @property
    def views(self) -> Mapping[str, View]:
        return {"budget": self.budget}

    def budget(self, query: QueryParameters) -> Response:
        watches = self._context.watches()
        records = self._catalog.find(query)
        now = int(self._context.clock())
        since = now - query.days * DAY
        if query.by == "day":
            begin = since // DAY * DAY
            return json(
                _day_rows(records, watches, begin, now, self._context.store.alarms_begun(begin))
            )
        found = spendings(self._context, records, query.days, since)
        if query.by == "watch":
            return json(_watch_rows(by_watch(found, query.watch or watches), watches))
        noisy = sorted(found, key=_noisiest)
        if query.limit is not None:
            noisy = [each for each in noisy if each[1].totals.alarms][: query.limit]
        return json(_series_rows(noisy, watches, self._context))


def _noisiest(own: Own) -> tuple[float, float, int]:
    return -own[1].totals.alarms, -own[1].seconds_outside, own[0].id


def _watch_rows(found: Mapping[str, Spending], watches: Mapping[str, Watch]) -> list[Row]:
    shown = {name: spending for name, spending in found.items() if name in watches}
    heads = [{"watch": name, **label_columns(NONE, watches[name].own_labels)} for name in shown]
    return [
        {**head, **_numbers(each)} for head, each in zip(filled(heads), shown.values(), strict=True)
    ]


def _series_rows(
    found: Sequence[Own], watches: Mapping[str, Watch], context: WebContext
) -> list[Row]:
    noise = context.board.noise()
    suggestions = noise.suggestions if noise is not None else {}
    heads = [
        {
            "watch": record.watch,
            "series": str(record.labels),
            **label_columns(record.labels, watches[record.watch].own_labels),
        }
        for record, _ in found
    ]
    return [
        {**head, **_numbers(each), "suggestion": str(suggestions.get(record.id, ""))}
        for head, (record, each) in zip(filled(heads), found, strict=True)
    ]


def _numbers(spending: Spending) -> Row:
    totals = spending.totals
    return {
        "alarms": totals.alarms,
        "promised": round(spending.promised, 3),
        "spent": round(spending.spent, 4),
        "days_scored": round(spending.seconds_scored / DAY, 3),
        "minutes_outside": round(spending.seconds_outside / 60, 1),
        "worst_score": totals.worst if totals.alarms else None,
        "last": totals.last * 1000 or None,
    }


def _day_rows(
    records: Iterable[SeriesRecord],
    watches: Mapping[str, Watch],
    begin: int,
    now: int,
    found: Iterable[tuple[int, int, int, float]],
) -> list[Row]:
    """A row for each day in UTC from `begin` on and each watch with a series; also without an
    alarm."""
    watch_of = {record.id: record.watch for record in records if record.watch in watches}
    names = sorted(set(watch_of.values()))
    days = range(begin, now + 1, DAY)
    count, outside, worst = (
        dict.fromkeys(((day, name) for day in days for name in names), 0.0) for _ in range(3)
    )
    for series, start, samples, score in found:
        place = start // DAY * DAY, watch_of.get(series, "")
        if place in count:
            count[place] += 1
            outside[place] += samples
            worst[place] = max(worst[place], score)
    heads = dict(
        zip(
            names,
            filled(
                [{"watch": name, **label_columns(NONE, watches[name].own_labels)} for name in names]
            ),
            strict=True,
        )
    )
    return [
        {
            "time": day * 1000,
            **heads[name],
            "alarms": int(count[day, name]),
            "minutes_outside": round(outside[day, name] * watches[name].step / 60, 1),
            "worst_score": worst[day, name] or None,
        }
        for day, name in count
    ]
