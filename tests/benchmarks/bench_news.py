"""How long a web replica takes to show what a worker has published, and what it asks of the
database while nothing happens: with announcements, and where it has to look every second."""

import random
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np

from plugin.store import Store
from tests.e2e.replicas import Replicas
from tests.postgres import PostgresServer

PUBLICATIONS = 100  # at random times: a look every second comes at any of them
IDLE_SECONDS = 30
REPLICAS = 2


def _measure(server: PostgresServer, name: str, is_heard: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with Replicas(Path(folder), server.new_database(), REPLICAS) as replicas:
            replicas.wait_until_heard(is_heard)
            seconds: list[float] = []
            for _ in range(PUBLICATIONS):
                time.sleep(random.random() / 2)
                seconds += replicas.seconds_until_answered()
            count = replicas.transactions(IDLE_SECONDS)
    median, slow = 1000 * np.percentile(seconds, [50, 99])
    print(
        f"   {name:20} p50 {median:5.0f} ms   p99 {slow:5.0f} ms"
        f"   idle: {60 * count / IDLE_SECONDS:4.0f} transactions a minute"
    )


def main() -> None:
    with PostgresServer() as server:
        with patch.object(Store, "listener", lambda store: None):
            _measure(server, "a look every second", is_heard=False)
        _measure(server, "announced", is_heard=True)
