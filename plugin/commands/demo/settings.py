"""The configuration under which the demo runs the service."""

import math
import re
from pathlib import Path

from plugin.commands.demo.shop import SALES
from plugin.commands.demo.world import World
from plugin.config import (
    Config,
    PrometheusSettings,
    StoreSettings,
    Watch,
    WebSettings,
    WorkerSettings,
)

# seconds: an incident is to be seen within two steps, and a demo of two minutes has to show a whole
# one
STEP = 10
FIT_WINDOW = 3 * 86_400
BACKFILL = 3600
NEVER_NEGATIVE = (0.0, math.inf)
SALES_STEP = 60
SALES_BACKFILL = 2 * 86_400  # so that the last daily peak, and mostly the one before, are scored


def demo_config(
    world: World, prometheus_url: str, folder: Path, listen_address: str, step: int
) -> Config:
    """Four watches over the shop: gauges, rates of counters, gauges of many kinds, and one slow one
    of the sales."""

    def watch(name: str, query: str, **more: object) -> Watch:
        return Watch.model_validate(
            {
                "name": name,
                "query": query,
                "step": step,
                "fit_window": FIT_WINDOW // step * step,
                "fit_every": 86_400,
                "backfill": BACKFILL // step * step,
                "alert_budget": 1 / (7 * 86_400),
                "labels": {"severity": "warning"},
                **more,
            }
        )

    return Config(
        prometheus=PrometheusSettings(
            url=prometheus_url, connect_timeout=2, read_timeout=step // 2 or 1
        ),
        watches=(
            watch(
                "latency",
                metrics(world, "latency"),
                detector="lstm",
                unit="s",
                valid_range=NEVER_NEGATIVE,
                group_by=("service",),
            ),
            watch(
                "traffic",
                f"sum by (service, code) (rate({metrics(world, 'traffic')}[1m]))",
                detector="lstm",
                unit="reqps",
                group_by=("service",),
                min_deviation=0.05,
            ),  # three errors in a minute: a single one is nobody's concern
            watch(
                "saturation", metrics(world, "saturation"), detector="lstm", missing_data="alert"
            ),
            Watch(
                name=SALES,
                query=metrics(world, SALES),
                step=SALES_STEP,
                backfill=SALES_BACKFILL,
                valid_range=NEVER_NEGATIVE,
                labels={"severity": "warning"},
            ),  # all else as by default
        ),
        store=StoreSettings(path=str(folder / "bandwatch")),
        web=WebSettings(listen_address=listen_address, external_url=f"http://{listen_address}"),
        workers=WorkerSettings(fits=2),
    )


def metrics(world: World, watch: str) -> str:
    """A selector of the metrics that a watch is about."""
    names = sorted({source.metric for source in world.sources if source.watch == watch})
    return names[0] if len(names) == 1 else f'{{__name__=~"{"|".join(map(re.escape, names))}"}}'
