"""`bandwatch size`: what a number of series would cost."""

import argparse
from typing import TYPE_CHECKING

from plugin.cli import flags
from plugin.errors import ConfigError

if TYPE_CHECKING:
    from plugin.commands.size.estimate import Estimate, Load
    from plugin.commands.size.monthly_bill import Prices
    from plugin.commands.size.unit_costs import UnitCosts

SIZE_FLAGS: flags.FlagTable = {
    "--series": {
        "metavar": "N",
        "type": flags.listed_number,
        "required": True,
        "help": "how many series are to be watched",
    },
    "--step": {
        "metavar": "DURATION",
        "type": flags.duration,
        "default": "1m",
        "help": "from one sample to the next (default: %(default)s)",
    },
    "--retention": {
        "metavar": "DURATION",
        "type": flags.duration,
        "default": "90d",
        "help": "how long samples and bands are kept (default: %(default)s)",
    },
    "--detector": {
        "metavar": "NAME",
        "default": "auto",
        "help": "detector of the series (default: %(default)s)",
    },
    "--workers": {
        "metavar": "N",
        "type": flags.listed_number,
        "default": 0,
        "help": "how many workers share them over one PostgreSQL (default: one process alone)",
    },
    "--price.core-hour": {
        "metavar": "PRICE",
        "type": flags.price,
        "help": "of a core for an hour, in any currency: adds what all of it costs a month",
    },
    "--price.gib-hour": {
        "metavar": "PRICE",
        "type": flags.price,
        "help": "of a GiB of memory for an hour",
    },
    "--price.gib-month": {
        "metavar": "PRICE",
        "type": flags.price,
        "help": "of a GiB of disk for a month",
    },
    "--measure": {
        "action": "store_true",
        "help": "time fits, ticks and writes on this machine first, for half a minute",
    },
    "--json": {"action": "store_true", "help": "print one JSON object instead of text"},
}


def add_size(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "size", "estimate what a number of series takes of a machine", size
    )
    flags.add_all(command, SIZE_FLAGS)


def size(options: argparse.Namespace) -> int:
    """`bandwatch size`: 1 when something will not keep up."""
    import os

    from plugin.commands.size.estimate import Estimate, Load
    from plugin.commands.size.monthly_bill import MonthlyUse
    from plugin.commands.size.size_report import as_json, as_lines

    load = Load(
        series=options.series,
        step=options.step,
        retention=options.retention,
        detector=options.detector,
        cores=os.cpu_count() or 1,
        memory_bytes=float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")),
    )
    estimate = Estimate(load, _costs(load, measured=options.measure))
    if options.workers:
        return _size_shared(estimate, options)
    prices = _prices(options)
    use = MonthlyUse.alone(estimate)
    if options.json:
        print(as_json(estimate, use.as_json(prices)))
    else:
        print("\n".join(as_lines(estimate, use.line(prices))))
    return 1 if any(estimate.shortfalls()) else 0


def _size_shared(estimate: "Estimate", options: argparse.Namespace) -> int:
    from plugin.commands.size.monthly_bill import MonthlyUse
    from plugin.commands.size.shared_estimate import SharedEstimate
    from plugin.commands.size.shared_report import as_json, as_lines

    shared = SharedEstimate(estimate, options.workers)
    prices = _prices(options)
    use = MonthlyUse.shared(shared)
    if options.json:
        print(as_json(shared, use.as_json(prices)))
    else:
        print("\n".join(as_lines(shared, use.line(prices))))
    return 1 if any(shared.shortfalls()) else 0


def _prices(options: argparse.Namespace) -> "Prices":
    from plugin.commands.size.monthly_bill import Prices

    names = ("core-hour", "gib-hour", "gib-month")
    return Prices(*(getattr(options, f"price.{name}".replace("-", "_")) for name in names))


def _costs(load: "Load", *, measured: bool) -> "UnitCosts":
    from plugin.commands.size.unit_costs import SHIPPED

    if not measured and load.detector in SHIPPED:
        return SHIPPED[load.detector]
    from detectors.api import DetectorError
    from detectors.registry import detector_named

    try:
        detector_named(load.detector, {})
    except DetectorError as error:
        raise ConfigError(f"--detector: {error}") from error
    if not measured:
        raise ConfigError(
            f"--detector {load.detector}: no figures are shipped for it, only for"
            f" {', '.join(SHIPPED)}; add --measure"
        )
    from detectors.device import limit_threads
    from plugin.commands.size.measurement import measure

    limit_threads(1)  # as a worker of the default settings
    return measure(load, "this machine")
