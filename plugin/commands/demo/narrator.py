"""Reads the service's HTTP API as a user would, and says in words what it sees there: one line per
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
from plugin.commands.demo.shop import SALES, Source
from plugin.commands.demo.world import World

# steps after its end for which what a series does is put down to the incident (a rate looks back 6)
RECOVERY = 9


@dataclass(frozen=True)
class ServiceView:
    """What the API answered at one moment."""

    alerts: Sequence[Row]  # /api/v1/alert
    scores: Sequence[Row]  # /api/v1/scores
    incidents: Sequence[Row] = ()  # /api/v1/alert?by=incident


def look(url: str) -> ServiceView | None:
    """Asks the service; None when it did not answer."""
    try:
        return ServiceView(
            *(rows_of(f"{url}/api/v1/{path}") for path in ("alert", "scores", "alert?by=incident"))
        )
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def rows_of(url: str) -> list[Row]:
    """What an address of the service answers. Raises URLError and what sockets raise."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        rows: list[Row] = json.load(answer)
    return rows


@dataclass
class IncidentOutcome:
    """How an incident went: when it was seen and when its series was well again, unix seconds."""

    incident: ScriptedIncident
    told: bool = False  # that it has begun
    stayed_away: bool = False  # harmless, over, and no alarm was raised
    seen: float | None = None
    over: float | None = None

    @property
    def delay(self) -> float:
        """Seconds from begin to being seen; NaN = not seen."""
        return math.nan if self.seen is None else self.seen - self.incident.start


@dataclass
class Narrator:
    """Turns views into lines, and keeps the figures of the summary."""

    world: World
    step: int
    began: float  # unix seconds at which the demo was started
    service: str = ""  # its url
    outcomes: list[IncidentOutcome] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    all_ok: float | None = None  # seconds after the start
    first_network: float | None = None
    fitted: set[str] = field(default_factory=set)  # titles whose band is made by a network
    false_alarms: int = 0
    unanswered: int = 0
    _raised: dict[str, float] = field(
        default_factory=dict
    )  # title -> since when its score is above 1
    _advised: set[str] = field(default_factory=set)  # names of incidents

    def expect(self, incident: ScriptedIncident) -> None:
        """Takes note of an incident that is to come."""
        self.outcomes.append(IncidentOutcome(incident))

    def see(self, now: float, view: ServiceView | None) -> list[str]:
        """The lines of what has changed since the last view, each with the time of day."""
        return [f"{clock(now)}  {line}" for line in self._changes(now, view)]

    def _changes(self, now: float, view: ServiceView | None) -> list[str]:
        lines = self._beginnings(now)
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
        """What to do about each open incident that has not been spoken of."""
        names = [str(row["incident"]) for row in (view.incidents if view else ())]
        new = [name for name in names if name not in self._advised]
        self._advised.update(new)
        return [
            line
            for incident in new
            for line in (
                f"          what is it  bandwatch explain {incident}",
                f"          answer it   {self.service}/feedback?incident={incident}",
            )
        ]

    @property
    def networks(self) -> int:
        return len(self.fitted)

    @property
    def all_networks(self) -> bool:
        """Of the series on which things go wrong while one watches; the sales are scored too seldom
        to wait for."""
        return all(
            source.title in self.fitted for source in self.world.sources if source.watch != SALES
        )

    def _by_title(self, rows: Sequence[Row]) -> dict[str, Row]:
        named = {}
        for row in rows:
            source = next((source for source in self.world.sources if is_about(row, source)), None)
            if source is not None:
                named[source.title] = row
        return named

    def _beginnings(self, now: float) -> list[str]:
        begun = [
            outcome
            for outcome in self.outcomes
            if not outcome.told and now >= outcome.incident.start
        ]
        for outcome in begun:
            outcome.told = True
        return [
            f"something {'harmless happens to' if incident.harmless else 'goes wrong with'}"
            f" {incident.title}: {incident.kind}, for {incident.end - incident.start} s"
            for incident in (outcome.incident for outcome in begun)
        ]

    def _health(self, now: float, scores: dict[str, Row]) -> list[str]:
        states = Counter(str(row.get("state")) for row in scores.values())
        if states == self.states:
            return []
        self.states = states
        lines = [f"{states.total()} series: {in_words(states)}"]
        if self.all_ok is None and states["ok"] == len(self.world.sources):
            self.all_ok = now - self.began
            lines.append(f"all series are ok, {self.all_ok:.0f} s after the start")
        return lines

    def _networks(self, now: float, scores: dict[str, Row]) -> list[str]:
        fitted = {
            title: row
            for title, row in scores.items()
            if row.get("detector") not in (None, "", "baseline")
            and math.isfinite(number(row, "expected"))
        }
        before = self.networks
        self.fitted = set(fitted)
        lines = []
        if fitted and self.first_network is None:
            self.first_network = now - self.began
            title, row = next(iter(fitted.items()))
            lines.append(
                f"the first band made by a network ({row['detector']}), {self.first_network:.0f} s"
                f" after the start: {title} is at {described(row, self.world.source(title).unit)}"
            )
        if len(fitted) == len(self.world.sources) > before:
            lines.append("every series has a network of its own")
        return lines

    def _alert(self, now: float, source: Source, score: float, row: Row) -> list[str]:
        outcome = self._cause(now, source.title)
        since = self._raised.get(source.title)
        if score > 1 and since is None:
            self._raised[source.title] = now
            return [
                f"{source.title} {movement(row, source.unit)}: {scored(score)},"
                f" {self._blame(now, outcome)}"
            ]
        if score <= 1 and since is not None:
            del self._raised[source.title]
            return [
                f"{source.title} is back at {described(row, source.unit)}: {scored(score)}, "
                f"{_ending(now, since, outcome)}"
            ]
        return []

    def _close(self, now: float) -> None:
        """Takes note of the incidents that were seen and are over, with their series well again."""
        for outcome in self.outcomes:
            well = outcome.incident.title not in self._raised and now >= outcome.incident.end
            if outcome.seen is not None and outcome.over is None and well:
                outcome.over = now

    def _absences(self, now: float) -> list[str]:
        """What was harmless and raised no alarm, once."""
        quiet = [
            outcome
            for outcome in self.outcomes
            if outcome.incident.harmless
            and outcome.seen is None
            and not outcome.stayed_away
            and now >= outcome.incident.end + 2 * self.step
        ]
        for outcome in quiet:
            outcome.stayed_away = True
        return [
            f"{outcome.incident.title}, {outcome.incident.kind}: over, and nobody was alerted"
            for outcome in quiet
        ]

    def _cause(self, now: float, title: str) -> IncidentOutcome | None:
        """The incident that explains what the series does now."""
        return next(
            (
                outcome
                for outcome in reversed(self.outcomes)
                if outcome.incident.title == title
                and outcome.incident.start <= now < outcome.incident.end + RECOVERY * self.step
            ),
            None,
        )

    def _blame(self, now: float, outcome: IncidentOutcome | None) -> str:
        if outcome is None:
            self.false_alarms += 1
            return "and nothing was done to it"
        outcome.over = None  # it was not over yet
        if outcome.seen is None:
            outcome.seen = now
            return f"{outcome.delay:.0f} s after it began"
        return "again"


def _ending(now: float, since: float, outcome: IncidentOutcome | None) -> str:
    if outcome is None:
        return f"after {now - since:.0f} s"
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
