"""How others do it: one function per method, from a series to scores where 1 is the method's own
threshold.

Every method is causal and learns from the first half only; each file names its source.
"""

from collections.abc import Callable
from importlib import import_module

from tests.benchmarks.quality.data import Series
from tests.benchmarks.quality.peers.verdict import Verdict

Peer = Callable[[Series], Verdict]

# name -> (title in the table, module, function); imported when used, because their libraries take
# seconds to load
PEERS = {
    "ewma": ("EWMA, 3 sigma", "smoothing", "ewma"),
    "mad": ("rolling MAD, 3.5", "smoothing", "rolling_mad"),
    "adaptive": ("adaptive PromQL rules", "rules", "adaptive_rules"),
    "seasonal": ("seasonal median, 7 days", "seasonal", "seasonal_median"),
    "forest": ("isolation forest", "forest", "isolation_forest"),
    "holt-winters": ("Holt-Winters", "holt_winters", "holt_winters"),
    "prophet": ("Prophet", "prophet", "prophet"),
    "plain-lstm": ("LSTM, published form", "networks", "plain_lstm"),
    "plain-vae": ("VAE, published form", "networks", "plain_vae"),
}


def peer(name: str) -> Peer:
    """The function of a name of `PEERS`."""
    _, module, function = PEERS[name]
    found: Peer = getattr(import_module(f"tests.benchmarks.quality.peers.{module}"), function)
    return found
