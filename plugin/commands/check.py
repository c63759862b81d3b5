"""`bandwatch check`: tries each query on Prometheus and says what a fit would find."""

import re
import shutil
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from detectors.api import DetectorError, SeriesBatch
from plugin import grid
from plugin.config.durations import format_duration
from plugin.config.model import Config, Watch, WorkerSettings
from plugin.errors import BandwatchError, QueryRejected
from plugin.jobs.covariates import matches
from plugin.prometheus import PrometheusReader
from plugin.series import FloatArray, Labels, Series

SecondsPerSeries = Callable[[Watch, SeriesBatch], float]

DAY = 86_400
OVERVIEW = 200  # instants of the fit window at which series are counted
MAX_SAMPLES = 2_000_000  # up to here the whole fit window is read, else its last day
TIMED = 8  # series of the fit that is timed, beside a fit of one
RARE_STEPS = (
    3  # between two samples; beyond, a series counts as missing before its next sample comes
)

STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')
TOTAL = re.compile(r"\w_total\b")
SELECTOR = re.compile(r"[\w:]*\s*(\{.*\})?", re.DOTALL)
# What turns a counter into something that has a level.
RATES = re.compile(
    r"\b(rate|irate|increase|delta|idelta|deriv|resets|changes|histogram_quantile)\s*\("
)


@dataclass(frozen=True)
class DryRun:
    """What a query answered: `overview` at instants of the fit window, `series` at each step of a
    part."""

    watch: Watch
    overview: list[Series]
    overview_step: int
    series: list[Series]
    start: int
    end: int
    window_start: int
    warnings: tuple[str, ...]
    infos: tuple[str, ...]

    @property
    def everyone(self) -> set[Labels]:
        """All series that were seen anywhere."""
        return {one.labels for one in [*self.overview, *self.series]}

    @property
    def whole(self) -> bool:
        return self.start == self.window_start

    @property
    def points(self) -> int:
        """Steps of the part that has been read."""
        return (self.end - self.start) // self.watch.step + 1

    @property
    def first(self) -> int:
        """Unix seconds of the oldest sample seen; as coarse as the overview where not all was
        read."""
        return min(int(one.times[0]) for one in [*self.overview, *self.series] if len(one.times))


def check(
    config: Config,
    *,
    out: TextIO,
    seconds_per_series: SecondsPerSeries,
    now: Callable[[], float] = time.time,
) -> bool:
    """Writes a block of findings per watch; a watch that fails does not stop the others. True if
    all work.

    seconds_per_series: fits the batch with the watch's detector on this machine and says how long
    one took.
    """
    reader = PrometheusReader(config.prometheus)
    try:
        try:
            print(f"Prometheus {reader.buildinfo()} at {reader.url}", file=out)
        except QueryRejected as error:  # others that speak the API need not have this route
            print(f"Prometheus at {reader.url} (version not known: {error})", file=out)
        failed = [
            watch.name
            for watch in config.watches
            if not check_watch(watch, reader, config.workers, seconds_per_series, int(now()), out)
        ]
    except BandwatchError as error:
        print(f"FAILED: {error}", file=out)
        return False
    finally:
        reader.close()
    count = len(config.watches)
    print(
        f"\n{count - len(failed)} of {count} watches work"
        + (f"; these do not: {', '.join(failed)}" if failed else ""),
        file=out,
    )
    return not failed


def check_watch(
    watch: Watch,
    reader: PrometheusReader,
    workers: WorkerSettings,
    seconds_per_series: SecondsPerSeries,
    now: int,
    out: TextIO,
) -> bool:
    print(f"\n{watch.name}: {' '.join(watch.query.split())}", file=out)
    try:
        dry_run = ask(watch, reader, now)
        for name, text in [
            *findings(dry_run),
            *covariates(dry_run, reader),
            *fit_time(dry_run, workers, seconds_per_series),
        ]:
            print(folded(f"  {name:<9}{text}", out), file=out)
    except BandwatchError as error:
        print(folded(f"  FAILED   {error}", out), file=out)
        return False
    return True


def folded(line: str, out: TextIO) -> str:
    """In a terminal, lines that keep to its width, the text in a column of its own; elsewhere one
    line."""
    if not out.isatty():
        return line
    return textwrap.fill(
        line,
        shutil.get_terminal_size().columns,
        subsequent_indent=" " * 11,
        break_long_words=False,
        break_on_hyphens=False,
    )


