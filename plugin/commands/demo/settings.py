"""The configuration under which the demo runs the service."""

import math
import re
from pathlib import Path

from detectors.device import has_torch
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
from plugin.domain.times import DAY, HOUR, MINUTE, WEEK

# All in seconds. An incident is to be seen within two steps, and a demo of two minutes has to show
# a
# whole one.
STEP = 10
FIT_WINDOW = 3 * DAY
BACKFILL = HOUR
SALES_STEP = MINUTE
SALES_BACKFILL = 2 * DAY  # so that the last daily peak, and mostly the one before, are scored
WEEKLY_ALERT_BUDGET = 1 / WEEK  # false alarms per series and second
NON_NEGATIVE_RANGE = (0.0, math.inf)
LABELS = {"severity": "warning"}


def demo_config(
    world: World, prometheus_url: str, folder: Path, listen_address: str, step: int
) -> Config:
    """The configuration of the service: where it runs, and four watches over the shop."""
    return Config(
        prometheus=PrometheusSettings(
            url=prometheus_url, connect_timeout=2, read_timeout=step // 2 or 1
        ),
        watches=demo_watches(world, step),
        store=StoreSettings(path=str(folder / "bandwatch")),
        web=WebSettings(listen_address=listen_address, external_url=f"http://{listen_address}"),
        workers=WorkerSettings(fits=2),
    )


def demo_watches(world: World, step: int) -> tuple[Watch, ...]:
    """Gauges, rates of counters, gauges of many kinds, and the sales at a slow step."""
    latency, traffic, saturation, sales = (
        selector(world, name) for name in ("latency", "traffic", "saturation", SALES)
    )
    return (
        _watch(
            step,
            name="latency",
            query=latency,
            unit="s",
            valid_range=NON_NEGATIVE_RANGE,
            group_by=("service",),
        ),
        _watch(
            step,
            name="traffic",
            query=f"sum by (service, code) (rate({traffic}[1m]))",
            unit="reqps",
            group_by=("service",),
            min_deviation=0.05,  # three errors in a minute: a single one is of no concern
        ),
        _watch(step, name="saturation", query=saturation, missing_data="alert"),
        Watch(  # what is not set here is as by default
            name=SALES,
            query=sales,
            step=SALES_STEP,
            detector=_learner("auto"),
            backfill=SALES_BACKFILL,
            valid_range=NON_NEGATIVE_RANGE,
            labels=LABELS,
        ),
    )


def _learner(network: str) -> str:
    """The network, or what learns without torch."""
    return network if has_torch() else "baseline"


def _watch(step: int, **settings: object) -> Watch:
    """A watch at the step of the demo, with a network."""
    common = {
        "step": step,
        "detector": _learner("lstm"),
        "fit_window": FIT_WINDOW // step * step,
        "fit_every": DAY,
        "backfill": BACKFILL // step * step,
        "alert_budget": WEEKLY_ALERT_BUDGET,
        "labels": LABELS,
    }
    return Watch.model_validate({**common, **settings})


def selector(world: World, watch: str) -> str:
    """A selector of the metrics of a watch."""
    names = sorted({source.metric for source in world.sources if source.watch == watch})
    return names[0] if len(names) == 1 else f'{{__name__=~"{"|".join(map(re.escape, names))}"}}'
