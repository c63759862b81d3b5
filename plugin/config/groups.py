"""Groups of watches that share their incidents, and the labels of their alerts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from detectors.episodes import hold_seconds
from plugin.config.model import Watch
from plugin.series import Labels

# All other severities are between these two.
HIGHEST_SEVERITY = "page"
LOWEST_SEVERITY = "ticket"


@dataclass(frozen=True)
class Group:
    """Watches whose alarms may belong to one incident: alarms on series with equal values of the
    labels `by`."""

    name: str
    by: tuple[str, ...]
    watches: tuple[str, ...]  # sorted
    gap: int  # seconds after its last sample outside, in which an alarm joins an incident
    # Seconds for which an alarm can go on because of samples before an answer (`persistence`).
    lag: int = 0
    step: int = 0  # seconds between samples, the longest

    def labels(self, labels: Labels) -> Labels:
        """The labels that the series of one incident share. An absent label equals an empty
        one."""
        return Labels(tuple(pair for pair in labels.pairs if pair[0] in self.by))


def groups(watches: Iterable[Watch]) -> dict[str, Group]:
    """The group of each watch, by its name."""
    members_by_group: dict[str, list[Watch]] = {}
    for watch in watches:
        members_by_group.setdefault(watch.group, []).append(watch)
    all_groups = [
        Group(
            name=name,
            by=tuple(sorted(members[0].group_by)),
            watches=tuple(sorted(watch.name for watch in members)),
            gap=max(hold_seconds(watch.step) for watch in members),
            lag=max(watch.step * (watch.persistence[1] - 1) for watch in members),
            step=max(watch.step for watch in members),
        )
        for name, members in members_by_group.items()
    ]
    return {watch: group for group in all_groups for watch in group.watches}


def shared_labels(watches: Sequence[Watch]) -> dict[str, str]:
    """The labels of the alerts of a group: its highest severity, and the labels that all of its
    watches set to one value."""
    severities = {watch.own_labels["severity"] for watch in watches}
    severity = min(
        severities, key=lambda name: (name != HIGHEST_SEVERITY, name == LOWEST_SEVERITY, name)
    )
    return {
        "severity": severity,
        **dict(sorted(set.intersection(*(set(watch.labels.items()) for watch in watches)))),
    }
