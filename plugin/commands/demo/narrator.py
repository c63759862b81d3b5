"""Reads the service's HTTP API as a user would, and tells in words what has changed: one line per
event."""

import json
import math
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from plugin.commands.demo.phrases import Row, described, movement, number, scored
from plugin.commands.demo.scripted_incidents import ScriptedIncident
from plugin.commands.demo.shop import SALES
from plugin.commands.demo.shop_series import Source
from plugin.commands.demo.world import World

# After its end, for which what a series does is put down to the incident (a rate looks back 6).
RECOVERY_STEPS = 9
ABSENCE_STEPS = 2  # after its end, when an incident that was not seen counts as missed
TIMEOUT_SECONDS = 5


@dataclass(frozen=True)
class ServiceView:
    """What the API of the service said at one moment."""

    alerts: Sequence[Row]  # /api/v1/alert
    scores: Sequence[Row]  # /api/v1/scores
    incidents: Sequence[Row] = ()  # /api/v1/alert?by=incident


def read_view(url: str) -> ServiceView | None:
    """Asks the service; None when it does not answer."""
    try:
        return ServiceView(
            *(rows_of(f"{url}/api/v1/{path}") for path in ("alert", "scores", "alert?by=incident"))
        )
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def rows_of(url: str) -> list[Row]:
    """The rows at an address of the service. Raises URLError and what sockets raise."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
        rows: list[Row] = json.load(response)
    return rows


@dataclass
class IncidentOutcome:
    """How an incident went; times are unix seconds, None = not yet."""

    incident: ScriptedIncident
    start_told: bool = False
    absence_told: bool = False  # it was harmless, it is over, and no alarm was raised
    seen_at: float | None = None
    well_at: float | None = None  # when its series was in its band again

    @property
    def delay(self) -> float:
        """Seconds from its start to being seen; NaN = not seen."""
        return math.nan if self.seen_at is None else self.seen_at - self.incident.start

    def unseen_after(self, now: float, step: int) -> bool:
        """Whether it is over, two steps have passed, and no alarm was raised."""
        return self.seen_at is None and now >= self.incident.end + ABSENCE_STEPS * step


@dataclass
class Narrator:
    """Turns views into lines, and keeps the figures of the summary."""

    world: World
    step: int
    started_at: float  # unix seconds at which the demo was started
    service_url: str = ""
    outcomes: list[IncidentOutcome] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    all_ok_seconds: float | None = None  # after the start; None = not yet
    learns_networks: bool = True  # False where torch is not installed
    first_network_seconds: float | None = None  # after the start; None = not yet
    fitted: set[str] = field(default_factory=set)  # titles whose band is made by a network
    false_alarms: int = 0
    unanswered: int = 0
    # title -> unix seconds since which its score is above 1
    _raised: dict[str, float] = field(default_factory=dict)
    _advised: set[str] = field(default_factory=set)  # names of incidents

    def expect(self, incident: ScriptedIncident) -> None:
        """Notes an incident that is to come."""
        self.outcomes.append(IncidentOutcome(incident))

    def see(self, now: float, view: ServiceView | None) -> list[str]:
        """The lines of what has changed since the last view, each with its time of day."""
        return [f"{clock(now)}  {line}" for line in self._changes(now, view)]

    def _changes(self, now: float, view: ServiceView | None) -> list[str]:
        lines = self._starts(now)
        if view is None:
            self.unanswered += 1
            return lines
        scores = self._by_title(view.scores)
        lines += [*self._health(now, scores), *self._networks(now, scores)]
        for title, alert in self._by_title(view.alerts).items():
            lines += self._alert(
                now, self.world.source(title), number(alert, "score"), scores.get(title, alert)
            )
        self._close(now)
        return [*lines, *self._absences(now)]

    def advice(self, view: ServiceView | None) -> list[str]:
        """What to do about each open incident, once."""
        names = [str(row["incident"]) for row in (view.incidents if view else ())]
        new_names = [name for name in names if name not in self._advised]
        self._advised.update(new_names)
        return [
            line
            for name in new_names
            for line in (
                f"          what is it  bandwatch explain {name}",
                f"          answer it   {self.service_url}/feedback?incident={name}",
            )
        ]

    @property
    def networks(self) -> int:
        return len(self.fitted)

    @property
    def all_networks(self) -> bool:
        """Whether each series but the sales has a network; the sales are scored too seldom to wait
        for. Where no network can learn, none is waited for."""
        return not self.learns_networks or all(
            source.title in self.fitted for source in self.world.sources if source.watch != SALES
        )

    def _by_title(self, rows: Sequence[Row]) -> dict[str, Row]:
        return {
            source.title: row
            for row in rows
            for source in self.world.sources
            if is_about(row, source)
        }

    def _starts(self, now: float) -> list[str]:
        started = [
            outcome
            for outcome in self.outcomes
            if not outcome.start_told and now >= outcome.incident.start
        ]
        for outcome in started:
            outcome.start_told = True
        return [
            f"something {'harmless happens to' if incident.harmless else 'goes wrong with'}"
            f" {incident.title}: {incident.kind}, for {incident.end - incident.start} s"
            for incident in (outcome.incident for outcome in started)
        ]

    def _health(self, now: float, scores: dict[str, Row]) -> list[str]:
        states = Counter(str(row.get("state")) for row in scores.values())
        if states == self.states:
            return []
        self.states = states
        lines = [f"{states.total()} series: {in_words(states)}"]
        if self.all_ok_seconds is None and states["ok"] == len(self.world.sources):
            self.all_ok_seconds = now - self.started_at
            lines.append(f"all series are ok, {self.all_ok_seconds:.0f} s after the start")
        return lines

    def _networks(self, now: float, scores: dict[str, Row]) -> list[str]:
        if not self.learns_networks:
            return []
        fitted = {
            title: row
            for title, row in scores.items()
            if row.get("detector") not in (None, "", "baseline")
            and math.isfinite(number(row, "expected"))
        }
        earlier_count = self.networks
        self.fitted = set(fitted)
        lines = []
        if fitted and self.first_network_seconds is None:
            self.first_network_seconds = now - self.started_at
            title, row = next(iter(fitted.items()))
            lines.append(
                f"the first band made by a network ({row['detector']}),"
                f" {self.first_network_seconds:.0f} s after the start: {title} is at"
                f" {described(row, self.world.source(title).unit)}"
            )
        if len(fitted) == len(self.world.sources) > earlier_count:
            lines.append("every series has a network of its own")
        return lines

    def _alert(self, now: float, source: Source, score: float, row: Row) -> list[str]:
        outcome = self._cause(now, source.title)
        raised_at = self._raised.get(source.title)
        if score > 1 and raised_at is None:
            self._raised[source.title] = now
            return [
                f"{source.title} {movement(row, source.unit)}: {scored(score)},"
                f" {self._blame(now, outcome)}"
            ]
        if score <= 1 and raised_at is not None:
            del self._raised[source.title]
            return [
                f"{source.title} is back at {described(row, source.unit)}: {scored(score)}, "
                f"{_ending(now, raised_at, outcome)}"
            ]
        return []

    def _close(self, now: float) -> None:
        """Notes the incidents that were seen and are over, with their series in its band again."""
        for outcome in self.outcomes:
            well = outcome.incident.title not in self._raised and now >= outcome.incident.end
            if outcome.seen_at is not None and outcome.well_at is None and well:
                outcome.well_at = now

    def _absences(self, now: float) -> list[str]:
        """The harmless incidents that raised no alarm, once."""
        outcomes = [
            outcome
            for outcome in self.outcomes
            if outcome.incident.harmless
            and not outcome.absence_told
            and outcome.unseen_after(now, self.step)
        ]
        for outcome in outcomes:
            outcome.absence_told = True
        return [
            f"{outcome.incident.title}, {outcome.incident.kind}: over, and no alarm was raised"
            for outcome in outcomes
        ]

    def _cause(self, now: float, title: str) -> IncidentOutcome | None:
        """The incident that explains what the series does now."""
        return next(
            (
                outcome
                for outcome in reversed(self.outcomes)
                if outcome.incident.title == title
                and now >= outcome.incident.start
                and now < outcome.incident.end + RECOVERY_STEPS * self.step
            ),
            None,
        )

    def _blame(self, now: float, outcome: IncidentOutcome | None) -> str:
        if outcome is None:
            self.false_alarms += 1
            return "and nothing was done to it"
        outcome.well_at = None  # it was not over yet
        if outcome.seen_at is None:
            outcome.seen_at = now
            return f"{outcome.delay:.0f} s after it began"
        return "again"


def _ending(now: float, raised_at: float, outcome: IncidentOutcome | None) -> str:
    if outcome is None:
        return f"after {now - raised_at:.0f} s"
    if now < outcome.incident.end:
        return "while the incident goes on"
    return f"{now - outcome.incident.end:.0f} s after it ended"


def is_about(row: Row, source: Source) -> bool:
    """Whether a row of the API is the source's; rows of sums have no metric name."""
    return (
        row.get("watch") == source.watch
        and (row.get("__name__") or source.metric) == source.metric
        and all(row.get(name) == value for name, value in source.labels.items())
    )


def in_words(states: Counter[str]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.most_common())


def clock(now: float) -> str:
    """Local wall clock."""
    return time.strftime("%H:%M:%S", time.localtime(now))
