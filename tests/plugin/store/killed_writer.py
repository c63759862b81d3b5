"""The process that test_kill.py kills: writes without end and says after each step what it was
promised."""

from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from plugin.domain.alarms import Alarm
from plugin.series import Labels
from plugin.store import ModelRecord, Store
from plugin.store.server import DatabaseServer
from tests.plugin.store.build import tick

SERIES = 40
STEP = 600


def write_for_ever(folder: Path, server: DatabaseServer | None, said: Connection) -> None:
    """Ticks, a growing alarm, folds, models, expiry.

    Sends ("tick", time) or ("model", version) once acknowledged.
    """
    store = Store.open(folder, server=server)
    ids = np.array(
        [
            r.id
            for r in store.series.register(
                "cpu", [Labels.of({"i": str(i)}) for i in range(SERIES)], 0
            )
        ]
    )
    time = (store.samples.scored_until("cpu") or 0) + STEP
    said.send(("open", 0))
    while True:
        for _ in range(10):
            times = np.arange(time, time + 5 * STEP, STEP)
            alarm = Alarm(
                int(ids[0]), STEP, int(times[-1]), True, 1, STEP, 2.0, 3.0, 1.0, 0.0, 2.0, 1
            )
            store.write(
                [tick(ids, times, trace=np.full((SERIES, 2), times[-1]))],
                "q",
                (time, int(times[-1])),
                [alarm],
            )
            said.send(("tick", int(times[-1])))
            time = int(times[-1]) + STEP
        version = store.models.new_version("cpu")
        path = store.weights.write(version, {"weight": np.full((SERIES, 500), version, np.float32)})
        store.save_models(
            "cpu",
            [
                ModelRecord(int(id), version, row, "lstm", "{}", path, 0.0, time, 0, time)
                for row, id in enumerate(ids)
            ],
        )
        said.send(("model", version))
        store.fold(time, keep=0, limit=300)
        store.expire(time, retention=10**9, versions=1)
