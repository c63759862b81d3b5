"""Leases: which process does the work of a watch, or what is to be done only once.

A lease names its holder and counts its holders. Whoever was asleep finds another holder or another
count, in the transaction of its write, and writes nothing.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from plugin.errors import Fenced
from plugin.store.database import Database, insert_into, rows_of
from plugin.store.schema import leases

NOBODY = ""


class Lease(NamedTuple):
    """A lease as it is stored."""

    name: str
    holder: str  # "" = nobody
    epoch: int
    series: int  # how many its watch has, as far as a holder has told


class Fence(NamedTuple):
    """What a holder shows before it writes."""

    lease: str
    holder: str
    epoch: int

    def check(self, connection: Connection) -> None:
        """Raises Fenced where the lease is not ours any more. It stays ours until the transaction
        ends."""
        held = connection.execute(
            select(leases.c.epoch)
            .where(
                leases.c.name == self.lease,
                leases.c.holder == self.holder,
                leases.c.epoch == self.epoch,
            )
            .with_for_update(read=True)  # nothing where writers take turns, as in SQLite
        ).scalar()
        if held is None:
            raise Fenced(f"{self.lease}: another process has taken over since: nothing was written")

    def checking(self, on_refusal: Callable[[], object]) -> Callable[[Connection], None]:
        """`check` for `Database.fenced`."""

        def check(connection: Connection) -> None:
            try:
                self.check(connection)
            except Fenced:
                on_refusal()
                raise

        return check


class LeaseTable:
    """One row for each name that was ever held."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, Lease]:
        """By name."""
        with self._database.reading() as connection:
            rows = rows_of(connection, select(leases).order_by(leases.c.name))
        return {row[0]: Lease(*row) for row in rows}

    def take(self, lease: Lease, holder: str) -> int | None:
        """Makes a lease ours that is still as it was seen. Returns its new epoch; None = it is
        not: someone else was quicker."""
        epoch = lease.epoch + 1
        with self._database.writing() as connection:
            connection.execute(insert_into(leases).values(lease._asdict()).on_conflict_do_nothing())
            changed = connection.execute(
                update(leases)
                .where(
                    leases.c.name == lease.name,
                    leases.c.holder == lease.holder,
                    leases.c.epoch == lease.epoch,
                )
                .values(holder=holder, epoch=epoch)
            ).rowcount
        return epoch if changed else None

    def give_up(self, holder: str, names: tuple[str, ...]) -> None:
        """These leases of a holder are nobody's from now on."""
        statement = (
            update(leases)
            .where(leases.c.name == bindparam("lease"), leases.c.holder == holder)
            .values(holder=NOBODY)
        )
        if names:
            with self._database.writing() as connection:
                connection.execute(statement, [{"lease": name} for name in names])

    def record_series(self, holder: str, series: Mapping[str, int]) -> None:
        """How many series the watches of some leases of a holder have."""
        statement = (
            update(leases)
            .where(leases.c.name == bindparam("lease"), leases.c.holder == holder)
            .values(series=bindparam("count"))
        )
        if series:
            rows = [{"lease": name, "count": count} for name, count in series.items()]
            with self._database.writing() as connection:
                connection.execute(statement, rows)
