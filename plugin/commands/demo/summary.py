"""The figures of a demo at its end, and whether it went as promised."""

from collections.abc import Iterator

from plugin.commands.demo.narrator import IncidentOutcome, Narrator, in_words
from plugin.commands.demo.past import PastIncidentReport

BAND_GOAL_SECONDS = 60  # to the first band made by a network
OK_GOAL_SECONDS = 120  # until all series are ok


def summary(narrator: Narrator, past_report: PastIncidentReport, now: float) -> Iterator[str]:
    """The lines of the summary."""
    outcomes = narrator.outcomes
    yield f"Summary after {now - narrator.started_at:.0f} s"
    yield f"  series         {narrator.states.total()}: {in_words(narrator.states) or 'none seen'}"
    yield f"  all ok         {after_start(narrator.all_ok_seconds, OK_GOAL_SECONDS)}"
    if narrator.learns_networks:
        yield (
            f"  network band   {after_start(narrator.first_network_seconds, BAND_GOAL_SECONDS)};"
            f" {narrator.networks} series have one now"
        )
    yield (
        f"  incidents      {len(outcomes)} caused,"
        f" {sum(outcome.seen_at is not None for outcome in outcomes)} seen,"
        f" {sum(outcome.well_at is not None for outcome in outcomes)} over"
    )
    for outcome in outcomes:
        yield (
            f"                 {outcome.incident.title}, {outcome.incident.kind}:"
            f" {fate(outcome, narrator.step, now)}"
        )
    yield f"  in the past    {past_report.summed_up()}"
    yield f"  false alarms   {narrator.false_alarms}"
    if narrator.unanswered:
        yield f"  no answer      {narrator.unanswered} times when the service was asked"


def after_start(seconds: float | None, goal: int) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s after the start (goal: {goal} s)"


def fate(outcome: IncidentOutcome, step: int, now: float) -> str:
    """How one incident went."""
    if outcome.seen_at is None and outcome.incident.harmless:
        return "no alarm was raised"
    if outcome.seen_at is None:
        return "missed" if missed(outcome, step, now) else "not seen yet"
    seen_words = f"seen after {outcome.delay:.0f} s"
    if outcome.well_at is None:
        return f"{seen_words}, not over yet"
    return f"{seen_words}, over {outcome.well_at - outcome.incident.end:.0f} s after its end"


def missed(outcome: IncidentOutcome, step: int, now: float) -> bool:
    """Whether it is over and was not seen; a harmless one cannot be missed."""
    return not outcome.incident.harmless and outcome.unseen_after(now, step)


def passed(narrator: Narrator, past_report: PastIncidentReport, now: float) -> bool:
    """Whether all series became ok and no incident was missed, that of the past included."""
    return (
        narrator.all_ok_seconds is not None
        and past_report.seen
        and not any(missed(outcome, narrator.step, now) for outcome in narrator.outcomes)
    )