def ask(watch: Watch, reader: PrometheusReader, now: int) -> DryRun:
    """An overview of the fit window, then all of it or its last day.

    Finding no series is an error.
    """
    step = watch.step
    end = (now - watch.offset) // step * step
    window_start = end - watch.fit_window // step * step
    coarse = step * -(-((end - window_start) // step + 1) // OVERVIEW)
    overview = reader.range(
        watch.query,
        -(-window_start // coarse) * coarse,
        end // coarse * coarse,
        coarse,
        max_series=watch.max_series,
    )
    if not any(len(one.times) for one in overview.series):
        raise BandwatchError(
            f"no series in the last {format_duration(watch.fit_window)}: check the names "
            "and the label matchers, and try the query in Prometheus itself"
        )
    start = window_start
    if len(overview.series) * ((end - window_start) // step + 1) > MAX_SAMPLES:
        start = max(window_start, end - DAY // step * step)
    detail = reader.range(watch.query, start, end, step, max_series=watch.max_series)
    return DryRun(
        watch,
        overview.series,
        coarse,
        detail.series,
        start,
        end,
        window_start,
        tuple(dict.fromkeys(overview.warnings + detail.warnings)),
        tuple(dict.fromkeys(overview.infos + detail.infos)),
    )


def findings(dry_run: DryRun) -> Iterator[tuple[str, str]]:
    """Pairs of a heading and what there is to say under it."""
    watch = dry_run.watch
    seen = [one for one in dry_run.series if len(one.times)]
    now = sum(int(one.times[-1]) == dry_run.end for one in seen)
    window = format_duration(watch.fit_window)
    yield (
        "series",
        f"{now:,} now, {len(dry_run.everyone):,} within {window} (max_series {watch.max_series:,})",
    )
    part = "all" if dry_run.whole else "the last " + format_duration(dry_run.end - dry_run.start)
    yield (
        "points",
        (
            f"{sum(len(one.times) for one in seen):,} read, {part} of {window}, one every "
            f"{format_duration(watch.step)}"
        ),
    )
    if seen:
        yield "gaps", gaps(seen, dry_run)
        yield from rare(seen, dry_run)
    yield "history", history(dry_run.end - dry_run.first, watch)
    yield "counter", counters(watch.query, seen)
    flat = [one for one in seen if len(one.values) > 1 and np.ptp(one.values) == 0]
    if flat:
        yield (
            "constant",
            f"{of(flat, seen)} never {verb(flat, 'change')}, for example {flat[0].labels}",
        )
    yield from (("warning", text) for text in dry_run.warnings)
    yield from (("info", text) for text in dry_run.infos)


def covariates(dry_run: DryRun, reader: PrometheusReader) -> Iterator[tuple[str, str]]:
    """Tries each covariate now, and says how many series of the watch have one of its series, and
    only one."""
    watch = dry_run.watch
    series = [one.labels for one in dry_run.series if len(one.times)]
    for query in watch.covariates:
        found = reader.range(
            query, dry_run.end, dry_run.end, watch.step, max_series=watch.max_series
        ).observed
        counts = [len(places) for places in matches(series, [one.labels for one in found])]
        several = sum(count > 1 for count in counts)
        text = (
            f"covariate {' '.join(query.split())}: {len(found):,} series now; {counts.count(1):,}"
            f" of {len(series):,} series of the watch have one"
        )
        warning = f"{text}, {several:,} have several: aggregate it by the labels that both have"
        yield ("warning", warning) if several else ("channel", text)


def gaps(series: Sequence[Series], dry_run: DryRun) -> str:
    """The share of steps without a sample, counted from a series' first sample on."""
    due = np.array([(dry_run.end - int(one.times[0])) // dry_run.watch.step + 1 for one in series])
    missing = due - np.array([len(one.times) for one in series])
    if not missing.any():
        return "none"
    worst = int(np.argmax(missing / due))
    return (
        f"{share(missing.sum(), due.sum())} of the points are missing; most in"
        f" {series[worst].labels}: {share(missing[worst], due[worst])}"
    )


def share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if part / whole >= 0.0001 else "less than 0.01%"


def rare(series: Sequence[Series], dry_run: DryRun) -> Iterator[tuple[str, str]]:
    """Warns of series that come so much less often than the step that they are taken for missing in
    between."""
    step = dry_run.watch.step
    usual = {
        one.labels: float(np.median(np.diff(one.times))) for one in series if len(one.times) > 2
    }
    slow = [one for one in series if usual.get(one.labels, 0.0) > RARE_STEPS * step]
    if slow:
        every = format_duration(round_off(usual[slow[0].labels]))
        yield (
            "warning",
            (
                f"{of(slow, series)} {verb(slow, 'come')} less often than every third step, for"
                f" example {slow[0].labels}, once in {every}: between samples they count as"
                " missing. Give them a watch with a longer step, or a query such as"
                " last_over_time(...[1h])"
            ),
        )


def history(known: int, watch: Watch) -> str:
    if known >= 0.9 * watch.fit_window:
        return f"{format_duration(round_off(known))}, as long as fit_window"
    return (
        f"{format_duration(round_off(known))} of the {format_duration(watch.fit_window)} of"
        " fit_window; a fit learns from what there is"
    )


def of(some: Sequence[Series], series: Sequence[Series]) -> str:
    return f"{len(some):,} of {len(series):,} series"


def verb(some: Sequence[Series], word: str) -> str:
    return word + "s" if len(some) == 1 else word


def counters(query: str, series: Sequence[Series]) -> str:
    """Says whether the query looks like a raw counter, whose ever rising level nothing can learn
    from."""
    bare = STRINGS.sub("", query)
    if RATES.search(bare):
        return "no: the query takes a rate"
    moving = [one for one in series if len(one.values) > 1 and np.ptp(one.values) > 0]
    rising = [one for one in moving if only_rises(one.values)]
    if moving and len(rising) * 2 >= len(moving):
        why = (
            f"{len(rising)} of {len(moving)} series only rise, apart from restarts, as"
            f" {rising[0].labels}"
        )
    elif TOTAL.search(bare) and all((np.diff(one.values) >= 0).all() for one in series):
        why = (
            "by its name; no series has fallen" if moving else "by its name; no series has changed"
        )
    elif rising:
        return (
            f"perhaps in part: {of(rising, moving)} that change only {verb(rising, 'rise')}, as"
            f" {rising[0].labels}: counters are better asked for their rate(...[5m]), in a watch of"
            " their own"
        )
    else:
        return "no"
    selector = query.strip()
    advice = (
        f"rate({selector}[5m])"
        if SELECTOR.fullmatch(selector)
        else "rate(...[5m]) of it in the query"
    )
    return (
        f"LOOKS LIKE A RAW COUNTER ({why}). Its level tells when it last restarted, not what"
        f" happens now: use {advice}"
    )


def only_rises(values: FloatArray) -> bool:
    """The rule: ten samples or more, none negative, and no fall but restarts: rare, to less than
    half."""
    steps = np.diff(values)
    falls = steps < 0
    restarts = values[1:][falls] < values[:-1][falls] / 2
    rare = falls.sum() <= len(steps) / 100
    return len(values) >= 10 and bool(values.min() >= 0 and restarts.all() and rare)


def fit_time(
    dry_run: DryRun, workers: WorkerSettings, seconds_per_series: SecondsPerSeries
) -> Iterator[tuple[str, str]]:
    """How long a fit of the whole watch will take, from real fits of one and of a few of its
    fullest series."""
    watch = dry_run.watch
    fullest = sorted(dry_run.series, key=lambda one: -len(one.times))[:TIMED]
    if not fullest:
        yield "fit", "nothing to time: no series has samples in what was read"
        return
    values = grid.align(fullest, dry_run.start, dry_run.end, watch.step)
    batch = grid.batch(values, dry_run.start, watch.step, watch.timezone)
    try:
        seconds = {
            size: size * seconds_per_series(watch, batch.rows(np.arange(size)))
            for size in sorted({1, len(fullest)})
        }
    except DetectorError as error:
        yield "fit", f"not yet possible: {error}"
        return
    window_points = (dry_run.end - dry_run.window_start) // watch.step + 1
    count = len(dry_run.everyone)
    whole = stacked(seconds, count, workers) * window_points / dry_run.points
    every = format_duration(watch.fit_every)
    yield (
        "fit",
        f"about {format_duration(max(1, round_off(whole)))} for {count:,} series, every {every}",
    )
    if whole > watch.fit_every:
        yield "warning", f"a fit takes longer than fit_every: {every}: raise it, or `workers.fits`"


def stacked(seconds: Mapping[int, float], count: int, workers: WorkerSettings) -> float:
    """Seconds for `count` series, from those for stacks of some sizes: a stack costs a start and
    its rows."""
    least = min(seconds)
    most = max(seconds)
    row = (
        max(0.0, seconds[most] - seconds[least]) / (most - least)
        if most > least
        else seconds[least]
    )
    start = max(0.0, seconds[least] - least * row)
    stacks = -(-count // workers.stack)
    return (stacks * start + count * row) / min(workers.fits, stacks)


def round_off(seconds: float) -> int:
    """To two units at most: 3d4h, 2h10m, 45s."""
    unit = 3600 if seconds >= DAY else 60 if seconds >= 3600 else 1
    return round(seconds / unit) * unit
