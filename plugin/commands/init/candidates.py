"""Which watches of the presets fit the metrics that a Prometheus holds. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plugin.commands.init.presets import Preset, WatchTemplate
from plugin.prometheus.catalogue import MetricCatalogue

# What the exposition format adds to the name of a metric.
TYPE_SUFFIX = re.compile(r"_(?:bucket|count|sum|total)$")
UNKNOWN_TYPES = ("", "unknown", "untyped")
INVALID_IN_NAME = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True)
class WatchCandidate:
    """A watch that a preset or another file proposes for metrics that are there. Places for what
    only Prometheus can tell, such as `$window`, are still in it."""

    preset: str  # title
    name: str
    why: str
    metric: str  # whose labels and whose scrape interval count; "" = not known
    settings: Mapping[str, Any]
    labels_of: Mapping[str, tuple[str, ...]]
    hold: int = 0  # seconds that a sample must stay outside before it alerts


def candidates(presets: Iterable[Preset], catalogue: MetricCatalogue) -> list[WatchCandidate]:
    """In the order of the presets."""
    return [
        candidate
        for preset in presets
        for watch in preset.watches
        for candidate in _of_watch(preset, watch, catalogue)
    ]


def with_words(value: Any, words: Mapping[str, str]) -> Any:
    """A setting whose places are filled in: `$window` by `5m`. words: place -> text."""
    if isinstance(value, str):
        for place in sorted(words, key=len, reverse=True):
            value = value.replace(f"${place}", words[place])
        return value
    if isinstance(value, list):
        return [with_words(item, words) for item in value]
    if isinstance(value, dict):
        return {key: with_words(item, words) for key, item in value.items()}
    return value


def _of_watch(
    preset: Preset, watch: WatchTemplate, catalogue: MetricCatalogue
) -> Iterator[WatchCandidate]:
    if watch.for_each is None:
        if catalogue.names.issuperset(watch.needs):
            yield _candidate(preset, watch, watch.needs[0], {})
        return
    for metric in sorted(catalogue.names):
        match = watch.for_each.fullmatch(metric)
        if match is None or preset.leaves_out and preset.leaves_out.fullmatch(metric):
            continue
        words = {name: text or "" for name, text in match.groupdict().items()}
        superfluous = any(with_words(name, words) in catalogue.names for name in watch.unless)
        if not superfluous and _has_type(metric, watch.type, catalogue.types):
            yield _candidate(preset, watch, metric, words)


def _candidate(
    preset: Preset, watch: WatchTemplate, metric: str, parts: Mapping[str, str]
) -> WatchCandidate:
    words = {**parts, "metric": metric}
    return WatchCandidate(
        preset=preset.title,
        name=INVALID_IN_NAME.sub("_", with_words(watch.name, words)),
        why=watch.why,
        metric=metric,
        settings=with_words(dict(watch.settings), words),
        labels_of=watch.labels_of or {},
    )


def _has_type(metric: str, kind: str, types: Mapping[str, str]) -> bool:
    """Whether a metric is of a type, or Prometheus does not know its type."""
    known = types.get(metric) or types.get(TYPE_SUFFIX.sub("", metric), "")
    return not kind or known in UNKNOWN_TYPES or known == kind
