"""The live exporter: the values of the world now, in the Prometheus text format."""

import time
from collections.abc import Callable

import numpy as np

from plugin.commands.demo.loopback_server import HttpReply, HttpServer, Parameters
from plugin.commands.demo.shop_series import Source
from plugin.commands.demo.world import World

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(world: World, now: int) -> str:
    """All series that have a value at `now`, grouped by metric."""
    metrics: dict[str, list[str]] = {}
    for source in world.sources:
        lines = metrics.setdefault(source.metric, [f"# TYPE {source.metric} {source.kind}\n"])
        lines += sample(source, float(world.values(source, np.array([now], np.int64))[0]))
    return "".join(line for lines in metrics.values() for line in lines)


def sample(source: Source, value: float) -> list[str]:
    """The line of one sample; none where there is no value."""
    return [] if np.isnan(value) else [f"{source.metric}{source.labels} {value!r}\n"]


def serve_exporter(world: World, *, clock: Callable[[], float] = time.time) -> HttpServer:
    """Serves /metrics on a free loopback port."""

    def reply(path: str, _: Parameters) -> HttpReply:
        if path != "/metrics":
            return HttpReply("the shop of the demo: see /metrics\n", status=404)
        return HttpReply(exposition(world, int(clock())), CONTENT_TYPE)

    return HttpServer(reply)
