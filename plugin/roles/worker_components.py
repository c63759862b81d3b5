"""Components of which a worker has those that it holds a lease for."""

from collections.abc import Callable, Sequence

from plugin.cluster.leases import Holdings
from plugin.components import Components
from plugin.config import Config, Watch
from plugin.errors import Fenced
from plugin.metrics import Metrics
from plugin.store import Store
from plugin.store.leases import Fence


class WorkerComponents(Components):
    """The jobs of the watches that this worker holds, each with a store that is fenced."""

    shares_store = True

    def __init__(
        self,
        config: Config,
        *,
        clock: Callable[[], float] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._stores: dict[str, tuple[Fence, Store]] = {}  # by lease
        super().__init__(config, clock=clock, metrics=metrics)

    def hold(self, holdings: Holdings) -> None:
        """Says what this worker holds from now on."""
        stores = {}
        for name, fence in holdings.items():
            old = self._stores.get(name)
            known = old is not None and old[0] == fence
            stores[name] = old if old and known else (fence, self._fenced_store(fence))
        self._stores = stores

    def store_under(self, lease: str) -> Store | None:
        """The store for work under a lease; None = we do not hold it."""
        entry = self._stores.get(lease)
        return entry[1] if entry is not None else None

    def chosen(self, config: Config) -> Sequence[Watch]:
        stores = self._stores
        return [watch for watch in config.watches if watch.name in stores]

    def store_of(self, watch: str) -> Store:
        store = self.store_under(watch)
        if store is None:  # it was lost while its jobs were being built
            raise Fenced(f"{watch}: another process holds it by now")
        return store

    def _fenced_store(self, fence: Fence) -> Store:
        return self.store.fenced(fence, self.metrics.fenced_writes.labels(fence.lease).inc)
