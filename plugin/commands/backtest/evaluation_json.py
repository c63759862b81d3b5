"""An evaluation as one JSON object. A figure that is not known is null."""

import json
import math
from dataclasses import asdict
from typing import Any

from detectors.accuracy import ForecastError, ForecastErrors
from detectors.evaluate import Events, count
from detectors.pages import Pages
from detectors.pointwise import Points, points, precision_recall
from detectors.quality import BudgetCalibration, Quality
from plugin.commands.backtest.evaluation import (
    ChosenThreshold,
    EvaluatedSeries,
    EvaluationReport,
    SeriesGroup,
    ThresholdChoice,
    choose_threshold,
    samples,
)


def as_json(report: EvaluationReport) -> str:
    """The groups of the report, and each series by itself."""
    return json.dumps(
        _json_value(
            {
                "alert_budget_per_day": report.alert_budget * 86_400,
                "groups": [_group(group) for group in report.groups],
                "series": [
                    _series(evaluated, report.choose) for evaluated in report.groups[0].series
                ],
                "without_scores": list(report.without_scores),
                "without_data": list(report.without_data),
            }
        ),
        indent=2,
        allow_nan=False,
    )


def _json_value(value: Any) -> Any:
    """The value with null for NaN and the infinities, which JSON lacks."""
    if isinstance(value, dict):
        return {name: _json_value(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_json_value(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _group(group: SeriesGroup) -> dict[str, Any]:
    quality = group.quality
    return {
        "name": group.name,
        "series": quality.series,
        "days": quality.days,
        "unscored": quality.unscored,
        "recall_at": {f"{rate:g}": recall for rate, recall in quality.recall_at.items()},
        "threshold_at": {
            f"{rate:g}": threshold for rate, threshold in quality.threshold_at.items()
        },
        "own": _own(quality),
        "by_kind": {name: asdict(kind) for name, kind in quality.by_kind.items()},
        "long_coverage": quality.long_coverage,
        "calibration": _calibration(quality.calibration),
        "points": _points(group.points, group.area),
        "forecast": _fields(group.forecast),
        "chosen": _fields(group.chosen),
        # Two names of one number since an incident of one series ends with its alarm.
        "pages": dict.fromkeys(("by_alarm", "by_incident"), _pages(group.pages)),
    }


def _fields(part: ForecastError | ForecastErrors | ChosenThreshold | None) -> dict[str, Any] | None:
    return None if part is None else asdict(part)


def _own(quality: Quality) -> dict[str, Any]:
    return {
        **_events(quality.own.events),
        "false_alarms_per_day": quality.own.false_per_day,
        "median_delay_samples": quality.own.median_delay,
    }


def _events(events: Events) -> dict[str, Any]:
    return {
        **asdict(events),
        "recall": events.recall,
        "precision": events.precision,
        "f1": events.f1,
    }


def _calibration(calibration: BudgetCalibration) -> dict[str, Any]:
    return {
        **asdict(calibration),
        "ratio": calibration.ratio,
        "share_above": calibration.share_above,
    }


def _points(counts: Points, area: float) -> dict[str, Any]:
    return {"precision": counts.precision, "recall": counts.recall, "f1": counts.f1, "pr_auc": area}


def _pages(counts: Pages) -> dict[str, Any]:
    return {**asdict(counts), "per_incident": counts.per_incident}


def _series(evaluated: EvaluatedSeries, choose: ThresholdChoice | None) -> dict[str, Any]:
    judged = evaluated.judged
    score, incident = samples([judged])
    threshold = choose_threshold([judged], choose) if choose and not judged.quiet else None
    return {
        "name": judged.name,
        "days": judged.days,
        "step": judged.step,
        "unjudged_rows": evaluated.unjudged,
        **_events(count(judged.marks)),
        "points": _points(points(score, incident), precision_recall(score, incident).area),
        "forecast": _fields(evaluated.forecast),
        "chosen": _fields(threshold),
    }
