"""Proposals as a commented configuration file. Pure."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from plugin.commands.check.quantities import rounded_duration, share
from plugin.commands.init.alarm_trial import AlarmTrial
from plugin.commands.init.carried import Omission
from plugin.commands.init.proposals import Proposal, RejectedCandidate
from plugin.config import PrometheusSettings, format_duration

# Text that YAML reads as text without quotes.
BARE_TEXT = re.compile(
    r"(?!(?:true|false|null)$)(?:[A-Za-z][\w-]*|\d+[a-z]+(?:\d+[a-z]+)*|\d+ of \d+|\d+/\w+)",
    re.IGNORECASE,
)


def file_text(
    prometheus: PrometheusSettings,
    proposals: Sequence[Proposal],
    rejected: Sequence[RejectedCandidate],
    omissions: Sequence[Omission] = (),
    *,
    file: str,
    date: str,
) -> str:
    """The whole file, with the password of Prometheus if there is one."""
    lines = [
        f"# Watches that `bandwatch init` has proposed on {date}. Every setting, with its default:",
        "# `bandwatch check --example`.",
        "#",
        f"# Try the file with `bandwatch check {file}`,",
        f"# start the service with `bandwatch run --config.file {file}`.",
        "",
        "prometheus:",
        *_server_lines(prometheus),
        "",
        "watches:",
    ]
    preset = ""
    for proposal in proposals:
        if proposal.preset != preset:
            preset = proposal.preset
            lines.append(f"  # {one_line(preset)}")
        lines += [*_watch_lines(proposal), ""]
    if rejected:
        lines.append("# Proposed, and left out here:")
        lines += [f"# {item.name}: {one_line(item.reason)}" for item in rejected]
    if omissions:
        lines += ["", "# Not carried over:"]
        lines += [f"# {one_line(item.place)}: {one_line(item.reason)}" for item in omissions]
    return "\n".join(lines).rstrip("\n") + "\n"


def gaps_text(proposal: Proposal) -> str:
    """`none`, or the share of the steps that are missing."""
    missing = proposal.trial.missing_share
    return share(round(missing * 1_000_000), 1_000_000) if missing > 0 else "none"


def one_line(text: str) -> str:
    """Text that cannot end a comment."""
    return " ".join(text.split())


def _server_lines(prometheus: PrometheusSettings) -> Iterator[str]:
    yield f"  url: {json.dumps(_literal(prometheus.url))}"
    user = prometheus.basic_auth
    if user is not None and user.password is not None:
        yield "  basic_auth:"
        yield f"    username: {json.dumps(_literal(user.username))}"
        yield f"    password: {json.dumps(_literal(user.password.get_secret_value()))}"


def _watch_lines(proposal: Proposal) -> Iterator[str]:
    trial = proposal.trial
    seen = f"in the last {rounded_duration(trial.history)}" if trial.history else "now"
    facts = [
        f"{trial.series:,} series {seen}",
        f"gaps: {gaps_text(proposal)}",
        f"scraped every {format_duration(proposal.scrape_interval)}",
        *([proposal.note] if proposal.note else []),
        *_trial_facts(proposal),
    ]
    yield f"  # {one_line(proposal.why)}"
    yield f"  # {'; '.join(facts)}."
    yield f"  - name: {proposal.name}"
    for key, value in proposal.settings.items():
        if key == "query":
            yield "    query: |-"
            yield from (f"      {line}" for line in _literal(value).splitlines())
        elif key != "name":
            yield f"    {key}: {_flow(value)}"


def _trial_facts(proposal: Proposal) -> Iterator[str]:
    """Of a trial; why there is none, unless none was wanted."""
    alarms = proposal.alarms
    if isinstance(alarms, AlarmTrial):
        fit_duration = rounded_duration(max(1.0, alarms.fit_seconds))
        yield f"alarms a week: {alarms.weekly_text}; a fit takes {fit_duration}"
    elif alarms.reason:
        yield f"alarms a week: not tried, {one_line(alarms.reason)}"


def _flow(value: Any) -> str:
    """A value on one line: JSON, which YAML reads, with bare text where it is short and plain."""
    if isinstance(value, dict):
        pairs = (f"{_flow(key)}: {_flow(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return value if BARE_TEXT.fullmatch(value) else json.dumps(_literal(value))
    return json.dumps(value)


def _literal(text: str) -> str:
    """Text in which nothing is replaced from the environment."""
    return text.replace("${", "$${")
