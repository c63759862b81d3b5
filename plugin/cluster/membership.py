"""Which processes live, judged by what this one sees. Pure.

A process counts its beats in the store. Here is remembered since when, by our own monotonic clock,
a count stands still. So clocks of machines may differ and may be set: only the pace of ours counts.
A time in which we did not look says nothing about others: after it all of them get a new chance.
"""

from collections.abc import Mapping

from plugin.store.processes import Process


class Membership:
    """Sees other processes live and die."""

    def __init__(self, lease_seconds: float) -> None:
        """lease_seconds: for which a count may stand still."""
        self._lease_seconds = lease_seconds
        self._looked_at = -float("inf")
        # By name: the count as last read, and when it was first read.
        self._counts: dict[str, tuple[int, float]] = {}

    def living(self, processes: Mapping[str, Process], now: float) -> dict[str, Process]:
        """Those that live. processes: as stored now; now: seconds of a monotonic clock."""
        blind = now - self._looked_at >= self._lease_seconds
        self._looked_at = now
        known = {} if blind else self._counts
        self._counts = {
            name: known[name]
            if name in known and known[name][0] == process.beats
            else (process.beats, now)
            for name, process in processes.items()
        }
        return {
            name: process
            for name, process in processes.items()
            if now - self._counts[name][1] < self._lease_seconds
        }
