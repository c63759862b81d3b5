"""A series that several shards of a watch select is of the first of them in the file: so it is
scored, and alerts, once. All processes come to the same answer from its labels."""

import logging

from plugin.config import Watch
from plugin.metrics import Metrics
from plugin.range_vectors import keeps_labels
from plugin.selectors import Matcher, parse
from plugin.series import Labels, Series

log = logging.getLogger(__name__)

KNOWN_SERIES = 2**18  # whose answer is remembered; then all are asked anew
NAME = "__name__"  # functions take it off


class EarlierShards:
    """The shards before one, with all their matchers. Not safe in several threads at once, except
    to ask."""

    def __init__(self, watch: Watch) -> None:
        shard = watch.shard
        self._watch = watch.name
        self._selectors = [parse(selector) for selector in shard.earlier] if shard else []
        self._keeps_labels = keeps_labels(watch.query)
        self._known: dict[Labels, bool] = {}
        self._is_told = False

    def select(self, labels: Labels) -> bool:
        """Whether one of them delivers this series, too. No, where its labels do not say it: a
        label of the matchers may be one that the query has taken off."""
        known = self._known.get(labels)
        if known is None:
            if len(self._known) >= KNOWN_SERIES:
                self._known.clear()
            known = any(
                all(self._accepts(matcher, labels) for matcher in selector)
                for selector in self._selectors
            )
            self._known[labels] = known
        return known

    def without_theirs(self, answered_series: list[Series], metrics: Metrics) -> list[Series]:
        """The series that are ours alone; counts the others, and tells of them once."""
        if not self._selectors:
            return answered_series
        ours = [series for series in answered_series if not self.select(series.labels)]
        count = len(answered_series) - len(ours)
        if count:
            metrics.refused_series.labels(self._watch, "shard").inc(count)
        if count and not self._is_told:
            self._is_told = True
            example = next(each.labels for each in answered_series if self.select(each.labels))
            log.warning(
                "series are of an earlier shard, too: that one scores them",
                extra={"watch": self._watch, "series": count, "example": str(example)},
            )
        return ours

    def _accepts(self, matcher: Matcher, labels: Labels) -> bool:
        is_known = matcher.name in labels or (self._keeps_labels and matcher.name != NAME)
        return is_known and matcher.matches(labels)
