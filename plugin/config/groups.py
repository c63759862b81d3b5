"""Which watches share their incidents: groups, and what the alerts of a group carry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plugin.config.model import Watch
from plugin.series import Labels

# of quiet, whichever is longer, after which an incident is over
GAP_SECONDS = 1200
GAP_STEPS = 15
# severities: the one goes before all others, the other after them
URGENT = "page"
MILD = "ticket"


@dataclass(frozen=True)
class Group:
    """Watches whose alarms may be of one incident: those of series that have equal values of the
    labels `by`."""

    name: str
    by: tuple[str, ...]
    watches: tuple[str, ...]  # sorted
    gap: int  # seconds
    # seconds for which samples before an answer can let an alarm go on after it, by `persistence`
    lag: int = 0
    step: int = 0  # seconds between samples, the longest

    def labels(self, labels: Labels) -> Labels:
        """What the series of one incident have in common; an absent label is equal to an empty
        one."""
        return Labels(tuple(pair for pair in labels.pairs if pair[0] in self.by))


def groups(watches: Iterable[Watch]) -> dict[str, Group]:
    """The group of each watch, by its name."""
    found: dict[str, list[Watch]] = {}
    for watch in watches:
        found.setdefault(watch.group, []).append(watch)
    made = {
        name: Group(
            name,
            tuple(sorted(those[0].group_by)),
            tuple(sorted(watch.name for watch in those)),
            max(gap(watch.step) for watch in those),
            max(watch.step * (watch.persistence[1] - 1) for watch in those),
            max(watch.step for watch in those),
        )
        for name, those in found.items()
    }
    return {watch: group for group in made.values() for watch in group.watches}


def gap(step: int) -> int:
    """Seconds of quiet that end an incident of series with this step."""
    return max(GAP_SECONDS, GAP_STEPS * step)


def shared_labels(watches: Sequence[Watch]) -> dict[str, str]:
    """What the alerts of a group carry: its highest severity, and the labels that all of its
    watches set alike."""
    severities = {watch.own_labels["severity"] for watch in watches}
    highest = min(severities, key=lambda each: (each != URGENT, each == MILD, each))
    return {
        "severity": highest,
        **dict(sorted(set.intersection(*(set(watch.labels.items()) for watch in watches)))),
    }
