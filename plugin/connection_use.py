"""How far the connections of a process to its database are used."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class ConnectionUse:
    """Functions where it is as of now."""

    limit: int  # of connections of this process
    in_use: Callable[[], int]
    idle: Callable[[], int]
    waiting: Callable[[], int]  # who would like to have one, while all are in use
    on_timeout: Callable[[], object] = lambda: None  # somebody has waited in vain
