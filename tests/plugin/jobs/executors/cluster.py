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

import pytest

from detectors.baseline import Baseline
from detectors.registry import to_spec
from plugin.config import ExecutorSettings
from plugin.jobs.executors import ray_driver
from plugin.jobs.fit_task import FitTask, run_task
from tests.plugin.jobs.test_fit_task import BUDGET, batch

OBJECT_STORE_BYTES = 100_000_000
LOOPBACK = "127.0.0.2"  # Ray takes 127.0.0.1 for the address of another interface
LOCK = Path(tempfile.gettempdir()) / "bandwatch-tests-ray.lock"


NODE: dict[str, Any] = {
    "num_cpus": 1,
    "object_store_memory": OBJECT_STORE_BYTES,
    "node_ip_address": LOOPBACK,
}


@contextmanager
def ray_cluster(*, spills: bool = True, **settings: Any) -> Iterator[Any]:
    """Two nodes of one processor; one cluster at a time on this machine.

    spills: what the object stores cannot hold goes to the disk. False = as if that was full.
    settings: see `ray_head`.
    """
    with LOCK.open("w") as lock, warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")  # those of Ray are not ours
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not spills:
            patch.setenv("RAY_local_fs_capacity_threshold", "0.0")
        cluster = ray_head(**settings)
        try:
            cluster.add_node(**NODE)
            yield cluster
        finally:
            cluster.shutdown()


def ray_head(**settings: Any) -> Any:
    """A cluster of one node. settings: of Ray for that node."""
    from ray.cluster_utils import Cluster

    return Cluster(
        initialize_head=True, head_node_args=NODE | {"include_dashboard": False} | settings
    )


def task(number: int = 7, samples: int = 200) -> FitTask:
    return FitTask(
        spec=to_spec(Baseline()), ids=(number,), batch=batch([samples]), alert_budget=BUDGET
    )


def steered_fit(version: str, threads: int, inputs: list[Any]) -> ray_driver.Reply:
    """Runs on a node. Where the spec is a folder, a file in it that is named by the node says that
    the fit has begun; it ends when the file `go` is there. Else it is a fit as any other."""
    import os

    import ray

    fit = ray.get(inputs[0])
    if not fit.spec.startswith("/"):
        return run_task(fit)
    folder = Path(fit.spec)
    node = ray.get_runtime_context().get_node_id()
    (folder / f"{fit.ids[0]}-{node}-{os.getpid()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.02)
    return ray_driver.FitOutcome(fit.ids)


def drive_steered(settings: ExecutorSettings, control: Connection, pipes: list[Connection]) -> None:
    """A driver whose fits are `steered_fit`."""
    ray_driver.fit_on_node = steered_fit  # in the process of the driver
    ray_driver.drive(settings, control, pipes)


def drive_another_version(
    settings: ExecutorSettings, control: Connection, pipes: list[Connection]
) -> None:
    """A driver of a service that is newer than the nodes."""
    ray_driver.VERSION = "99.0.0"
    ray_driver.drive(settings, control, pipes)


def drive_another_ray(
    settings: ExecutorSettings, control: Connection, pipes: list[Connection]
) -> None:
    """A driver whose Ray is another one than that of the nodes."""
    import ray

    ray.__version__ = "1.0.0"
    ray_driver.drive(settings, control, pipes)


def drive_nowhere(settings: ExecutorSettings, control: Connection, pipes: list[Connection]) -> None:
    """A driver that finds no cluster."""
    control.send("ConnectionError: nobody is there")
