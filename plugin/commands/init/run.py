"""From the metrics of a Prometheus to a file of watches."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from plugin.commands import terminal
from plugin.commands.init import dialogue, yaml_text
from plugin.commands.init.candidates import candidates
from plugin.commands.init.presets import Preset, read_presets
from plugin.commands.init.proposals import Proposal, ProposalList, RejectedCandidate, propose
from plugin.commands.init.survey import MetricSurvey
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
    presets = read_presets(request.presets)
    settings = prometheus_settings(request.url)
    reader = PrometheusReader(settings)
    try:
        outcome = _proposals(settings, presets, reader)
    except PrometheusError as error:
        raise BandwatchError(f"--prometheus.url: {error}") from error
    finally:
        reader.close()
    if not request.as_json:
        dialogue.show(outcome.proposals, outcome.rejected)
    if not outcome.proposals:
        raise BandwatchError(
            f"none of the {len(outcome.rejected)} watches that fit the metrics answers here:"
            f" the reasons are above; {OWN_WATCHES}"
        )
    kept = outcome.proposals
    if request.asks:
        kept = dialogue.chosen(kept, read, print)
    if kept and request.writes:
        _write(request.output, settings, kept, outcome.rejected)
    if request.as_json:
        print(_json(request, outcome))
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


def _proposals(
    settings: PrometheusSettings, presets: Sequence[Preset], reader: PrometheusReader
) -> ProposalList:
    """What the presets propose for the metrics of the last day. Raises PrometheusError where
    Prometheus does not answer, ConfigError where nothing is recognised."""
    now = int(reader.server_time())
    catalogue = read_catalogue(settings, now - DAY, now)
    for warning in catalogue.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    found = candidates(presets, catalogue)
    if not found:
        raise ConfigError(_nothing_recognised(presets, catalogue, reader.url))
    with terminal.bar(f"try {len(found)} queries") as bar:
        return propose(found, MetricSurvey(reader, now), bar)


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
    output: Path,
    settings: PrometheusSettings,
    kept: Sequence[Proposal],
    rejected: Sequence[RejectedCandidate],
) -> None:
    """Writes the file if it is valid as a configuration, and never over another one."""
    date = instant(kept[0].trial.end)[:10]
    text = yaml_text.file_text(settings, kept, rejected, file=str(output), date=date)
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


def _json(request: InitRequest, outcome: ProposalList) -> str:
    """All that was found, for programs."""
    watches = [
        {
            "preset": proposal.preset,
            "why": proposal.why,
            "series": proposal.trial.series,
            "series_now": proposal.trial.series_now,
            "missing_share": round(proposal.trial.missing_share, 6),
            "scrape_interval_seconds": proposal.scrape_interval,
            "note": proposal.note,
            "settings": proposal.settings,
        }
        for proposal in outcome.proposals
    ]
    left_out = [{"name": item.name, "reason": item.reason} for item in outcome.rejected]
    file = str(request.output) if request.writes else None
    return json.dumps({"file": file, "watches": watches, "left_out": left_out}, indent=2)
