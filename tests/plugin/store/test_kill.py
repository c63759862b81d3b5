"""kill -9 in the middle of a write, a fold, a model: whatever was acknowledged is there, once."""

import multiprocessing
import random
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from sqlalchemy import text

from plugin.store import Store, archive, head
from plugin.store.server import DatabaseServer
from tests.plugin.store.build import tick
from tests.plugin.store.killed_writer import SERIES, STEP, write_for_ever

TIMES = 20


def test_nothing_acknowledged_is_lost_or_doubled(
    tmp_path: Path, server: DatabaseServer | None
) -> None:
    dice = random.Random(0)
    folded = 0
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.plugin.store.killed_writer"])
    promised = {"tick": 0, "model": 0, "open": 0}
    longest = 0.4 if server is None else 1.2
    for _ in range(TIMES if server is None else TIMES // 3):
        hears, says = context.Pipe(duplex=False)
        writer = context.Process(target=write_for_ever, args=(tmp_path, server, says))
        writer.start()
        says.close()
        assert hears.poll(30)
        writer.join(dice.uniform(0.0, longest))
        writer.kill()
        writer.join()
        promised.update(_heard(hears))
        folded = _check(tmp_path, server, promised)
        if not folded:  # a machine that is busy
            longest *= 1.5
    assert promised["model"] > 0 and folded > 0


def _heard(hears: Connection) -> list[tuple[str, int]]:
    heard = []
    try:
        while True:
            heard.append(hears.recv())
    except (EOFError, OSError):  # the end, or a message that was cut by the kill
        return heard


def _check(folder: Path, server: DatabaseServer | None, promised: dict[str, int]) -> int:
    """Returns how many rows are in blocks."""
    store = Store.open(folder, server=server)
    until = store.samples.scored_until("cpu") or 0
    assert until >= promised["tick"]
    ids = np.array([record.id for record in store.series.of("cpu")])
    assert len(ids) == SERIES
    wanted = tick(ids, np.arange(STEP, until + 1, STEP))
    with store._database.reading() as connection:
        if server is None:
            assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        in_head = head.read(connection, ids)
        in_blocks = archive.read(connection, ids, 0, until)
    for i, id in enumerate(ids.tolist()):
        parts = [*in_blocks.get(id, []), *([in_head[id]] if id in in_head else [])]
        assert (
            sorted(np.concatenate([part.times for part in parts]).tolist()) == wanted.times.tolist()
        )
        assert store.samples.of(id, 0, until).score.tolist() == wanted.score[i].tolist()
    assert [alarm.end for alarm in store.alarms.open("cpu")] == [until]
    (carry,) = store.detector_states.of("cpu")
    assert (carry.time, carry.arrays["trace"].tolist()) == (until, [[until, until]] * SERIES)
    champions = store.models.champions("cpu")
    assert min((c.version for c in champions), default=0) >= promised["model"]
    for champion in champions:
        assert (
            store.weights.read(champion.path, [champion.row])["weight"] == champion.version
        ).all()
    folded = store.sizes().block_rows
    store.close()
    return folded
