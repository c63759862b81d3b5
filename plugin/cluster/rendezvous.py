"""Which process does which work. Pure: all processes come to the same answer from the same tables.

Work stays where it is. What nobody does goes by rendezvous hashing: each process has a score for
each piece of work, made of both names, and the highest one that has room gets it (Thaler and
Ravishankar, "Using name-based mappings to increase hit rates", 1998). A score is -w / ln(h) with a
hash h in (0, 1) and the capacity w of the process, so that a process of twice the capacity is
first twice as often (Schindelhauer and Schomaker, "Weighted distributed hash tables", 2005).

Pure rendezvous hashing would balance watches, not series, and a few large watches not at all. So
room counts: a process has a share of all series by its capacity, and takes what is within it. Work
moves only to one that has clearly less than the other then keeps. A process that is added to N
takes at most its share, 1 / (N + 1) of the series where all are alike, and little else moves.
"""

import hashlib
import math
from collections.abc import Mapping

HASH_BYTES = 8
CLEARLY_LESS = 0.9  # else work would follow every small change


def assign(
    sizes: Mapping[str, int], holders: Mapping[str, str], capacities: Mapping[str, float]
) -> dict[str, str]:
    """The process of each piece of work; none where there are no processes.

    sizes: how much each piece is, such as series, by its name. holders: who does it now, where
    someone does. capacities: of the processes that live, more than 0.
    """
    if not capacities:
        return {}
    division = _Division(sizes, capacities)
    order = sorted(sizes, key=lambda work: (-sizes[work], work))  # the largest need most room
    for work in order:
        if holders.get(work) in capacities:
            division.give(work, holders[work])
    for work in order:
        if work not in division.process_of:
            division.give(work, division.best_process(work))
    division.balance()
    return division.process_of


class _Division:
    """Work divided among processes, as it comes to be."""

    def __init__(self, sizes: Mapping[str, int], capacities: Mapping[str, float]) -> None:
        self.process_of: dict[str, str] = {}
        self._sizes = {work: max(1, size) for work, size in sizes.items()}
        self._capacities = capacities
        part = sum(self._sizes.values()) / sum(capacities.values())
        self._shares = {process: part * capacity for process, capacity in capacities.items()}
        self._loads = dict.fromkeys(capacities, 0)

    def give(self, work: str, process: str) -> None:
        """To a process, from the one that has it."""
        former = self.process_of.get(work)
        if former is not None:
            self._loads[former] -= self._sizes[work]
        self._loads[process] += self._sizes[work]
        self.process_of[work] = process

    def best_process(self, work: str) -> str:
        """The one of the highest score that has room, else the one that is least above its
        share."""
        ranking = sorted(self._capacities, key=lambda process: -self._score(work, process))
        size = self._sizes[work]
        return next(
            (process for process in ranking if self._has_room(process, size)),
            min(ranking, key=lambda process: (self._loads[process] + size) / self._shares[process]),
        )

    def balance(self) -> None:
        """Moves work to processes that have much less than others, the one with least first."""
        for process in sorted(self._loads, key=lambda name: (self._loads[name], name)):
            for work in sorted(self.process_of, key=lambda name: -self._score(name, process)):
                if self._is_worth_a_move(work, process):
                    self.give(work, process)

    def _is_worth_a_move(self, work: str, process: str) -> bool:
        former = self.process_of[work]
        size = self._sizes[work]
        if former == process or not self._has_room(process, size):
            return False
        part = (self._loads[process] + size) / self._capacities[process]
        part_left = (self._loads[former] - size) / self._capacities[former]
        return part <= part_left * (CLEARLY_LESS if self._loads[process] else 1)

    def _has_room(self, process: str, size: int) -> bool:
        return self._loads[process] + size <= self._shares[process]

    def _score(self, work: str, process: str) -> float:
        return -self._capacities[process] / math.log(unit_hash(work, process))


def unit_hash(work: str, process: str) -> float:
    """Of both names, inside (0, 1); the same in every process and version."""
    text = f"{work}\0{process}".encode()
    digest = hashlib.blake2b(text, digest_size=HASH_BYTES).digest()
    return (int.from_bytes(digest, "big") + 0.5) / float(1 << 8 * HASH_BYTES)
