"""The process of `bandwatch run`, `worker` and `web`: it listens at once, loads the rest, and
serves until a signal."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from plugin import process_memory
from plugin.cli.signals import signal_wait
from plugin.clock import pause

if TYPE_CHECKING:
    from plugin.app import Service
    from plugin.roles.web_service import WebService

    Role = type[Service] | type[WebService]

# After a signal a process ends within this time, whatever its parts and its clock do.
LEAVE_SECONDS = 20


def _whole_service() -> "Role":
    from plugin.app import Service

    return Service


def run_service(
    options: argparse.Namespace,
    role: Callable[[], "Role"] = _whole_service,
    greeting: str = "The page",
) -> int:
    """Until SIGTERM or SIGINT; SIGHUP reloads. role: loads the class of the service. greeting: what
    is said to be at its address."""
    process_memory.share_heaps()
    with process_memory.loading():
        service = _listening_service(options, role)
    # An Event would hang in a handler that interrupts its own `wait`.
    stop_signals: SimpleQueue[int] = SimpleQueue()

    def stop(number: int, _: object) -> None:
        stop_signals.put(number)
        threading.Thread(target=_leave, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, lambda *_: threading.Thread(target=service.try_reload).start())
    try:
        service.start()
        print(f"{greeting}: {service.page_url}", flush=True)
        with signal_wait() as wait:
            while stop_signals.empty():
                wait()
    finally:
        stopped = service.stop()
    if not stopped:  # the interpreter would wait for its threads
        sys.stderr.flush()
        os._exit(0)
    return 0


def _listening_service(
    options: argparse.Namespace, role: Callable[[], "Role"]
) -> "Service | WebService":
    """A service that is not started. It listens at once: most of it takes seconds to load."""
    from plugin import config
    from plugin.file_changes import ChangingFile
    from plugin.web.server import listen

    path = Path(options.config_file)

    def read() -> config.Config:
        settings = config.load(path)
        address = options.listen_address
        return config.listening_on(settings, address) if address else settings

    file = ChangingFile(path, read)
    settings = file.load()
    changed = file.changed if options.watch_config else None
    server = listen(settings)
    try:
        return role()(settings, load=file.load, config_changed=changed, server=server)
    except BaseException:
        server.close()
        raise


def _leave() -> None:
    """Ends the process, should a part of it not stop."""
    pause(LEAVE_SECONDS)
    os._exit(0)
