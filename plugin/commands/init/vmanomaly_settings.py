"""What a setting of vmanomaly means for a watch, and why some mean nothing. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from plugin.config import format_duration, parse_duration
from plugin.config.problems import display_text

# Setting of a query -> that of the reader which holds where the query says nothing.
READER_DEFAULTS = {"step": "sampling_period", "data_range": "data_range", "tz": "tz"}
# They stand at a query, or in old files at a model. The direction is first: others depend on it.
MODEL_POLICIES = ("detection_direction", "min_dev_from_expected", "min_rel_dev_from_expected")
DIRECTIONS = {"both": "both", "above_expected": "above", "below_expected": "below"}
SIDES = {"below": 0, "above": 1}  # places in a pair of deviations

_CREDENTIALS = "credentials and certificates go into `prometheus` of the file"
_MODEL = "the detector is chosen and fitted for each series; `detector` of the watch sets another"
_SCHEDULE = "a watch is scored every `step` and fitted daily on up to five weeks;" + (
    " `score_every`, `fit_every` and `fit_window` set it"
)
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "schedulers": _SCHEDULE,
        "scheduler": _SCHEDULE,
        "writer": "`remote_write` of the file sends scores and bands",
        "monitoring": "the service serves /metrics itself",
        "settings": "`workers` and `store` of the file hold what is similar",
        "server": "`web` of the file holds what is similar",
        "preset": "`bandwatch init --preset node` proposes watches for the node exporter",
        "datasource_url": "the server is that of --prometheus.url",
        "tenant_id": "set the header of your server under `prometheus.headers`",
        "extra_filters": "write the matchers into the queries",
        "offset": "`offset` of the watch says how late samples may arrive",
        "latency_offset": "`offset` of the watch says how late samples may arrive",
        "max_points_per_query": "long ranges are halved where the server refuses them",
        "timeout": "`prometheus.read_timeout` of the file sets it",
        "query_from_last_seen_timestamp": "what an outage has left out is scored, `backfill` of it",
        "groupby": "`group_by` of the watch says which series share incidents",
        "clip_predictions": "the band ends at `valid_range` anyway",
        "anomaly_score_outside_data_range": "a value beyond `valid_range` is outside its band",
        "scale": "`alert_budget` of the watch sets how wide bands are",
        "provide_series": "score, expected value and band are always there",
        **dict.fromkeys(
            (
                *("user", "password", "bearer_token", "bearer_token_file", "verify_tls"),
                *("tls_cert_file", "tls_key_file", "headers"),
            ),
            _CREDENTIALS,
        ),
    }
)


@dataclass(frozen=True)
class CarriedSetting:
    """Settings of a watch, and how they differ from what the file meant."""

    settings: Mapping[str, Any]
    difference: str = ""  # "" = not at all


def reason_against(path: tuple[str, ...]) -> str:
    """Why the setting at a path of the file is not carried."""
    if path[-1] in REASONS:
        return REASONS[path[-1]]
    return _MODEL if path[0] in ("models", "model") else "no setting of a watch is like it"


def watch_setting(key: str, value: Any, direction: str) -> CarriedSetting:
    """What a setting means for a watch that alerts in this direction.

    Raises ValueError with the reason where it means nothing.
    """
    if key in ("step", "sampling_period"):
        return CarriedSetting({"step": format_duration(parse_duration(str(value)))})
    if key == "data_range":
        return CarriedSetting(_valid_range(value))
    if key == "tz":
        return CarriedSetting({} if value == "UTC" else {"timezone": value})
    if key == "detection_direction":
        if value not in DIRECTIONS:
            raise ValueError(f"found {display_text(value)}; valid is {', '.join(DIRECTIONS)}")
        return CarriedSetting({} if value == "both" else {"direction": DIRECTIONS[value]})
    if key == "min_dev_from_expected":
        return _deviation("min_deviation", value, direction, scale=1.0)
    return _deviation("min_relative_deviation", value, direction, scale=0.01)


def _valid_range(value: Any) -> dict[str, list[float | None]]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"found {display_text(value)}; valid is a pair such as [0, inf]")
    bounds = [_number(bound) for bound in value]
    if all(math.isinf(bound) for bound in bounds):
        return {}
    return {"valid_range": [None if math.isinf(bound) else bound for bound in bounds]}


def _deviation(name: str, value: Any, direction: str, scale: float) -> CarriedSetting:
    """value: one deviation for both sides, or a pair of that below and that above."""
    sides = [_number(side) for side in value] if isinstance(value, list) else [_number(value)] * 2
    if len(sides) != 2 or not all(0 <= side < math.inf for side in sides):
        raise ValueError(f"found {display_text(value)}; valid is a number, or a pair of them")
    deviation = sides[SIDES[direction]] if direction in SIDES else min(sides)
    settings = {name: round(deviation * scale, 12)} if deviation else {}
    if direction in SIDES or sides[0] == sides[1]:
        return CarriedSetting(settings)
    return CarriedSetting(settings, f"`{name}` holds for both sides: the smaller one is taken")


def _number(value: Any) -> float:
    """Raises ValueError for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"found {display_text(value)}; valid is a number")
    return float(value)
