"""How much of the alert budget of its watch each series has used."""

from collections.abc import Iterable, Iterator

from plugin.domain.budget import AlarmTotals, Spending
from plugin.series import SeriesRecord
from plugin.web.context import WebContext

SeriesSpending = tuple[SeriesRecord, Spending]


def spendings(
    context: WebContext, records: Iterable[SeriesRecord], days: int, start: int
) -> Iterator[SeriesSpending]:
    """What each series used of the alert budget of its watch. Series of a watch that is not
    configured are left out."""
    watches = context.watches()
    totals = context.store.alarms.totals(start)
    noise = context.board.noise()
    scored = noise.samples(days) if noise is not None else {}
    none = AlarmTotals()
    for record in records:
        watch = watches.get(record.watch)
        if watch is not None:
            yield (
                record,
                Spending.of(
                    totals.get(record.id, none),
                    scored.get(record.id, 0.0),
                    watch.alert_budget,
                    watch.step,
                ),
            )


def by_watch(by_series: Iterable[SeriesSpending], names: Iterable[str]) -> dict[str, Spending]:
    """The same by watch, of these watches."""
    sums = dict.fromkeys(sorted(names), Spending())
    for record, spending in by_series:
        if record.watch in sums:  # an alert rule may be answered as of before a reload
            sums[record.watch] = sums[record.watch].plus(spending)
    return sums
