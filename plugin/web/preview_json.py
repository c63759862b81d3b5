"""A preview as JSON values. Times are milliseconds since 1970."""

import math
from typing import Any

from plugin.domain.preview import Preview, PreviewAlarm, PreviewIncident

Json = dict[str, Any]


def preview_json(preview: Preview) -> Json:
    """All that a preview tells, without its bands."""
    pages = preview.pages()
    return {
        "time": preview.start * 1000,
        "timeEnd": preview.end * 1000,
        "pages_per_week": {"total": pages.total, "night": pages.night, "day": pages.day},
        "promised": preview.promised,
        "watches": [
            {
                "watch": line.watch,
                "series": line.series,
                "alarms": line.alarms,
                "promised": line.promised,
                "seconds_scored": line.seconds_scored,
                "suggestions": [
                    {"series": series, "setting": suggestion.setting, "text": str(suggestion)}
                    for series, suggestion in line.suggestions
                ],
            }
            for line in preview.watches
        ],
        "incidents": [_incident(incident) for incident in preview.incidents],
        "alarms": [_alarm(alarm) for alarm in preview.alarms],
    }


def _alarm(line: PreviewAlarm) -> Json:
    alarm = line.alarm
    return {
        "time": alarm.start * 1000,
        "timeEnd": alarm.end * 1000,
        "duration_seconds": line.seconds,
        "watch": line.watch,
        "series": line.series,
        "incident": line.incident,
        "score": alarm.peak_score,
        "value": alarm.peak_value,
        "expected": alarm.peak_expected,
        "lower": alarm.peak_lower,
        "upper": alarm.peak_upper,
        "direction": alarm.direction,
        "ended_by": alarm.ended_by,
        "text": line.words,
    }


def _incident(line: PreviewIncident) -> Json:
    incident = line.incident
    return {
        "time": incident.start * 1000,
        "timeEnd": incident.end * 1000,
        "duration_seconds": line.seconds,
        "incident": incident.id,
        "group": incident.group,
        "size": incident.size,
        "first": line.first,
        "worst": line.worst,
        "score": incident.peak_score,
        "night": line.by_night,
        "title": line.title,
        "text": line.words,
    }


def finite_json(value: Any) -> Any:
    """The value with null for NaN and the infinities, which JSON lacks."""
    if isinstance(value, dict):
        return {name: finite_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [finite_json(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
