"""The figures of a noise report over the last days, from the store and the board."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from plugin.board import Snapshot
from plugin.domain.budget import Spending
from plugin.domain.model_decisions import DecisionKind
from plugin.domain.report import AbsentSeries, NoisySeries, Report, WatchLine
from plugin.domain.times import DAY
from plugin.series import SeriesRecord, SeriesState
from plugin.web import budget_spending, watches
from plugin.web.context import WebContext
from plugin.web.pinned_snapshots import PinnedSnapshot
from plugin.web.rows import Row
from plugin.web.series_catalog import SeriesCatalog

MAX_NOISY_SERIES = 10
MAX_ABSENT_SERIES = 50
MAX_DECISIONS = 10_000  # of one kind

Decisions = Mapping[tuple[str, DecisionKind], int]  # by watch and kind


@dataclass(frozen=True)
class ReportFigures:
    """A report, and the series behind its lines."""

    report: Report
    noisy_records: tuple[SeriesRecord, ...]  # of `report.noisy`, in their order


class ReportSource:
    """Reads the figures of one service."""

    def __init__(self, context: WebContext, catalog: SeriesCatalog) -> None:
        self._context = context
        self._catalog = catalog

    def figures(self, days: int) -> ReportFigures:
        """days: 7 or 30, until now."""
        moment = PinnedSnapshot.of(self._context)
        now = int(moment.now)
        start = now - days * DAY
        records = self._catalog.by_id()
        noisy = self._noisy(records, days, start)
        report = Report(
            url="",
            days=days,
            start=start * 1000,
            end=now * 1000,
            watches=tuple(self._watch_lines(moment, records, days)),
            noisy=tuple(series for _, series in noisy),
            absent=_absent(moment),
        )
        return ReportFigures(report, tuple(record for record, _ in noisy))

    def _watch_lines(
        self, moment: PinnedSnapshot, records: Mapping[int, SeriesRecord], days: int
    ) -> Iterator[WatchLine]:
        now = int(moment.now)
        start = now - days * DAY
        store = self._context.store
        spent = budget_spending.spendings_by_watch(self._context, records, days, start)
        per_day = self._per_day(records, start // DAY * DAY, now)
        incidents = Counter(
            records[incident.worst].watch
            for incident in store.incidents.between(start, now)
            if incident.worst in records
        )
        decisions = Counter(
            (records[decision.series_id].watch, decision.what)
            for kind in (DecisionKind.REFUSED, DecisionKind.RETIRED)
            for decision in store.decisions.between(
                start, now, decision_kind=kind, limit=MAX_DECISIONS
            )
            if decision.series_id in records
        )
        known_since = max(self._context.started, self._context.reloaded())
        for row in watches.watch_rows(moment, spent, known_since):
            name = str(row["watch"])
            alarms = per_day.get(name, ())
            yield _watch_line(row, spent[name], (alarms, incidents[name], days), decisions)

    def _per_day(
        self, records: Mapping[int, SeriesRecord], start: int, now: int
    ) -> dict[str, tuple[int, ...]]:
        """Alarms of each watch on each day in UTC. start: of the first day."""
        days = range(start, now + 1, DAY)
        counts = Counter(
            (records[series_id].watch, alarm_start // DAY * DAY)
            for series_id, alarm_start, _, _ in self._context.store.alarms.starts(start)
            if series_id in records
        )
        return {name: tuple(counts[name, day] for day in days) for name in self._context.watches()}

    def _noisy(
        self, records: Mapping[int, SeriesRecord], days: int, start: int
    ) -> list[tuple[SeriesRecord, NoisySeries]]:
        """The noisiest series, the noisiest first."""
        configured = self._context.watches()
        noise = self._context.board.noise()
        suggestions = noise.suggestions if noise is not None else {}
        spendings = budget_spending.spendings(self._context, records.values(), days, start)
        noisy = sorted(
            ((record, spending) for record, spending in spendings if spending.totals.alarms),
            key=budget_spending.noise_order,
        )[:MAX_NOISY_SERIES]
        return [
            (
                record,
                _noisy_series(
                    record,
                    spending,
                    str(suggestions.get(record.id, "")),
                    configured[record.watch].unit,
                ),
            )
            for record, spending in noisy
        ]


def _noisy_series(
    record: SeriesRecord, spending: Spending, suggestion: str, unit: str
) -> NoisySeries:
    totals = spending.totals
    return NoisySeries(
        watch=record.watch,
        series=str(record.labels),
        alarms=totals.alarms,
        promised=spending.promised,
        minutes_outside=spending.seconds_outside / 60,
        worst_score=totals.worst,
        last=totals.last * 1000,
        suggestion=suggestion,
        unit=unit,
    )


def _watch_line(
    row: Row, spent: Spending, counts: tuple[tuple[int, ...], int, int], decisions: Decisions
) -> WatchLine:
    """row: of /api/v1/watches. counts: alarms per day, incidents, days."""
    per_day, incidents, days = counts
    name = str(row["watch"])
    states = {
        state: int(row[state] or 0) for state in ("missing", "stale", "warming_up", "learning")
    }
    series = int(row["series"] or 0)
    scored_days = spent.seconds_scored / DAY
    return WatchLine(
        watch=name,
        state=str(row["state"]),
        reason=str(row["reason"]),
        series=series,
        alarms=spent.totals.alarms,
        promised=spent.promised,
        spent=spent.spent,
        scored=min(1.0, scored_days / (series * days)) if series else 0.0,
        incidents=incidents,
        per_day=per_day,
        stale_models=int(row["stale_models"] or 0),
        refused=decisions.get((name, DecisionKind.REFUSED), 0),
        unusable=decisions.get((name, DecisionKind.RETIRED), 0),
        **states,
    )


def _absent(moment: PinnedSnapshot) -> tuple[AbsentSeries, ...]:
    """Series whose samples have stopped, the longest absence first."""
    absent = [
        series for snapshot in moment.board.values() for series in _absences(snapshot, moment.now)
    ]
    return tuple(sorted(absent, key=lambda series: -series.age_seconds)[:MAX_ABSENT_SERIES])


def _absences(snapshot: Snapshot, now: float) -> Iterator[AbsentSeries]:
    is_missing = np.array([record.state is SeriesState.MISSING for record in snapshot.series], bool)
    for row in np.flatnonzero(is_missing & (snapshot.times > 0)).tolist():
        record = snapshot.series[row]
        age = now - float(snapshot.times[row])
        yield AbsentSeries(record.watch, str(record.labels), age)
