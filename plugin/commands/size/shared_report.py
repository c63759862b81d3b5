"""An estimate for several workers as lines for people, or as JSON."""

import json
from collections.abc import Iterator, Mapping

from plugin.commands.check.quantities import rounded_duration
from plugin.commands.size.shared_estimate import SharedEstimate
from plugin.commands.size.size_report import BILL, HEADING_CHARACTERS, size_text, time_text


def as_lines(shared: SharedEstimate, bill: str | None = None) -> Iterator[str]:
    """bill: what it costs a month, where that is known."""
    alone = shared.alone
    load = alone.load
    step = rounded_duration(load.step)
    days = rounded_duration(load.retention)
    yield (
        f"{load.series:,} series every {step}, kept for {days}, detector {load.detector}, on"
        f" {shared.workers} workers; measured on {alone.costs.machine}"
    )
    rows = _rows(shared, step, days)
    if bill is not None:
        rows[BILL] = bill
    for heading, text in rows.items():
        yield f"  {heading:<{HEADING_CHARACTERS}}  {text}"
    shortfalls = list(shared.shortfalls())
    for text in shortfalls or ["keeps up"]:
        yield f"  {'warning' if shortfalls else '':<{HEADING_CHARACTERS}}  {text}"


def _rows(shared: SharedEstimate, step: str, days: str) -> dict[str, str]:
    """By heading. step, days: of retention, both in words."""
    alone, worker = shared.alone, shared.worker
    load = alone.load
    first = shared.limits[0]
    return {
        "workers": (
            f"each {worker.load.series:,} series, {size_text(worker.service_bytes)}, a tick takes"
            f" {time_text(worker.tick_seconds)} every {step}; {shared.watches} watches or more"
        ),
        "database": (
            f"{shared.rows_per_second:,.0f} rows a second, {size_text(shared.log_bytes_per_second)}"
            f" a second of its log, {shared.write_share:.0%} of the time somebody writes;"
            f" {size_text(alone.disk_bytes - alone.models_bytes)} after {days}"
        ),
        "weights": (
            f"{size_text(alone.models_bytes)} in an object store; {shared.stacks_per_day:,.0f}"
            " objects are written a day, and as many are removed"
        ),
        "fits": (
            f"{shared.fit_hours_per_day:,.0f} hours of a core a day;"
            f" once {shared.first_fit_hours:,.0f} hours for the first models"
        ),
        "Prometheus": (
            f"{load.series:,} samples every {step}; once, for the history,"
            f" {alone.history_requests:,} requests for {alone.history_samples:,} samples"
        ),
        "breaks first": (
            f"{first.name}, at {load.series / first.used:,.0f} series: then {first.remedy}"
        ),
    }


def as_json(shared: SharedEstimate, bill: Mapping[str, float] | None = None) -> str:
    """One object; seconds and hours are those of a core, bytes are bytes. bill: what it costs a
    month."""
    alone, worker = shared.alone, shared.worker
    return json.dumps(
        {
            "series": alone.load.series,
            "step_seconds": alone.load.step,
            "retention_seconds": alone.load.retention,
            "detector": alone.load.detector,
            "measured_on": alone.costs.machine,
            "workers": shared.workers,
            "watches": shared.watches,
            "worker_series": worker.load.series,
            "worker_tick_seconds": round(worker.tick_seconds, 4),
            "worker_bytes": round(worker.service_bytes),
            "database_rows_per_second": round(shared.rows_per_second, 1),
            "database_log_bytes_per_second": round(shared.log_bytes_per_second),
            "database_write_share": round(shared.write_share, 4),
            "database_bytes": round(alone.disk_bytes - alone.models_bytes),
            "weights_bytes": round(alone.models_bytes),
            "objects_written_per_day": round(shared.stacks_per_day),
            "fit_hours_per_day": round(shared.fit_hours_per_day, 1),
            "first_fit_hours": round(shared.first_fit_hours, 1),
            "breaks_first": shared.limits[0].name,
            "breaks_at_series": round(alone.load.series / shared.limits[0].used),
            **({"cost_per_month": bill} if bill else {}),
            "shortfalls": list(shared.shortfalls()),
        },
        indent=2,
    )
