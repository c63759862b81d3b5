"""What the demo has shown, in figures, and whether it went as promised."""

from collections.abc import Iterator

from plugin.commands.demo.narrator import IncidentOutcome, Narrator, in_words
from plugin.commands.demo.past import PastIncidentReport

BAND_GOAL = 60  # seconds to the first band made by a network
OK_GOAL = 120  # seconds until all series are ok


def summary(narrator: Narrator, hindsight: PastIncidentReport, now: float) -> Iterator[str]:
    """The lines of the summary."""
    caused = narrator.outcomes
    yield f"Summary after {now - narrator.began:.0f} s"
    yield f"  series         {narrator.states.total()}: {in_words(narrator.states) or 'none seen'}"
    yield f"  all ok         {after(narrator.all_ok, OK_GOAL)}"
    yield (
        f"  network band   {after(narrator.first_network, BAND_GOAL)}; {narrator.networks} series"
        " have one now"
    )
    yield (
        f"  incidents      {len(caused)} caused, {sum(o.seen is not None for o in caused)} seen, "
        f"{sum(o.over is not None for o in caused)} over"
    )
    for outcome in caused:
        yield (
            f"                 {outcome.incident.title}, {outcome.incident.kind}:"
            f" {fate(outcome, narrator.step, now)}"
        )
    yield f"  in the past    {hindsight.summed_up()}"
    yield f"  false alarms   {narrator.false_alarms}"
    if narrator.unanswered:
        yield f"  no answer      {narrator.unanswered} times when the service was asked"


def after(seconds: float | None, goal: int) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s after the start (goal: {goal} s)"


def fate(outcome: IncidentOutcome, step: int, now: float) -> str:
    """How one incident went."""
    if outcome.seen is None and outcome.incident.harmless:
        return "nobody was alerted"
    if outcome.seen is None:
        return "missed" if missed(outcome, step, now) else "not seen yet"
    seen = f"seen after {outcome.delay:.0f} s"
    if outcome.over is None:
        return f"{seen}, not over yet"
    return f"{seen}, over {outcome.over - outcome.incident.end:.0f} s after its end"


def missed(outcome: IncidentOutcome, step: int, now: float) -> bool:
    """Not seen although it is over and two steps have passed; what is harmless cannot be missed."""
    return (
        outcome.seen is None
        and not outcome.incident.harmless
        and now >= outcome.incident.end + 2 * step
    )


def passed(narrator: Narrator, hindsight: PastIncidentReport, now: float) -> bool:
    """Whether all series became ok and no incident was missed, that of the past included."""
    return (
        narrator.all_ok is not None
        and hindsight.seen
        and not any(missed(o, narrator.step, now) for o in narrator.outcomes)
    )
