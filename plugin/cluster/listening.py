"""Hears what other processes announce. Nothing depends on it: who hears nothing looks more
often."""

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping

from plugin.clock import pause
from plugin.errors import StoreError
from plugin.metrics import Metrics
from plugin.store.news import Listener, Topic

log = logging.getLogger(__name__)

PROOF_SECONDS = 30.0  # of silence, after which it is proved that announcements still come
CARRY_SECONDS = 5.0  # for which a proof may be on its way
WAIT_SECONDS = 0.5  # at once, so that a stop is noticed
PACE_SECONDS = 0.05  # between two wakes: a worker publishes its parts one after another
RETRY_SECONDS = 1.0  # the first time; then twice as long each time
LAST_RETRY_SECONDS = 60.0
SILENT = (
    "announcements do not come through, as behind a pooler that keeps no sessions: let `store.url`"
    " name the server itself, or set pool_mode=session; meanwhile this looks every second"
)


class _Silent(StoreError):
    """A proof did not come."""


class Listening:
    """Listens in a thread of its own and reconnects by itself. What was announced meanwhile is
    looked for then."""

    def __init__(
        self, listener: Listener | None, metrics: Metrics, wakes: Mapping[Topic, Callable[[], None]]
    ) -> None:
        """listener: None = this store announces nothing. wakes: what is called for each topic."""
        self.is_heard = False  # whether announcements come
        self._listener = listener
        self._metrics = metrics
        self._wakes = wakes
        self._stopped = threading.Event()
        self._is_told = False  # that they do not come
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def start(self) -> None:
        if self._listener is not None:
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        assert self._listener is not None
        retry_seconds = RETRY_SECONDS
        while not self._stopped.is_set():
            try:
                self._listen(self._listener)
            except Exception as error:  # whatever it is, a thread that ended would hear no more
                retry_seconds = RETRY_SECONDS if self.is_heard else retry_seconds
                self._fail(error)
            self._listener.close()
            self._stopped.wait(retry_seconds)
            retry_seconds = min(2 * retry_seconds, LAST_RETRY_SECONDS)
        self._set_heard(False)

    def _listen(self, listener: Listener) -> None:
        """Until it is stopped. Raises StoreError."""
        listener.open(self._wakes)
        self._prove(listener)
        self._set_heard(True)
        self._wake(self._wakes)  # what came before
        heard_at = time.monotonic()
        while not self._stopped.is_set():
            topics = listener.heard(WAIT_SECONDS)
            if topics:
                self._wake(topics)
                heard_at = time.monotonic()
                pause(PACE_SECONDS)
            elif time.monotonic() - heard_at > PROOF_SECONDS:
                self._prove(listener)
                heard_at = time.monotonic()

    def _prove(self, listener: Listener) -> None:
        """Raises StoreError where nothing comes."""
        proof = listener.proof()
        deadline = time.monotonic() + CARRY_SECONDS
        while not self._stopped.is_set():
            topics = listener.heard(WAIT_SECONDS)
            self._wake(topics)
            if proof in topics:
                return
            if time.monotonic() > deadline:
                raise _Silent(SILENT)

    def _wake(self, topics: Iterable[str]) -> None:
        for topic, wake in self._wakes.items():
            if topic in topics:
                wake()

    def _fail(self, error: Exception) -> None:
        self._set_heard(False)
        self._metrics.listen_failures.labels(_reason(error)).inc()
        if not self._is_told:
            log.warning(
                "announcements are not heard",
                extra={"err": str(error)}
                if isinstance(error, StoreError)
                else {"err": repr(error), "trace": traceback.format_exc()},
            )
        self._is_told = True

    def _set_heard(self, is_heard: bool) -> None:
        if is_heard and self._is_told:
            self._is_told = False
            log.info("announcements are heard again")
        self.is_heard = is_heard
        self._metrics.listening.set(is_heard)


def _reason(error: Exception) -> str:
    if isinstance(error, _Silent):
        return "silent"
    return "lost" if isinstance(error, StoreError) else "error"
