"""The housekeeping of the store (part of `upkeep` in metrics): folds old rows into blocks, removes
what is past retention."""

import logging
import time
from collections.abc import Callable

from plugin.config import StoreSettings
from plugin.maintenance import MaintenanceCalendar
from plugin.store import Store

log = logging.getLogger(__name__)


def run(
    store: Store,
    settings: StoreSettings,
    clock: Callable[[], float] = time.time,
    maintenance: MaintenanceCalendar | None = None,
) -> None:
    """Folds and expires, in small transactions: no other writer waits long."""
    now = int(clock())
    report = store.fold(now)
    store.expire(now, retention=settings.retention, versions=settings.versions)
    if maintenance is not None:
        maintenance.forget(now - settings.retention)
    log.debug("upkeep", extra={"folded": str(report)})
