"""What systemd is told of this process, by the protocol of `sd_notify(3)`.

Nothing is told where systemd did not start it (`NOTIFY_SOCKET` is not set).
"""

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"
SEND_SECONDS = 1.0  # for which a message may wait for room in the queue of systemd


def notify(*assignments: str) -> None:
    """Sends some assignments, such as `READY=1`, in one message. A failure is logged."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # a socket without a file, which the kernel names with a NUL
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.settimeout(SEND_SECONDS)
            sender.sendto("\n".join(assignments).encode(), address)
    except OSError as error:
        log.warning("systemd was not told", extra={"state": assignments[0], "err": str(error)})


@contextmanager
def reload_notice() -> Iterator[None]:
    """Around a reload. It ends with `READY=1` whatever came of it: the service goes on."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
    try:
        yield
    finally:
        notify(READY)


def notify_alive() -> None:
    """Holds off the watchdog of systemd, where it watches this process."""
    watched_pid = os.environ.get("WATCHDOG_PID", "")
    if os.environ.get("WATCHDOG_USEC") and watched_pid in ("", str(os.getpid())):
        notify(WATCHDOG)
