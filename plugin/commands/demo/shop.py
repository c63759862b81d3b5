"""The thirty series of the demo: a web shop with its services, queues and machines.

Every level is a pure function of time.
"""

from plugin.commands.demo.machines import saturation
from plugin.commands.demo.randomness import busy, smooth
from plugin.commands.demo.services import latencies, traffic
from plugin.commands.demo.shop_series import Gauge, Source, counted
from plugin.series import FloatArray, IntArray

SALES = "sales"  # the watch with a slower step than the others


def catalog(seed: int) -> tuple[Source, ...]:
    """All sources; the seed changes the noise and nothing else."""
    return (
        *latencies(seed * 1000),
        *traffic(seed * 1000 + 100),
        *saturation(seed * 1000 + 200),
        BASKETS.source(SALES, seed * 1000 + 300),
    )


def _open_baskets(key: int, times: IntArray) -> FloatArray:
    """What the shop lives from: a day that everyone would know by its shape."""
    return counted(key, times, 30 + 900 * busy(times) * (1 + 0.05 * smooth(key + 1, times, 1200)))


BASKETS = Gauge("open baskets", "shop_open_baskets", {"shop": "web"}, "", _open_baskets)
