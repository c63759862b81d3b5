"""Networks that cannot learn, because torch is not installed where they are fitted."""

from collections.abc import Iterable

from detectors.api import Detector
from detectors.auto import Auto
from detectors.device import has_torch, trains_on_device
from detectors.registry import detector_named
from plugin.config import Config, Watch

REMEDY = (
    "torch is not installed: no network can learn, the baseline serves;"
    " pip install 'bandwatch[torch]' and restart, or choose `detector: baseline`"
)


def baseline_alone(detector: Detector) -> bool:
    """Whether `auto` has no network to choose in this process: it goes on without a word."""
    return isinstance(detector, Auto) and not has_torch()


def watches_without_torch(config: Config) -> list[str]:
    """The watches whose networks cannot learn on this machine, by name; none where they learn on
    others."""
    if config.executor.kind != "local":
        return []
    return [watch.name for watch in _with_network(config.watches) if not has_torch()]


def _with_network(watches: Iterable[Watch]) -> Iterable[Watch]:
    return (
        watch
        for watch in watches
        if trains_on_device(detector_named(watch.detector, watch.detector_options))
    )
