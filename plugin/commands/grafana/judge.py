"""Judges what came back for one query by what its panel, rule or variable needs. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from plugin.commands.grafana.alert_judges import judge_alert
from plugin.commands.grafana.answer_needs import AnswerNeeds, Purpose
from plugin.commands.grafana.findings import Finding, counted, failure, ok, warning
from plugin.commands.grafana.frames import AnswerFrame, QueryResponse
from plugin.commands.grafana.panel_judges import (
    judge_annotations,
    judge_band,
    judge_series,
    judge_states,
    judge_table,
    judge_variable,
)
from plugin.commands.grafana.remedies import WAIT, remedy_for

MAX_NAMES = 8  # of fields, in a summary
JUDGES: Mapping[Purpose, Callable[[Sequence[AnswerFrame], AnswerNeeds], Iterator[Finding]]] = {
    Purpose.BAND: judge_band,
    Purpose.SERIES: judge_series,
    Purpose.STATES: judge_states,
    Purpose.TABLE: judge_table,
    Purpose.ALERT: judge_alert,
    Purpose.ANNOTATIONS: judge_annotations,
    Purpose.VARIABLE: judge_variable,
}


def judge(answer: QueryResponse, needs: AnswerNeeds) -> list[Finding]:
    """What is wrong with an answer; one `ok` that summarises it where nothing is."""
    if answer.error:
        return [failure(f"Grafana says: {answer.error}", remedy_for(answer.error))]
    if answer.rows == 0:
        return [_empty(needs)]
    findings = [
        *JUDGES[needs.purpose](answer.frames, needs),
        *(
            warning(f"notice: {text}", remedy_for(text))
            for frame in answer.frames
            for text in frame.notices
        ),
    ]
    return findings or [ok(_summary(answer))]


def _empty(needs: AnswerNeeds) -> Finding:
    if needs.purpose is Purpose.VARIABLE:
        return warning("offers no value", WAIT)
    if needs.purpose in (Purpose.BAND, Purpose.SERIES) and needs.columns is not None:
        return warning("no rows in this range", WAIT)
    return ok(
        "no rows, which a rule takes as NoData" if needs.purpose is Purpose.ALERT else "no rows now"
    )


def _summary(answer: QueryResponse) -> str:
    names = list(dict.fromkeys(field.name for frame in answer.frames for field in frame.fields))
    rest = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    frames = f"{counted(len(answer.frames), 'frame')}, " if len(answer.frames) > 1 else ""
    return f"{frames}{counted(answer.rows, 'row')}: {', '.join(names[:MAX_NAMES])}{rest}"
