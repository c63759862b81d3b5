"""What processes that share a database tell each other: that there is something new to read. What
it is, is in the tables."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from enum import StrEnum


class Topic(StrEnum):
    """What something new is about."""

    BOARD = "board"  # a part of it was published
    ORDERS = "orders"  # about models
    WINDOWS = "windows"  # of maintenance


class Listener(ABC):
    """Hears what others announce, over a connection of its own. For one thread at a time. All
    raise StoreError."""

    @abstractmethod
    def open(self, topics: Collection[Topic]) -> None:
        """Listens from now on, anew where it did so before."""

    @abstractmethod
    def proof(self) -> str:
        """Announces, over another connection, something that `heard` returns: what does not come
        within seconds does not come at all."""

    @abstractmethod
    def heard(self, seconds: float) -> set[str]:
        """The topics and proofs that were announced since; waits for the first one."""

    @abstractmethod
    def close(self) -> None:
        """Raises nothing."""
