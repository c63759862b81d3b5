"""Keeps the leases of one process: says that it lives, gives up what others are to do, and takes
what nobody does.

A lease is good for as long as its holder beats. Three times in its length everyone looks: so the
work of a process that died is taken over after one length and a third. Should the process live
after all, because it was only asleep, its writes are fenced: see plugin/store/leases.py.
"""

import logging
import secrets
import socket
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType

from plugin.cluster.membership import Membership
from plugin.cluster.rendezvous import assign
from plugin.metrics import Metrics
from plugin.store import Store
from plugin.store.leases import NOBODY, Fence, Lease
from plugin.store.processes import Process

log = logging.getLogger(__name__)

LEASE_SECONDS = 10.0
LOOKS_PER_LEASE = 3
ID_BYTES = 4

Holdings = Mapping[str, Fence]  # by the name of the lease


def process_name() -> str:
    """Of this process, and of no other one that ever was."""
    return f"{socket.gethostname()}-{secrets.token_hex(ID_BYTES)}"


class LeaseKeeper:
    """The leases of this process. `run` is for one thread at a time; any thread may ask."""

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        work: Callable[[], Mapping[str, int]],
        on_change: Callable[[Holdings], None],
        *,
        lease_seconds: float = LEASE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """work: all that there is to do for all processes, with the number of series that each
        piece has as far as this process knows (0 = it does not). on_change: is told what we hold,
        before anyone else can hold what we gave up."""
        self.name = process_name()
        self.seconds = lease_seconds / LOOKS_PER_LEASE  # between two looks
        self.heartbeat = 0.0  # unix seconds of this process, told to the others
        self.capacity = 1.0
        self._store = store
        self._metrics = metrics
        self._work = work
        self._on_change = on_change
        self._monotonic = monotonic
        self._membership = Membership(lease_seconds)
        self._beats = 0
        self._holdings: dict[str, Fence] = {}

    @property
    def holdings(self) -> Holdings:
        """What this process holds, as of its last look."""
        return MappingProxyType(self._holdings)

    def run(self) -> None:
        """One look. Raises StoreError: then everything stays as it is."""
        self._beats += 1
        self._store.processes.beat(Process(self.name, self._beats, self.capacity, self.heartbeat))
        processes = self._store.processes.all()
        living = self._membership.living(processes, self._monotonic())
        leases = self._store.leases.all()
        work = self._work()
        assigned = self._assigned(work, leases, living)
        ours = {name for name, process in assigned.items() if process == self.name}
        valid = {name for name, fence in self._holdings.items() if _is_valid(leases, fence)}
        lost = len(self._holdings.keys() - valid)
        self._hold({name: self._holdings[name] for name in valid & ours}, lost)
        self._store.leases.give_up(self.name, tuple(sorted(valid - ours)))
        self._take([leases.get(name, Lease(name, NOBODY, 0, 0)) for name in ours - valid], living)
        self._count_unheld(work, leases, living)
        self._record_series(work, leases)
        self._remove_dead(processes.keys() - living.keys(), leases)

    def close(self) -> None:
        """Gives all up, so that others need not wait. Raises StoreError."""
        names = tuple(sorted(self._holdings))
        self._hold({})
        self._store.leases.give_up(self.name, names)
        self._store.processes.remove(self.name)

    def _assigned(
        self, work: Mapping[str, int], leases: Mapping[str, Lease], living: Mapping[str, Process]
    ) -> dict[str, str]:
        """Who is to do what. Sizes are powers of two: a few series more move nothing."""
        sizes = {
            name: 1 << (leases[name].series if name in leases else 0).bit_length() for name in work
        }
        holders = {name: leases[name].holder for name in work if name in leases}
        capacities = {name: process.capacity for name, process in living.items()}
        return assign(sizes, holders, capacities)

    def _take(self, leases: Iterable[Lease], living: Collection[str]) -> None:
        """Those that nobody holds who lives; another one first has to give it up."""
        additions = {}
        for lease in sorted(leases):
            if lease.holder != self.name and lease.holder in living:
                continue
            epoch = self._store.leases.take(lease, self.name)
            if epoch is None:
                continue  # someone else was quicker
            additions[lease.name] = Fence(lease.name, self.name, epoch)
            if lease.holder not in (NOBODY, self.name):
                self._metrics.leases_inherited.inc()
                log.warning("taken over", extra={"lease": lease.name, "from": lease.holder})
        self._hold({**self._holdings, **additions})

    def _hold(self, holdings: dict[str, Fence], lost: int = 0) -> None:
        if lost:
            self._metrics.leases_lost.inc(lost)
            log.warning("leases are held by other processes now", extra={"leases": lost})
        if holdings != self._holdings:
            self._holdings = holdings
            self._on_change(self.holdings)
        self._metrics.leases_held.set(len(holdings))

    def _count_unheld(
        self, work: Iterable[str], leases: Mapping[str, Lease], living: Collection[str]
    ) -> None:
        """What nobody holds who lives, once we have taken ours."""
        others = {
            lease.name
            for lease in leases.values()
            if lease.holder in living and lease.holder != self.name
        }
        self._metrics.leases_unheld.set(len(set(work) - others - self._holdings.keys()))

    def _record_series(self, work: Mapping[str, int], leases: Mapping[str, Lease]) -> None:
        """For the others, where the number has become another power of two."""
        self._store.leases.record_series(
            self.name,
            {
                name: work[name]
                for name in self._holdings
                if work.get(name)
                and work[name].bit_length()
                != (leases[name].series if name in leases else 0).bit_length()
            },
        )

    def _remove_dead(self, names: Iterable[str], leases: Mapping[str, Lease]) -> None:
        """Processes that died, once their leases are taken over."""
        holders = {lease.holder for lease in leases.values()}
        for name in set(names) - holders:
            self._store.processes.remove(name)


def _is_valid(leases: Mapping[str, Lease], fence: Fence) -> bool:
    lease = leases.get(fence.lease)
    return lease is not None and (lease.holder, lease.epoch) == (fence.holder, fence.epoch)
