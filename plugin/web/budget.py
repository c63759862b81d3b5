"""The alert budget: alarms compared with the promised number, by watch, by series, by day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flask import Response

from plugin.config import Watch
from plugin.domain.budget import Spending
from plugin.domain.times import DAY
from plugin.series import Labels, SeriesRecord
from plugin.web.budget_spending import SeriesSpending, by_watch, noise_order, spendings
from plugin.web.context import WebContext
from plugin.web.queries import BudgetQuery
from plugin.web.responses import View, json_response
from plugin.web.rows import Row, filled, label_columns
from plugin.web.series_catalog import SeriesCatalog

NO_LABELS = Labels(())


class BudgetViews:
    """The view /api/v1/budget."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog

    @property
    def views(self) -> Mapping[str, View]:
        return {"budget": self.budget}

    def budget(self, query: BudgetQuery) -> Response:
        watches = self._context.watches()
        records = self._catalog.find(query.watch, query.match)
        now = int(self._context.clock())
        period_start = now - query.days * DAY
        if query.by == "day":
            start = period_start // DAY * DAY
            return json_response(
                _day_rows(records, watches, start, now, self._context.store.alarms.starts(start))
            )
        by_series = spendings(self._context, records, query.days, period_start)
        if query.by == "watch":
            return json_response(_watch_rows(by_watch(by_series, query.watch or watches), watches))
        noisy = sorted(by_series, key=noise_order)
        if query.limit is not None:
            noisy = [pair for pair in noisy if pair[1].totals.alarms][: query.limit]
        return json_response(_series_rows(noisy, watches, self._context))


def _watch_rows(totals: Mapping[str, Spending], watches: Mapping[str, Watch]) -> list[Row]:
    configured = {name: spending for name, spending in totals.items() if name in watches}
    heads = _watch_heads(configured, watches)
    return [{**heads[name], **_numbers(spending)} for name, spending in configured.items()]


def _watch_heads(
    names: Iterable[str], watches: Mapping[str, Watch]
) -> Mapping[str, Mapping[str, str]]:
    """The string columns by the name of the watch."""
    heads = {
        name: {"watch": name, **label_columns(NO_LABELS, watches[name].own_labels)}
        for name in names
    }
    return dict(zip(heads, filled(list(heads.values())), strict=True))


def _series_rows(
    pairs: Sequence[SeriesSpending], watches: Mapping[str, Watch], context: WebContext
) -> list[Row]:
    noise = context.board.noise()
    suggestions = noise.suggestions if noise is not None else {}
    heads = [
        {
            "watch": record.watch,
            "series": str(record.labels),
            **label_columns(record.labels, watches[record.watch].own_labels),
        }
        for record, _ in pairs
    ]
    return [
        {**head, **_numbers(spending), "suggestion": str(suggestions.get(record.id, ""))}
        for head, (record, spending) in zip(filled(heads), pairs, strict=True)
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


@dataclass
class DayTotals:
    """The alarms of one watch that started on one day."""

    alarms: int = 0
    samples: int = 0  # outside
    worst_score: float = 0.0


def _day_rows(
    records: Iterable[SeriesRecord],
    watches: Mapping[str, Watch],
    start: int,
    now: int,
    alarms: Iterable[tuple[int, int, int, float]],
) -> list[Row]:
    """A row for each day in UTC and each watch with a series; also for a day without an alarm.

    start: of the first day; alarms: (series id, start, samples outside, highest score).
    """
    watch_of = {record.id: record.watch for record in records if record.watch in watches}
    names = sorted(set(watch_of.values()))
    totals = {(day, name): DayTotals() for day in range(start, now + 1, DAY) for name in names}
    for series_id, alarm_start, samples, score in alarms:
        day_totals = totals.get((alarm_start // DAY * DAY, watch_of.get(series_id, "")))
        if day_totals is not None:
            day_totals.alarms += 1
            day_totals.samples += samples
            day_totals.worst_score = max(day_totals.worst_score, score)
    heads = _watch_heads(names, watches)
    return [
        {
            "time": day * 1000,
            **heads[name],
            "alarms": day_totals.alarms,
            "minutes_outside": round(day_totals.samples * watches[name].step / 60, 1),
            "worst_score": day_totals.worst_score or None,
        }
        for (day, name), day_totals in totals.items()
    ]
