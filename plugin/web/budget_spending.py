"""What each series made of the alert budget of its watch: the one computation of it."""

from collections.abc import Iterable, Iterator

from plugin.domain.budget import AlarmTotals, Spending
from plugin.series import SeriesRecord
from plugin.web.context import WebContext

Own = tuple[SeriesRecord, Spending]


def spendings(
    context: WebContext, records: Iterable[SeriesRecord], days: int, since: int
) -> Iterator[Own]:
    """What each series made of the budget of its watch; those of a watch that is not configured are
    left out."""
    watches = context.watches()
    totals = context.store.alarm_totals(since)
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


def by_watch(found: Iterable[Own], names: Iterable[str]) -> dict[str, Spending]:
    """The same by watch, of these watches."""
    sums = dict.fromkeys(sorted(names), Spending())
    for record, spending in found:
        if record.watch in sums:  # a rule may be answered from before a reload
            sums[record.watch] = sums[record.watch].plus(spending)
    return sums
