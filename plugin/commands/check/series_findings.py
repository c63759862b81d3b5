"""What the samples of a watch say about its query: how many series, gaps, history, covariates.

A finding is a pair of a heading and the text under it.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from plugin.commands.check.counters import counter_finding
from plugin.commands.check.quantities import part_of, rounded_duration, share, verb
from plugin.commands.check.watch_samples import WatchSamples
from plugin.commands.history_lessons import lessons_of, local_today
from plugin.config.durations import format_duration
from plugin.config.model import Watch
from plugin.domain.lessons import lesson_texts
from plugin.domain.times import instant
from plugin.jobs.covariates import matches
from plugin.prometheus import PrometheusReader
from plugin.series import Series

# Steps between two samples. A series with longer distances counts as missing in between.
MAX_SAMPLE_DISTANCE_STEPS = 3
FULL_HISTORY_SHARE = 0.9  # of the fit window, from which on the history counts as long enough


def series_findings(samples: WatchSamples) -> Iterator[tuple[str, str]]:
    """About the series and their values."""
    watch = samples.watch
    present_series = samples.present
    window = format_duration(watch.fit_seconds)
    most = samples.most_at_once
    total = len(samples.all_labels)
    turnover = f"at most {most:,} at one time, " if most < total else ""
    yield (
        "series",
        f"{samples.current:,} now, {turnover}{total:,} within {window}"
        f" (max_series {watch.max_series:,})",
    )
    part = "all" if samples.whole else "the last " + format_duration(samples.end - samples.start)
    yield (
        "points",
        f"{sum(len(series.times) for series in present_series):,} read, {part} of {window},"
        f" one every {format_duration(watch.step)}",
    )
    if present_series:
        yield "gaps", _gaps(present_series, samples)
        yield from _rare(present_series, watch.step)
    yield "history", _history(samples.end - samples.oldest, watch)
    if present_series:
        yield "teaches", _lessons(samples)
    yield "counter", counter_finding(watch.query, present_series)
    constant = [
        series for series in present_series if len(series.values) > 1 and np.ptp(series.values) == 0
    ]
    if constant:
        yield (
            "constant",
            f"{part_of(constant, present_series)} never {verb(constant, 'change')},"
            f" for example {constant[0].labels}",
        )
    if samples.gaps:
        yield "warning", _failed_instants(samples)
    yield from (("warning", text) for text in samples.warnings)
    yield from (("info", text) for text in samples.infos)


def covariate_findings(
    samples: WatchSamples, reader: PrometheusReader
) -> Iterator[tuple[str, str]]:
    """Tries each covariate now: how many series of the watch have one of its series, and only
    series."""
    watch = samples.watch
    labels = [series.labels for series in samples.present]
    for query in watch.covariates:
        covariates = reader.range(
            query, samples.end, samples.end, watch.step, max_series=watch.max_series
        ).observed
        counts = [len(rows) for rows in matches(labels, [series.labels for series in covariates])]
        several = sum(count > 1 for count in counts)
        text = (
            f"covariate {' '.join(query.split())}: {len(covariates):,} series now;"
            f" {counts.count(1):,} of {len(labels):,} series of the watch have one"
        )
        if several:
            advice = f"{several:,} have several: aggregate it by the labels that both have"
            yield "warning", f"{text}, {advice}"
        else:
            yield "channel", text


def _gaps(present_series: Sequence[Series], samples: WatchSamples) -> str:
    """The share of steps without a sample, counted from the first sample of each series on."""
    step = samples.watch.step
    due = np.array([(samples.end - int(series.times[0])) // step + 1 for series in present_series])
    missing = due - np.array([len(series.times) for series in present_series])
    if not missing.any():
        return "none"
    worst = int(np.argmax(missing / due))
    return (
        f"{share(missing.sum(), due.sum())} of the points are missing; most in"
        f" {present_series[worst].labels}: {share(missing[worst], due[worst])}"
    )


def _failed_instants(samples: WatchSamples) -> str:
    count = samples.failed_instants
    first = samples.gaps[0]
    return (
        f"evaluates now; not at {count:,} {'instant' if count == 1 else 'instants'} of the window,"
        f" which stay without samples: the first is {instant(first.start)}: {first.error}"
    )


def _rare(present_series: Sequence[Series], step: int) -> Iterator[tuple[str, str]]:
    """Warns of series whose samples come so seldom that they are taken for missing in between."""
    distances = {
        series.labels: float(np.median(np.diff(series.times)))
        for series in present_series
        if len(series.times) > 2
    }
    limit = MAX_SAMPLE_DISTANCE_STEPS * step
    slow = [series for series in present_series if distances.get(series.labels, 0.0) > limit]
    if slow:
        yield (
            "warning",
            f"{part_of(slow, present_series)} {verb(slow, 'come')} less often than every third"
            f" step, for example {slow[0].labels},"
            f" once in {rounded_duration(distances[slow[0].labels])}:"
            " between samples they count as missing. Give them a watch with a longer step, or a"
            " query such as last_over_time(...[1h])",
        )


def _lessons(samples: WatchSamples) -> str:
    """What the history of the series that are there can teach, and from when on the rest."""
    watch = samples.watch
    now = samples.end + watch.step
    times = {series.labels: [series.times] for series in samples.present}
    for series in samples.overview:
        if series.labels in times:
            times[series.labels].append(series.times)
    by_series = [lessons_of(watch, np.concatenate(parts), now) for parts in times.values()]
    return "; ".join(lesson_texts(by_series, local_today(watch, now)))


def _history(seconds: int, watch: Watch) -> str:
    history = rounded_duration(seconds)
    if seconds >= FULL_HISTORY_SHARE * watch.fit_seconds:
        return f"{history}, as long as fit_window"
    return (
        f"{history} of the {format_duration(watch.fit_seconds)} of fit_window;"
        " a fit learns from what there is"
    )
