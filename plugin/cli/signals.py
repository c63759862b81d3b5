"""How a command waits for a signal."""

import select
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def signal_wait() -> Iterator[Callable[[], None]]:
    """A function that waits until a signal has come. For the main thread.

    The system may hand a signal to any thread, and Python runs its handler in the main one. That
    does not wake from the wait for a lock, a queue or an event by a signal of another thread: it
    wakes by a byte that Python writes for each signal.
    """
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)
        earlier_descriptor = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

        def wait() -> None:
            select.select((reader,), (), ())
            reader.recv(4096)

        try:
            yield wait
        finally:
            signal.set_wakeup_fd(earlier_descriptor)
