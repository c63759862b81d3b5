"""Completes what the presets propose by what Prometheus tells, and tries each query."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from plugin.commands.init.alarm_trial import AlarmTrial, NotTried
from plugin.commands.init.candidates import WatchCandidate, with_words
from plugin.commands.init.survey import MetricSurvey, QueryTrial
from plugin.config import Watch, format_duration, parse_duration
from plugin.config.watch_from_settings import invalid_watch_settings, watch_of
from plugin.domain.times import DAY, MINUTE
from plugin.errors import PrometheusError

if TYPE_CHECKING:
    from plugin.commands.init.alarm_walk import AlarmWalk

MIN_WINDOW_SCRAPES = 4  # so that a rate survives a scrape that fails
MIN_WINDOW = 5 * MINUTE
SERIES_HEADROOM = 2  # times the series that were seen
MAX_SERIES = Watch.model_fields["max_series"].default
MAX_PERSISTENCE = 100  # samples


@dataclass(frozen=True)
class Proposal:
    """A watch that works. `settings` are as in a configuration file."""

    preset: str  # title
    why: str
    settings: dict[str, Any]
    scrape_interval: int  # seconds
    trial: QueryTrial
    alarms: AlarmTrial | NotTried = NotTried("")

    @property
    def name(self) -> str:
        """That of the watch."""
        return str(self.settings["name"])

    @property
    def summary(self) -> str:
        """What it shows, in short."""
        return self.why.partition(";")[0].rstrip(".")

    @property
    def note(self) -> str:
        """What is worth knowing before it is kept; "" = nothing."""
        if not self.trial.series_now:
            return "no series now"
        return "has never changed" if self.trial.is_constant else ""


@dataclass(frozen=True)
class RejectedCandidate:
    """A watch that a preset proposes and that does not work here."""

    name: str
    reason: str


@dataclass
class ProposalList:
    """What came of all candidates."""

    proposals: list[Proposal] = field(default_factory=list)
    rejected: list[RejectedCandidate] = field(default_factory=list)


class _Unsuitable(Exception):
    """Why a candidate is no watch here."""


def propose(
    found: Sequence[WatchCandidate], survey: MetricSurvey, progress: Callable[[float], None]
) -> ProposalList:
    """Each candidate becomes a proposal, or is rejected with the reason. progress: takes the share
    done."""
    outcome = ProposalList()
    for number, candidate in enumerate(found):
        progress(number / len(found))
        try:
            outcome.proposals.append(_proposal(candidate, survey))
        except (_Unsuitable, PrometheusError) as error:
            outcome.rejected.append(RejectedCandidate(candidate.name, str(error)))
    progress(1.0)
    outcome.proposals = _with_unique_names(outcome.proposals)
    return outcome


def with_alarm_trials(
    proposals: Sequence[Proposal], walk: "AlarmWalk", progress: Callable[[float], None]
) -> list[Proposal]:
    """The same proposals, with how often each would have alarmed. progress: takes the share
    done."""
    finished: list[Proposal] = []
    for proposal in proposals:
        progress(len(finished) / len(proposals))
        alarms = walk.trial(watch_of(proposal.settings), proposal.trial.series)
        finished.append(replace(proposal, alarms=alarms))
    progress(1.0)
    return finished


def rate_window(scrape_interval: int) -> int:
    """Seconds over which a rate is taken."""
    return max(MIN_WINDOW, MIN_WINDOW_SCRAPES * scrape_interval)


def _proposal(candidate: WatchCandidate, survey: MetricSurvey) -> Proposal:
    interval = survey.scrape_interval(candidate.metric) if candidate.metric else MINUTE
    words = {**_labels(candidate, survey), "window": format_duration(rate_window(interval))}
    settings = {"name": candidate.name, **with_words(dict(candidate.settings), words)}
    step = _step(settings, interval)
    if candidate.hold >= 2 * step:
        samples = min(MAX_PERSISTENCE, candidate.hold // step)
        settings.setdefault("persistence", f"{samples} of {samples}")
    _check(settings)
    trial = survey.trial(settings["query"], step)
    if not trial.series:
        raise _Unsuitable("no series in the last day")
    if step != MINUTE:
        settings["step"] = format_duration(step)
    else:
        settings.pop("step", None)
    if SERIES_HEADROOM * trial.series > MAX_SERIES:
        settings.setdefault("max_series", SERIES_HEADROOM * trial.series)
    return Proposal(candidate.preset, candidate.why, settings, interval, trial)


def _check(settings: dict[str, Any]) -> None:
    """Raises _Unsuitable with the first setting that a configuration file must not have."""
    for path, refusal in invalid_watch_settings([settings]):
        raise _Unsuitable(f"{'.'.join(map(str, path[2:]))}: {refusal}")


def _labels(candidate: WatchCandidate, survey: MetricSurvey) -> dict[str, str]:
    """Place -> the first of its labels that the metric has."""
    if not candidate.labels_of:
        return {}
    wanted = {name for names in candidate.labels_of.values() for name in names}
    present = survey.labels(candidate.metric, sorted(wanted))
    labels = {}
    for place, names in candidate.labels_of.items():
        label = next((name for name in names if name in present), None)
        if label is None:
            raise _Unsuitable(f"{candidate.metric} has none of the labels {', '.join(names)} now")
        labels[place] = label
    return labels


def _step(settings: dict[str, Any], interval: int) -> int:
    """Seconds: as the preset says, a minute where it says nothing, and not less than a scrape."""
    step = parse_duration(settings["step"]) if "step" in settings else MINUTE
    return min(DAY, max(step, interval))


def _with_unique_names(proposals: Sequence[Proposal]) -> list[Proposal]:
    """A name that is taken gets a number."""
    renamed = []
    taken: set[str] = set()
    for proposal in proposals:
        name = proposal.name
        number = 1
        while name in taken:
            number += 1
            name = f"{proposal.name}_{number}"
        taken.add(name)
        renamed.append(replace(proposal, settings={**proposal.settings, "name": name}))
    return renamed
