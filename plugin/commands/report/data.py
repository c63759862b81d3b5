"""The report for programs: one JSON object, or a row for each watch. Times are unix milliseconds,
as in the API; a number that is not finite is null."""

import dataclasses
import json

from plugin.commands import listing
from plugin.domain.report import (
    AbsentSeries,
    NoisySeries,
    Report,
    WatchLine,
    summary,
    unscored_notes,
)
from plugin.web.preview_json import Json, finite_json


def show(report: Report, form: str) -> None:
    """Prints it as `json`, or its watches as `csv`."""
    if form == "json":
        print(json.dumps(report_json(report), ensure_ascii=False, indent=2, allow_nan=False))
    else:
        listing.show_data(watch_rows(report), form)


def report_json(report: Report) -> Json:
    """All that a report tells, without the samples that its page draws."""
    return dict(
        finite_json(
            {
                "url": report.url,
                "days": report.days,
                "time": report.start,
                "timeEnd": report.end,
                "summary": summary(report),
                "alarms": report.alarms,
                "promised": report.promised,
                "watches": [
                    _values(line) | {"alarms_per_day": list(line.per_day)}
                    for line in report.watches
                ],
                "noisy": [_values(series) for series in report.noisy],
                "absent": [_values(series) for series in report.absent],
                "notes": unscored_notes(report),
            }
        )
    )


def watch_rows(report: Report) -> list[Json]:
    """What each watch made of its budget."""
    return [dict(finite_json(_values(line))) for line in report.watches]


def _values(line: WatchLine | NoisySeries | AbsentSeries) -> Json:
    """The fields that are single values."""
    return {
        name: value
        for name, value in dataclasses.asdict(line).items()
        if not isinstance(value, tuple)
    }
