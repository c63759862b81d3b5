"""Orders about models: from the replica that was asked to the worker that holds the watch, and the
answer back."""

import json
import logging
import time
from collections.abc import Callable, Collection, Sequence

from plugin.clock import pause
from plugin.domain.model_decisions import Order, OrderKind, OrderResult
from plugin.errors import Fenced
from plugin.store import Store

log = logging.getLogger(__name__)

WAIT_SECONDS = 20.0  # for a worker to begin
ANSWER_SECONDS = 40.0  # for its answer, all in all
LOOK_SECONDS = 0.2
NOT_TAKEN = (
    "no worker has taken the order within 20 s, and it was withdrawn: see /-/ready of the workers,"
    " then order again"
)
NO_ANSWER = "a worker is still at it: `bandwatch models show` tells what comes of it"
GONE = "is not stored any more"
AnswerRow = tuple[int, bool, int, str]  # series id, whether it is done, version, why


class RemoteOrders:
    """Orders for workers. Any thread may use it."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float] = time.time,
        *,
        wait_seconds: float = WAIT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """clock: unix seconds."""
        self._store = store
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._answer_seconds = answer_seconds

    def execute(self, order: Order) -> list[OrderResult]:
        """What comes of an order, series by series; waits for it, within limits."""
        records = {record.id: record for record in order.series}
        now = int(self._clock())
        ids = {
            watch: self._store.orders.add(watch, _order_text(order, watch), now)
            for watch in sorted({record.watch for record in order.series})
        }
        start = time.monotonic()
        results: dict[int, OrderResult] = {}
        for watch, order_id in ids.items():
            answer = self._answer(order_id, start)
            if isinstance(answer, str):
                of_watch = [record for record in order.series if record.watch == watch]
                results |= {record.id: OrderResult(record, False, 0, answer) for record in of_watch}
            else:
                results |= {
                    series_id: OrderResult(records[series_id], done, version, why)
                    for series_id, done, version, why in answer
                }
        return [results[record.id] for record in order.series]

    def _answer(self, order_id: int, start: float) -> list[AnswerRow] | str:
        """The rows of an answer, or why there is none."""
        is_open = True
        while True:
            text = self._store.orders.answer_to(order_id)
            if text is not None:
                rows: list[AnswerRow] = [tuple(row) for row in json.loads(text)]
                return rows
            waited = time.monotonic() - start
            if is_open and waited > self._wait_seconds:
                if self._store.orders.take_back(order_id):
                    return NOT_TAKEN
                is_open = False
            if waited > self._answer_seconds:
                return NO_ANSWER
            pause(LOOK_SECONDS)


class OrderDesk:
    """Carries out the orders for the watches of one worker. `run` is for one thread at a time."""

    def __init__(
        self,
        store: Store,
        watches: Callable[[], Collection[str]],
        execute: Callable[[Order], list[OrderResult]],
        store_of: Callable[[str], Store | None],
    ) -> None:
        """watches: those that have their jobs. execute: what `Components.execute` does. store_of:
        fenced by the lease of a watch; None = we do not hold it."""
        self._store = store
        self._watches = watches
        self._execute = execute
        self._store_of = store_of

    def run(self) -> None:
        """Carries out what waits. Raises StoreError."""
        for watch in sorted(self._store.orders.waiting(self._watches())):
            store = self._store_of(watch)
            if store is None:
                continue
            try:
                self._carry_out(watch, store)
            except Fenced:
                log.info("an order is for another worker by now", extra={"watch": watch})

    def _carry_out(self, watch: str, store: Store) -> None:
        """Raises Fenced where the watch has another holder."""
        records = {record.id: record for record in store.series.of(watch)}
        for stored in store.orders.take(watch):
            body = json.loads(stored.body)
            series = [records[series_id] for series_id in body["series"] if series_id in records]
            order = Order(
                OrderKind(body["act"]), tuple(series), body["by"], body["comment"], body["version"]
            )
            results = self._execute(order)
            missing = [series_id for series_id in body["series"] if series_id not in records]
            store.orders.answer(stored.id, _answer_text(results, missing))


def _order_text(order: Order, watch: str) -> str:
    """What the worker needs for the series of one watch."""
    return json.dumps(
        {
            "act": order.act,
            "series": [record.id for record in order.series if record.watch == watch],
            "by": order.by,
            "comment": order.comment,
            "version": order.version,
        }
    )


def _answer_text(results: Sequence[OrderResult], missing: Sequence[int]) -> str:
    """missing: ids of series that are not stored any more."""
    rows: list[AnswerRow] = [
        (result.series.id, result.done, result.version, result.why) for result in results
    ]
    return json.dumps(rows + [(series_id, False, 0, GONE) for series_id in missing])
