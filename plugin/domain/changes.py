"""Changes that people and machines have made: deployments, flags, restarts. Pure.

A change is told beside an incident that begins soon after it. That is no word about its cause.
"""

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from plugin.domain.times import HOUR, MINUTE, duration
from plugin.series import Labels

LEAD_SECONDS = HOUR  # before something begins: changes of this time are told beside it
LAG_SECONDS = 10 * MINUTE  # after it has begun: a deployment is often reported when it is done
MAX_TITLES = 3  # that one text holds


class Change(NamedTuple):
    """One change. The id is its own, or made from the rest."""

    id: str
    time: int  # unix seconds
    title: str
    labels: Labels
    link: str = ""  # an address with http or https; "" = none
    by: str = ""
    created: int = 0  # unix seconds at which it was reported


def change_id(time: int, title: str, labels: Labels, link: str) -> str:
    """Of a change that brings none: the same change reported twice is one change."""
    content = json.dumps([time, title, labels.pairs, link])
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def changes_about(changes: Iterable[Change], label_sets: Iterable[Labels]) -> Iterator[Change]:
    """The changes that may be about one of these series: no label of theirs says another value.

    A label that none of the series has says nothing.
    """
    values = dict[str, set[str]]()
    for labels in label_sets:
        for name, value in labels.items():
            values.setdefault(name, set()).add(value)
    for change in changes:
        if all(value in values.get(name, (value,)) for name, value in change.labels.items()):
            yield change


def changes_around(
    changes: Sequence[Change], start: int, label_sets: Sequence[Labels]
) -> list[Change]:
    """The changes that are told beside what has begun at `start`, unix seconds, on such series.

    changes: sorted by time. Those that share a label come first, then those that are close in time.
    """
    first = bisect_left(changes, start - LEAD_SECONDS, key=_time)
    last = bisect_right(changes, start + LAG_SECONDS, key=_time)
    pairs = {pair for labels in label_sets for pair in labels.items()}
    return sorted(
        changes_about(changes[first:last], label_sets),
        key=lambda change: (pairs.isdisjoint(change.labels.items()), abs(start - change.time)),
    )


def describe_changes(changes: Sequence[Change], start: int) -> str:
    """`began 3 min after checkout v1.42`; "" = none. changes: as `changes_around` returns them."""
    if not changes:
        return ""
    titles = [
        # explanations join their parts by semicolons
        f"{_distance(start - change.time)} {change.title.replace(';', ',')}"
        for change in changes[:MAX_TITLES]
    ]
    others = len(changes) - len(titles)
    if others:
        titles.append(f"near {others} other {'change' if others == 1 else 'changes'}")
    *head, last = titles
    return f"began {', '.join(head)} and {last}" if head else f"began {last}"


def _distance(seconds: int) -> str:
    """seconds: from the change to the start; negative = it came later."""
    if seconds == 0:
        return "at the time of"
    return f"{duration(abs(seconds))} {'after' if seconds > 0 else 'before'}"


_time = attrgetter("time")
