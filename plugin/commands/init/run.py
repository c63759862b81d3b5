"""From the metrics of a Prometheus to a file of watches."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from plugin.commands import terminal
from plugin.commands.init import dialogue, yaml_text
from plugin.commands.init.candidates import WatchCandidate, candidates
from plugin.commands.init.carried import CarriedWatches, Omission
from plugin.commands.init.init_json import proposals_json
from plugin.commands.init.presets import Preset, read_presets
from plugin.commands.init.proposals import Proposal, ProposalList, propose, with_alarm_trials
from plugin.commands.init.rule_watches import rule_watches
from plugin.commands.init.survey import MetricSurvey
from plugin.commands.init.vmanomaly import vmanomaly_watches
from plugin.config import BasicAuth, PrometheusSettings, parse
from plugin.domain.times import DAY, instant
from plugin.errors import BandwatchError, ConfigError, PrometheusError
from plugin.prometheus import PrometheusReader
from plugin.prometheus.catalogue import MetricCatalogue, read_catalogue
from plugin.prometheus.credentials import without_user

OWN_WATCHES = (
    "give --preset FILE with watches of your own (docs/presets.md), or begin with"
    " `bandwatch check --example`"
)


@dataclass(frozen=True)
class InitRequest:
    """What the command line asks for."""

    url: str
    presets: Sequence[str]  # names or files; none = all that are installed
    output: Path
    keeps_all: bool
    as_json: bool
    rule_files: Sequence[Path] = field(default=(), kw_only=True)
    vmanomaly_files: Sequence[Path] = field(default=(), kw_only=True)

    @property
    def writes(self) -> bool:
        """JSON is for programs: it is written to the file only where that is asked for."""
        return self.keeps_all or not self.as_json

    @property
    def asks(self) -> bool:
        """Whether a person chooses."""
        return self.writes and not self.keeps_all


def init(request: InitRequest, *, read: Callable[[str], str] = input) -> int:
    """Proposes watches, and writes those that are kept. read: asks a person.

    Returns the exit status. Raises BandwatchError.
    """
    _refuse_early(request)
    carried = _carried(request)
    only_files = request.rule_files or request.vmanomaly_files
    presets = [] if only_files and not request.presets else read_presets(request.presets)
    settings = prometheus_settings(request.url)
    reader = PrometheusReader(settings)
    try:
        outcome = _proposals(settings, presets, carried, reader)
    except PrometheusError as error:
        raise BandwatchError(f"--prometheus.url: {error}") from error
    finally:
        reader.close()
    if not request.as_json:
        dialogue.show(outcome.proposals, outcome.rejected, carried.omissions)
    if not outcome.proposals:
        raise BandwatchError(
            f"none of the {len(outcome.rejected)} watches that were tried answers here:"
            f" the reasons are above; {OWN_WATCHES}"
        )
    kept = outcome.proposals
    if request.asks:
        kept = dialogue.chosen(kept, read, print)
    if kept and request.writes:
        _write(request.output, settings, replace(outcome, proposals=kept), carried.omissions)
    if request.as_json:
        file = request.output if request.writes else None
        print(proposals_json(file, outcome, carried.omissions))
    elif kept:
        _say_next(request.output, len(kept))
    else:
        print("nothing is kept, and no file is written")
    return 0


def prometheus_settings(url: str) -> PrometheusSettings:
    """The server at a URL; user and password in it become `basic_auth`, where they belong."""
    parts = urlsplit(url)
    if parts.username is None:
        return PrometheusSettings(url=url)
    user = BasicAuth.model_validate(
        {"username": unquote(parts.username), "password": unquote(parts.password or "")}
    )
    return PrometheusSettings(url=without_user(url), basic_auth=user)


def _refuse_early(request: InitRequest) -> None:
    """Raises ConfigError for what would only come to light after all the questions."""
    if request.writes and request.output.exists():
        raise ConfigError(
            f"{request.output}: exists already, and is not overwritten;"
            " name another file with -o, or move it away"
        )
    if request.asks and not dialogue.can_ask():
        raise ConfigError(
            "there is no terminal to ask in: --yes keeps all that is proposed, and --json shows it"
        )


def _carried(request: InitRequest) -> CarriedWatches:
    """What the files of other systems become. Raises ConfigError."""
    carried = CarriedWatches()
    carried.extend(map(rule_watches, request.rule_files))
    carried.extend(map(vmanomaly_watches, request.vmanomaly_files))
    files = [*request.rule_files, *request.vmanomaly_files]
    if files and not carried.candidates and not request.presets:
        lines = "".join(f"\n  {item.place}: {item.reason}" for item in carried.omissions)
        names = ", ".join(map(str, files))
        raise ConfigError(f"{names}: nothing in it becomes a watch{lines}")
    return carried


def _proposals(
    settings: PrometheusSettings,
    presets: Sequence[Preset],
    carried: CarriedWatches,
    reader: PrometheusReader,
) -> ProposalList:
    """What the presets propose for the metrics of the last day, and what the files become, each
    tried. Raises PrometheusError where Prometheus does not answer, ConfigError where nothing is
    recognised."""
    # torch takes seconds, which no mistake of a person should wait for
    from plugin.commands.init.alarm_walk import AlarmWalk

    now = int(reader.server_time())
    untried = [*carried.candidates, *_recognised(settings, presets, now)]
    survey = MetricSurvey(reader, now)
    with terminal.bar(f"try {len(untried)} queries") as bar:
        outcome = propose(untried, survey, bar)
    with terminal.bar("how often they would have alarmed") as bar:
        proposals = with_alarm_trials(outcome.proposals, AlarmWalk(survey), bar)
    return replace(outcome, proposals=proposals)


def _recognised(
    settings: PrometheusSettings, presets: Sequence[Preset], now: int
) -> list[WatchCandidate]:
    """What the presets propose for the metrics of the last day. Raises PrometheusError, and
    ConfigError where it is nothing."""
    if not presets:
        return []
    catalogue = read_catalogue(settings, now - DAY, now)
    for warning in catalogue.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    recognised = candidates(presets, catalogue)
    if not recognised:
        raise ConfigError(_nothing_recognised(presets, catalogue, settings.url))
    return recognised


def _nothing_recognised(presets: Sequence[Preset], catalogue: MetricCatalogue, address: str) -> str:
    if not catalogue.names:
        return (
            f"Prometheus at {address} has no metric of the last day: does it scrape anything?"
            f" {address}/targets shows it"
        )
    wanted = (f"\n  {preset.name}: {preset.wanted}" for preset in presets)
    return (
        f"Prometheus at {address} has {len(catalogue.names):,} metrics, and none that a preset"
        f" is for. They look for{''.join(wanted)}\nLet Prometheus scrape such an exporter,"
        f" {OWN_WATCHES}"
    )


def _write(
    output: Path, settings: PrometheusSettings, outcome: ProposalList, omissions: Sequence[Omission]
) -> None:
    """Writes the file if it is valid as a configuration, and never over another one."""
    kept: Sequence[Proposal] = outcome.proposals
    date = instant(kept[0].trial.end)[:10]
    text = yaml_text.file_text(
        settings, kept, outcome.rejected, omissions, file=str(output), date=date
    )
    parse(text, file=str(output))
    mode = 0o600 if settings.basic_auth else 0o666
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise BandwatchError(f"-o {output}: {error.strerror or error}") from error


def _say_next(output: Path, count: int) -> None:
    watches = "watch" if count == 1 else "watches"
    print(f"\n{output}: written, {count} {watches}. Next:")
    print(f"  bandwatch check {output}")
    print(f"  bandwatch run --config.file {output}")
