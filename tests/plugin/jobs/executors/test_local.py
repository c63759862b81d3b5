"""Processes of this machine keep the contract of an executor."""

from plugin.config import WorkerSettings
from plugin.jobs.executors.local import WorkerPool
from tests.plugin.jobs.executors.contract import keeps_the_contract


def test_processes_of_this_machine_keep_the_contract() -> None:
    """One test, because processes take seconds to start."""
    keeps_the_contract(WorkerPool(WorkerSettings()))
