"""Previews that are ordered of a running service: one at a time, within limits, and each can be
cancelled."""

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import replace

from plugin.components import Components
from plugin.errors import BandwatchError, PreviewRefused
from plugin.preview.past_service import PreviewTask
from plugin.preview.preview_process import PreviewProcess, PreviewTooSlow
from plugin.web.preview_orders import PreviewOrder, PreviewStage, PreviewState

log = logging.getLogger(__name__)

MAX_SERIES = 100  # of one preview
MAX_SECONDS = 300.0  # that one may take
MAX_STATES = 8  # that are remembered
DRAWN_SERIES = 3
ID_BYTES = 9


class PreviewOrders:
    """The orders of one service. Any thread may use it."""

    def __init__(self, parts: Components, clock: Callable[[], float]) -> None:
        self._parts = parts
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[str, PreviewState] = {}  # the oldest first
        self._process: PreviewProcess | None = None

    def start(self, order: PreviewOrder) -> PreviewState:
        """Begins. Raises PreviewRefused while another one runs."""
        with self._lock:
            running = self._running()
            if running is not None:
                raise PreviewRefused(
                    f"a preview runs already ({running.share:.0%} done): wait for its end, or"
                    " cancel it"
                )
            state = PreviewState(secrets.token_urlsafe(ID_BYTES), order)
            self._states[state.id] = state
            for preview_id in list(self._states)[:-MAX_STATES]:
                del self._states[preview_id]
            process = self._process = PreviewProcess(self._task(order))
        threading.Thread(target=self._follow, args=(state.id, process), daemon=True).start()
        return state

    def state(self, preview_id: str) -> PreviewState | None:
        """None = it is not known, or not any more."""
        with self._lock:
            return self._states.get(preview_id)

    def cancel(self, preview_id: str) -> PreviewState | None:
        """Ends one that runs; one that is over stays as it is. None = it is not known."""
        process = None
        with self._lock:
            state = self._states.get(preview_id)
            if state is not None and state.stage is PreviewStage.RUNNING:
                state = self._states[preview_id] = replace(state, stage=PreviewStage.CANCELLED)
                process = self._process
        if process is not None:
            process.end()
            self._count("cancelled")
        return state

    def close(self) -> None:
        """Ends what runs."""
        with self._lock:
            running = self._running()
        if running is not None:
            self.cancel(running.id)

    def _running(self) -> PreviewState | None:
        stages = self._states.values()
        return next((state for state in stages if state.stage is PreviewStage.RUNNING), None)

    def _task(self, order: PreviewOrder) -> PreviewTask:
        config = self._parts.config
        watch = order.watch
        own_calendar = "calendar" in watch.model_fields_set
        changes = {
            "max_series": min(watch.max_series, MAX_SERIES),
            "calendar": watch.calendar if own_calendar else config.calendar,
        }
        watches = (watch.model_copy(update=changes),)
        end = int(self._clock())
        return PreviewTask(
            config.model_copy(update={"watches": watches}),
            end - order.seconds,
            end,
            tuple(self._parts.store.maintenance.all()),
            max_bands=DRAWN_SERIES,
        )

    def _follow(self, preview_id: str, process: PreviewProcess) -> None:
        """In a thread of its own, until the process has ended."""

        def progress(share: float) -> None:
            self._change(preview_id, share=share)

        try:
            preview = process.wait(progress, MAX_SECONDS)
        except BandwatchError as error:
            if self._change(preview_id, stage=PreviewStage.FAILED, error=str(error)):
                self._count("too_slow" if isinstance(error, PreviewTooSlow) else "failed")
                log.warning("preview failed", extra={"err": str(error)})
            return
        if self._change(preview_id, stage=PreviewStage.DONE, share=1.0, preview=preview):
            self._count("done")

    def _change(self, preview_id: str, **changes: object) -> bool:
        """Whether the order was still running."""
        with self._lock:
            state = self._states.get(preview_id)
            if state is None or state.stage is not PreviewStage.RUNNING:
                return False
            self._states[preview_id] = replace(state, **changes)  # type: ignore[arg-type]
            return True

    def _count(self, outcome: str) -> None:
        self._parts.metrics.previews.labels(outcome).inc()
