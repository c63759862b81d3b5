"""Fits on a Ray cluster that wait on their node for as long as a test says so."""

import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from plugin.config import ExecutorSettings
from plugin.jobs.executors import ray_driver

FOLDER = "BANDWATCH_TEST_FITS"  # in the environment of the nodes: where `wait` is looked for
_fit_on_node = ray_driver.fit_on_node


def wait_and_fit(version: str, threads: int, inputs: list[Any]) -> ray_driver.Reply:
    """Runs on a node. While there is a file `wait`, a file named by the node says that it waits."""
    import ray

    folder = Path(os.environ[FOLDER])
    node = ray.get_runtime_context().get_node_id()
    while (folder / "wait").exists():
        (folder / f"{node}-{os.getpid()}").touch()
        time.sleep(0.02)
    return _fit_on_node(version, threads, inputs)


def drive_waiting_fits(
    settings: ExecutorSettings, control: Connection, pipes: list[Connection]
) -> None:
    """A driver whose fits are `wait_and_fit`."""
    ray_driver.fit_on_node = wait_and_fit  # in the process of the driver
    ray_driver.drive(settings, control, pipes)
