"""A real Ray of two nodes on this machine, and fits that behave as tests need it."""

import fcntl
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from detectors.baseline import Baseline
from detectors.registry import to_spec
from plugin.config import ExecutorSettings
from plugin.jobs.executors import ray_driver
from plugin.jobs.fit_task import FitTask
from tests.plugin.jobs.test_fit_task import BUDGET, batch

OBJECT_STORE_BYTES = 100_000_000
LOOPBACK = "127.0.0.2"  # Ray takes 127.0.0.1 for the address of another interface
LOCK = Path(tempfile.gettempdir()) / "bandwatch-tests-ray.lock"


@contextmanager
def ray_cluster() -> Iterator[Any]:
    """Two nodes of one processor; one cluster at a time on this machine."""
    with LOCK.open("w") as lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of Ray are not ours
        fcntl.flock(lock, fcntl.LOCK_EX)
        from ray.cluster_utils import Cluster

        node = {
            "num_cpus": 1,
            "object_store_memory": OBJECT_STORE_BYTES,
            "include_dashboard": False,
            "node_ip_address": LOOPBACK,
        }
        cluster = Cluster(initialize_head=True, head_node_args=node)
        try:
            cluster.add_node(**{k: v for k, v in node.items() if k != "include_dashboard"})
            yield cluster
        finally:
            cluster.shutdown()


def task(number: int = 7, samples: int = 200) -> FitTask:
    return FitTask(
        spec=to_spec(Baseline()), ids=(number,), batch=batch([samples]), alert_budget=BUDGET
    )


def note_and_wait(version: str, threads: int, inputs: list[Any]) -> ray_driver.Reply:
    """Runs on a node: a file named by the node says that the fit has begun; it ends when the file
    `go` is there. The folder stands in the spec."""
    import os

    import ray

    fit = ray.get(inputs[0])
    folder = Path(fit.spec)
    node = ray.get_runtime_context().get_node_id()
    (folder / f"{fit.ids[0]}-{node}-{os.getpid()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.02)
    return ray_driver.FitOutcome(fit.ids)


def drive_slowly(settings: ExecutorSettings, control: Connection, pipes: list[Connection]) -> None:
    """A driver whose fits are `note_and_wait`."""
    ray_driver.fit_on_node = note_and_wait  # in the process of the driver
    ray_driver.drive(settings, control, pipes)


def drive_another_version(
    settings: ExecutorSettings, control: Connection, pipes: list[Connection]
) -> None:
    """A driver of a service that is newer than the nodes."""
    ray_driver.VERSION = "99.0.0"
    ray_driver.drive(settings, control, pipes)


def drive_nowhere(settings: ExecutorSettings, control: Connection, pipes: list[Connection]) -> None:
    """A driver that finds no cluster."""
    control.send("ConnectionError: nobody is there")
