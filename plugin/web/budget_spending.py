"""How much of the alert budget of its watch each series has used."""

from collections.abc import Iterable, Iterator, Mapping

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


def noise_order(pair: SeriesSpending) -> tuple[float, float, int]:
    """Sorts the noisiest series first."""
    record, spending = pair
    return -spending.totals.alarms, -spending.seconds_outside, record.id


def by_watch(by_series: Iterable[SeriesSpending], names: Iterable[str]) -> dict[str, Spending]:
    """The same by watch, of these watches."""
    sums = dict.fromkeys(sorted(names), Spending())
    for record, spending in by_series:
        if record.watch in sums:  # an alert rule may be answered as of before a reload
            sums[record.watch] = sums[record.watch].plus(spending)
    return sums


def spendings_by_watch(
    context: WebContext, records: Mapping[int, SeriesRecord], days: int, start: int
) -> dict[str, Spending]:
    """The same of all configured watches, without a Spending for each series: a page has no time
    for ten thousand.

    records: all series by their ids.
    """
    watches = context.watches()
    totals = dict.fromkeys(watches, AlarmTotals())
    scored = dict.fromkeys(watches, 0.0)
    for series_id, alarms in context.store.alarms.totals(start).items():
        record = records.get(series_id)
        if record is not None and record.watch in totals:
            totals[record.watch] = totals[record.watch].plus(alarms)
    noise = context.board.noise()
    for series_id, samples in (noise.samples(days) if noise is not None else {}).items():
        record = records.get(series_id)
        if record is not None and record.watch in scored:
            scored[record.watch] += samples
    return {
        name: Spending.of(totals[name], scored[name], watch.alert_budget, watch.step)
        for name, watch in watches.items()
    }
