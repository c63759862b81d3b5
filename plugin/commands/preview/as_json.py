"""Previews as one JSON object. A number that is not finite is null; times are unix milliseconds, as
in the API."""

import json
from collections.abc import Sequence

from plugin.commands.preview.sides import PreviewSide
from plugin.domain.preview import differences, unexplained
from plugin.web.preview_json import Json, finite_json, preview_json


def as_json(sides: Sequence[PreviewSide]) -> str:
    """One preview; of two, both, and the ids of the incidents that only one of them has."""
    if len(sides) == 1:
        return _text(side_json(sides[0]))
    only_first, only_second = differences(sides[0].preview, sides[1].preview)
    return _text(
        {
            "previews": [side_json(side) for side in sides],
            "only": [
                [incident.incident.id for incident in incidents]
                for incidents in (only_first, only_second)
            ],
        }
    )


def side_json(side: PreviewSide) -> Json:
    preview = side.preview
    result: Json = {"name": side.name, **preview_json(preview)}
    if side.outages:
        result["outages"] = [
            {
                "time": check.outage.start * 1000,
                "timeEnd": check.outage.end * 1000,
                "title": check.outage.title,
                "incident": check.incident and check.incident.incident.id,
                "delay_seconds": check.delay if check.incident else None,
            }
            for check in side.checks
        ]
        result["incidents_in_no_outage"] = unexplained(preview, side.outages)
    return result


def _text(value: Json) -> str:
    return json.dumps(finite_json(value), indent=2, allow_nan=False)
