"""The check of all watches: a block of findings for each, on the screen."""

import shutil
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TextIO

from plugin.commands.check.fit_time import SecondsPerSeries, fit_findings
from plugin.commands.check.query_findings import name_findings, range_findings
from plugin.commands.check.sample_age import age_findings
from plugin.commands.check.series_findings import (
    MAX_SAMPLE_DISTANCE_STEPS,
    covariate_findings,
    series_findings,
)
from plugin.commands.check.shard_findings import ShardCheck
from plugin.commands.check.tick_time import tick_findings
from plugin.commands.check.watch_samples import NoSeries, WatchSamples, read_samples
from plugin.config.model import Config, PrometheusSettings, Watch, WorkerSettings
from plugin.domain.times import instant
from plugin.errors import BandwatchError, QueryRejected
from plugin.prometheus import PrometheusReader

HEADING_CHARACTERS = 9
INDENT = " " * (2 + HEADING_CHARACTERS)


def check(
    config: Config,
    *,
    out: TextIO,
    seconds_per_series: SecondsPerSeries,
    now: Callable[[], float] = time.time,
) -> bool:
    """Writes a block of findings per watch; a watch that fails does not stop the others.

    seconds_per_series: fits the batch with the watch's detector on this machine and says how long
    one series took. Returns whether all watches work.
    """
    reader = PrometheusReader(config.prometheus)
    shards = ShardCheck(config.watches, reader)
    checker = _WatchCheck(
        reader, config.prometheus, config.workers, seconds_per_series, shards, out
    )
    try:
        print(_server(reader), file=out)
        failed = [watch.name for watch in config.watches if not checker.passes(watch, int(now()))]
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


def _server(reader: PrometheusReader) -> str:
    try:
        return f"{reader.product()} at {reader.url}"
    except QueryRejected as error:  # others that speak the API need not have this route
        return f"Prometheus at {reader.url} (version not known: {error})"


@dataclass(frozen=True)
class _WatchCheck:
    """What the checks of all watches share."""

    reader: PrometheusReader
    settings: PrometheusSettings
    workers: WorkerSettings
    seconds_per_series: SecondsPerSeries
    shards: ShardCheck
    out: TextIO

    def passes(self, watch: Watch, now: int) -> bool:
        """Writes the block of one watch. Returns whether its queries work."""
        print(f"\n{watch.name}: {' '.join(watch.query.split())}", file=self.out)
        try:
            samples = read_samples(watch, self.reader, now)
            for heading, text in [
                *series_findings(samples),
                *self._query_findings(samples),
                *self.shards.findings(samples),
                *tick_findings(samples.most_at_once, watch.step),
                *covariate_findings(samples, self.reader),
                *age_findings(samples, self.reader),
                *fit_findings(samples, self.workers, self.seconds_per_series),
            ]:
                self._print(heading, text)
        except NoSeries as error:
            self._print("FAILED", str(error))
            for heading, text in [
                *name_findings(watch, self.settings, now),
                *range_findings(watch, self.reader, now),
            ]:
                self._print(heading, text)
            return False
        except BandwatchError as error:
            self._print("FAILED", str(error))
            return False
        return True

    def _query_findings(self, samples: WatchSamples) -> Iterator[tuple[str, str]]:
        if samples.end - samples.newest > MAX_SAMPLE_DISTANCE_STEPS * samples.watch.step:
            yield "warning", f"no series now: the newest sample is of {instant(samples.newest)}"
            yield from name_findings(samples.watch, self.settings, samples.end)
        yield from range_findings(samples.watch, self.reader, samples.end)

    def _print(self, heading: str, text: str) -> None:
        print(folded(f"  {heading:<{HEADING_CHARACTERS}}{text}", self.out), file=self.out)


def folded(line: str, out: TextIO) -> str:
    """In a terminal, lines that keep to its width, with the text in a column of its own.

    Elsewhere the line stays whole, so that it can be searched.
    """
    if not out.isatty():
        return line
    return textwrap.fill(
        line,
        shutil.get_terminal_size().columns,
        subsequent_indent=INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
