"""An evaluation on the screen: plain tables, a row per group of series."""

import math
from collections.abc import Callable, Mapping, Sequence

from detectors.evaluate import Events
from detectors.quality import ALARM_RATES, KindQuality
from plugin.commands.backtest.evaluation import (
    EvaluationReport,
    SeriesGroup,
    ThresholdChoice,
    choose_threshold,
)
from plugin.commands.terminal import table
from plugin.config import format_budget


def show(report: EvaluationReport) -> None:
    """Prints what was judged and what was not, then one table per measure."""
    whole = report.groups[0]
    _totals(report)
    labelled = whole.quality.own.events.incidents > 0
    if labelled:
        _on_call(report.groups)
    _own(report.groups)
    if labelled:
        _pages(report.groups)
    if whole.quality.by_kind:
        _kinds(whole.quality.by_kind, whole.quality.long_coverage)
    _calibration(report.groups, report.alert_budget)
    if labelled:
        _points(report.groups)
    if whole.forecast:
        _forecast(report.groups, report.alert_budget)
    if labelled and report.choose:
        _chosen(report, report.choose)


def _totals(report: EvaluationReport) -> None:
    quality = report.groups[0].quality
    print(
        f"{quality.series} series, {quality.days:.1f} series-days, {quality.own.events.incidents}"
        f" incidents; {quality.unscored} samples without a score"
    )
    missing_rows = sum(evaluated.unjudged for evaluated in report.groups[0].series)
    if missing_rows:
        print(
            f"not judged: {missing_rows} rows of DATA that SCORES lacks, though it has earlier and"
            " later ones"
        )
    if report.without_scores:
        print(
            f"not judged: no scores for {len(report.without_scores)} of DATA:"
            f" {', '.join(report.without_scores)}"
        )
    if report.without_data:
        print(
            f"not judged: no data for {len(report.without_data)} of SCORES:"
            f" {', '.join(report.without_data)}"
        )


def _on_call(groups: Sequence[SeriesGroup]) -> None:
    table(
        "on call: recall at so many false alarms per series-day, by one threshold for the whole"
        " group",
        [
            "group",
            "series",
            "days",
            "incidents",
            *(f"{rate:g}/day" for rate in ALARM_RATES),
            *(f"threshold {rate:g}/day" for rate in ALARM_RATES),
        ],
        [
            [
                group.name,
                str(group.quality.series),
                f"{group.quality.days:.0f}",
                str(group.quality.own.events.incidents),
                *(_share(group.quality.recall_at[rate]) for rate in ALARM_RATES),
                *(_number(group.quality.threshold_at[rate]) for rate in ALARM_RATES),
            ]
            for group in groups
        ],
        note="an incident must be seen within 16 samples; an injected one within half its length",
    )


def _own(groups: Sequence[SeriesGroup]) -> None:
    table(
        "by event, at their own threshold 1",
        [
            "group",
            "incidents",
            "caught",
            "recall",
            "alarms",
            "false",
            "precision",
            "F1",
            "false per day",
            "delay",
        ],
        [
            [
                group.name,
                *_events(group.quality.own.events),
                _number(group.quality.own.false_per_day),
                _number(group.quality.own.median_delay),
            ]
            for group in groups
        ],
        note=(
            "precision: share of the alarms that belong to an incident; delay: median samples until"
            " one is seen"
        ),
    )


def _pages(groups: Sequence[SeriesGroup]) -> None:
    table(
        "pages, at their own threshold 1: one for each alarm",
        [
            "group",
            "pages",
            "incidents paged",
            "pages per incident",
            "false pages",
            "caught",
            "caught with a page of its own",
        ],
        [
            [
                group.name,
                str(group.pages.pages),
                str(group.pages.paged),
                _share(group.pages.per_incident),
                str(group.pages.false),
                str(group.pages.caught),
                str(group.pages.own),
            ]
            for group in groups
        ],
        note="a page that goes on from one incident into the next is the first's",
    )


def _events(events: Events) -> list[str]:
    return [
        str(events.incidents),
        str(events.caught),
        _share(events.recall),
        str(events.alarms),
        str(events.false_alarms),
        _share(events.precision),
        _share(events.f1),
    ]


def _kinds(kinds: Mapping[str, KindQuality], long_coverage: float) -> None:
    table(
        "by kind of injected incident, at their own threshold 1 and at 0.1 false alarms per"
        " series-day",
        ["kind", "incidents", "recall", "coverage", "recall 0.1/day", "coverage 0.1/day"],
        [
            [
                name,
                str(kind.incidents),
                *map(
                    _share, (kind.recall, kind.coverage, kind.on_call_recall, kind.on_call_coverage)
                ),
            ]
            for name, kind in kinds.items()
        ],
        note=(
            "coverage: share of the incident that is flagged; mean of shift, ramp, peakless and"
            f" phase at 0.1/day: {_share(long_coverage)}"
        ),
    )


def _calibration(groups: Sequence[SeriesGroup], alert_budget: float) -> None:
    table(
        "calibration: false alarms of series without an incident, promised"
        f" {format_budget(alert_budget)}",
        [
            "group",
            "quiet series",
            "days",
            "false alarms",
            "promised",
            "realised/promised",
            "series above",
        ],
        [
            [
                group.name,
                str(calibration.series),
                f"{calibration.days:.0f}",
                str(calibration.false_alarms),
                _number(calibration.promised),
                _share(calibration.ratio),
                str(calibration.above),
            ]
            for group in groups
            for calibration in [group.quality.calibration]
        ],
        note="above: more than a series that keeps its budget raises once in 20 times (Poisson)",
    )


def _points(groups: Sequence[SeriesGroup]) -> None:
    table(
        "by point, at their own threshold 1",
        ["group", "precision", "recall", "F1", "PR-AUC"],
        [
            [
                group.name,
                *map(
                    _share,
                    (group.points.precision, group.points.recall, group.points.f1, group.area),
                ),
            ]
            for group in groups
        ],
        note="PR-AUC: average precision over all thresholds",
    )


def _forecast(groups: Sequence[SeriesGroup], alert_budget: float) -> None:
    table(
        "the band as a forecast, outside incidents",
        ["group", "series", "MASE", "MASE below 1", "pinball", "inside the band"],
        [
            [
                group.name,
                str(forecast.series),
                _share(forecast.mase),
                _share(forecast.nearer),
                _number(forecast.pinball),
                _text(forecast.coverage, "{:.5f}".format),
            ]
            for group in groups
            for forecast in [group.forecast]
            if forecast
        ],
        note=(
            "medians over series, in errors of the value a day before; the band means to leave out "
            f"{format_budget(alert_budget)} samples"
        ),
    )


def _chosen(report: EvaluationReport, choose: ThresholdChoice) -> None:
    rows = [
        [group.name, _number(group.chosen.threshold), _share(group.chosen.f1)]
        for group in report.groups
        if group.chosen
    ]
    for evaluated in report.groups[0].series:
        if not evaluated.judged.quiet:
            threshold = choose_threshold([evaluated.judged], choose)
            rows.append([evaluated.judged.name, _number(threshold.threshold), _share(threshold.f1)])
    table(
        f"threshold with the best {choose} on these labels",
        ["group or series", "threshold", choose],
        rows,
        note=(
            "flag score > threshold; it was chosen and judged on the same labels, so expect less of"
            " it on new data"
        ),
    )


def _share(share: float) -> str:
    return _text(share, "{:.2f}".format)


def _number(number: float) -> str:
    return _text(number, "{:.3g}".format)


def _text(number: float, form: Callable[[float], str]) -> str:
    return "-" if math.isnan(number) else form(number)
