"""Whether the shards of a watch divide it: no series is of two of them, and none is of no shard."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from plugin.commands.check.watch_samples import WatchSamples
from plugin.config.model import Watch
from plugin.errors import PrometheusError
from plugin.jobs.earlier_shards import EarlierShards
from plugin.prometheus import PrometheusReader
from plugin.series import Labels


class ShardCheck:
    """Takes the watches of a file in their order."""

    def __init__(self, watches: Iterable[Watch], reader: PrometheusReader) -> None:
        self._reader = reader
        self._queries: dict[str, list[str]] = defaultdict(list)  # of the shards, by watch
        for watch in watches:
            if watch.shard is not None:
                self._queries[watch.shard.watch].append(watch.query)
        # By watch and hash of the labels, as there may be a million: which shard delivers a series.
        self._shards: dict[str, dict[int, str]] = defaultdict(dict)

    def findings(self, samples: WatchSamples) -> Iterator[tuple[str, str]]:
        """Headings and texts; nothing where the watch is whole."""
        watch = samples.watch
        if watch.shard is None:
            return
        yield from self._overlaps(watch, watch.shard.watch, samples.all_labels)
        queries = self._queries[watch.shard.watch]
        if watch.query != queries[-1]:
            return
        try:
            yield from self._unselected(watch, watch.shard.whole, queries, samples.end)
        except PrometheusError as error:
            yield "warning", f"whether series are of no shard cannot be told: {error}"

    def _overlaps(
        self, watch: Watch, whole: str, all_labels: Collection[Labels]
    ) -> Iterator[tuple[str, str]]:
        shards = self._shards[whole]
        shared: dict[str, list[Labels]] = defaultdict(list)
        for labels in all_labels:
            other = shards.setdefault(hash(labels), watch.name)
            if other != watch.name:
                shared[other].append(labels)
        for other, series in shared.items():
            yield "warning", _overlap(other, series, EarlierShards(watch))

    def _unselected(
        self, watch: Watch, whole: str, queries: Sequence[str], now: int
    ) -> Iterator[tuple[str, str]]:
        """Asks for one series that no shard has now, and for their number."""
        rest = " unless ".join(f"({query})" for query in (whole, *queries))
        one = self._reader.range(f"topk(1, {rest})", now, now, watch.step, max_series=1).observed
        if not one:
            return
        count = self._reader.range(f"count({rest})", now, now, watch.step, max_series=1)
        number = int(count.observed[0].values[-1]) if count.observed else 1
        yield (
            "warning",
            f"{_series(number)} OF NO SHARD, for example {one[0].labels}, and so not watched: let"
            ' the last shard take the rest, such as {region!~"eu|us"}',
        )


def _overlap(other: str, series: Sequence[Labels], earlier: EarlierShards) -> str:
    """series: that the other shard delivers, too."""
    example = min(series, key=lambda labels: labels.pairs)
    found = f"OVERLAP: {_series(len(series))} of {other}, too, for example {example}"
    if all(map(earlier.select, series)):
        return f"{found}: only {other} scores that: let the matchers exclude each other"
    return (
        f"{found}: both score and alert, because the query takes off labels that tell the shards"
        " apart: keep them, as in `sum by (region, job) (...)`, or divide by a label that it keeps"
    )


def _series(count: int) -> str:
    return "1 series is" if count == 1 else f"{count:,} series are"
