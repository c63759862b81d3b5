"""An estimate as lines for people, or as JSON."""

import json
from collections.abc import Iterator, Mapping

from plugin.commands.check.quantities import rounded_duration
from plugin.commands.size.estimate import Estimate

HEADING_CHARACTERS = 12
BILL = "a month"


def as_lines(estimate: Estimate, bill: str | None = None) -> Iterator[str]:
    """bill: what it costs a month, where that is known."""
    load = estimate.load
    step = rounded_duration(load.step)
    every = rounded_duration(estimate.watch.fit_every)
    days = rounded_duration(load.retention)
    yield (
        f"{load.series:,} series every {step}, kept for {days}, detector {load.detector};"
        f" measured on {estimate.costs.machine}"
    )
    rows = _rows(estimate, step, every, days)
    if bill is not None:
        rows[BILL] = bill
    shortfalls = list(estimate.shortfalls())
    for heading, text in rows.items():
        yield f"  {heading:<{HEADING_CHARACTERS}}{text}"
    for text in shortfalls or ["keeps up"]:
        yield f"  {'warning' if shortfalls else '':<{HEADING_CHARACTERS}}{text}"


def _rows(estimate: Estimate, step: str, every: str, days: str) -> dict[str, str]:
    """By heading. step, every: of refits, days: of retention, all in words."""
    load = estimate.load
    workers = estimate.workers.fits
    return {
        "processor": (
            f"{estimate.busy_cores:.2f} cores: a tick takes {time_text(estimate.tick_seconds)}"
            f" every {step}, refits {time_text(estimate.refit_seconds)} every {every}"
        ),
        "memory": (
            f"service {size_text(estimate.service_bytes)}, {workers} worker"
            f"{'' if workers == 1 else 's'} {size_text(estimate.worker_bytes)} while models are"
            " fitted"
        ),
        "disk": (
            f"{size_text(estimate.disk_bytes)} after {days}: {size_text(estimate.models_bytes)} of"
            f" models, {size_text(estimate.head_bytes)} of the newest samples,"
            f" {size_text(estimate.bytes_per_day)} a day"
        ),
        "Prometheus": (
            f"one query for {load.series:,} samples every {step}; once, for the history,"
            f" {estimate.history_requests:,} requests for {estimate.history_samples:,} samples"
        ),
        "first fits": (
            f"{time_text(estimate.history_seconds)} to read the history, besides the time that"
            f" Prometheus takes; then {time_text(estimate.first_fit_seconds)} until the last series"
            " has its model"
        ),
    }


def as_json(estimate: Estimate, bill: Mapping[str, float] | None = None) -> str:
    """One object; seconds are those of a core, bytes are bytes. bill: what it costs a month."""
    load = estimate.load
    return json.dumps(
        {
            "series": load.series,
            "step_seconds": load.step,
            "retention_seconds": load.retention,
            "detector": load.detector,
            "measured_on": estimate.costs.machine,
            "cores": round(estimate.busy_cores, 4),
            "tick_seconds": round(estimate.tick_seconds, 4),
            "refit_seconds": round(estimate.refit_seconds, 1),
            "service_bytes": round(estimate.service_bytes),
            "worker_bytes": round(estimate.worker_bytes),
            "disk_bytes": round(estimate.disk_bytes),
            "disk_bytes_per_day": round(estimate.bytes_per_day),
            "history_samples": estimate.history_samples,
            "history_requests": estimate.history_requests,
            "history_seconds": round(estimate.history_seconds, 1),
            "first_fit_seconds": round(estimate.first_fit_seconds, 1),
            **({"cost_per_month": bill} if bill else {}),
            "shortfalls": list(estimate.shortfalls()),
        },
        indent=2,
    )


def time_text(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else rounded_duration(seconds)


def size_text(number: float) -> str:
    unit, size = next(
        ((unit, size) for unit, size in (("TB", 1e12), ("GB", 1e9)) if number >= size), ("MB", 1e6)
    )
    return f"{number / size:.3g} {unit}"
