"""What detectors carry from sample to sample, written in the transaction of the scores that it led
to.

One row per group of series that was written together. A tick takes its series out of the groups
that held them before; what a series has carried from a later time stays. A tick without a carry
leaves all as it is: `Carry.time` and `Carry.model_version` tell whether a carry is the one that is
wanted.
"""

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save
from sqlalchemy import Connection, delete, insert, select

from plugin.series import BoolArray, IntArray, Tick
from plugin.store.database import Database
from plugin.store.records import DetectorState
from plugin.store.schema import carries

VERSION_KEY = "bandwatch.model_version"
Arrays = dict[str, NDArray[np.generic]]


class DetectorStateTable:
    """The states of all watches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, watch: str) -> list[DetectorState]:
        """The states of a watch as last written, group by group, the latest first."""
        statement = (
            select(carries.c.ids, carries.c.time, carries.c.data)
            .where(carries.c.watch == watch)
            .order_by(carries.c.time.desc(), carries.c.id)
        )
        with self._database.reading() as connection:
            rows = connection.execute(statement).all()
        states = []
        for ids, time, data in rows:
            arrays = load(data)
            states.append(DetectorState(_ids(ids), arrays.pop(VERSION_KEY), time, arrays))
        return states


def write(connection: Connection, tick: Tick) -> None:
    if not tick.carry or not len(tick.ids):
        return
    time = int(tick.times[-1])
    is_newest = np.ones(len(tick.ids), bool)
    groups = select(carries.c.id, carries.c.time, carries.c.ids).where(
        carries.c.watch == tick.watch
    )
    for group, stored_time, ids in connection.execute(groups).all():
        group_ids = _ids(ids)
        if stored_time > time:
            is_newest &= ~np.isin(tick.ids, group_ids)
        elif (replaced := np.isin(group_ids, tick.ids)).any():
            _shrink(connection, group, ~replaced)
    if is_newest.any():
        arrays = {VERSION_KEY: tick.model_version, **tick.carry}
        _insert(
            connection,
            tick.watch,
            time,
            tick.ids[is_newest],
            {name: array[is_newest] for name, array in arrays.items()},
        )


def forget(connection: Connection, cutoff: int) -> None:
    connection.execute(delete(carries).where(carries.c.time < cutoff))


def _shrink(connection: Connection, group: int, rows: BoolArray) -> None:
    old = None
    if rows.any():  # else its data, perhaps many megabytes, need not be read
        old = connection.execute(select(carries).where(carries.c.id == group)).one()
    connection.execute(delete(carries).where(carries.c.id == group))
    if old is not None:
        arrays = {name: array[rows] for name, array in load(old.data).items()}
        _insert(connection, old.watch, old.time, _ids(old.ids)[rows], arrays)


def _insert(connection: Connection, watch: str, time: int, ids: IntArray, arrays: Arrays) -> None:
    data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    connection.execute(
        insert(carries).values(watch=watch, time=time, ids=ids.astype("<i8").tobytes(), data=data)
    )


def _ids(data: bytes) -> IntArray:
    return np.frombuffer(data, "<i8").astype(np.int64)
