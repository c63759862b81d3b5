"""The rows of answers: one Struct for each kind, from which OpenAPI describes the answer.

Rows whose columns are fixed are built as these Structs. Rows with label columns, which differ from
answer to answer, derive from LabelledRow: they are built as dicts or as columns, and the tests
compare them with their Struct. Times are milliseconds since 1970. A field that is UNSET is left out
of the row.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from plugin.domain.deviation import DeviationKind
from plugin.domain.model_decisions import DecisionKind
from plugin.domain.tolerances import Verdict
from plugin.series import SeriesState

Time = Annotated[int, Meta(description="milliseconds since 1970")]
Count = Annotated[int, Meta(ge=0)]
# As Literal in the description; the values come from functions that return plain int and str.
Direction = Annotated[int, Meta(extra_json_schema={"enum": [-1, 0, 1]})]
KindText = Annotated[str, Meta(extra_json_schema={"enum": ["", *DeviationKind]})]
WindowState = Annotated[str, Meta(extra_json_schema={"enum": ["active", "pending", "ended"]})]
Text = str | UnsetType
Number = float | UnsetType


class LabelledRow(Struct):
    """A row that may have more columns: one for each label."""


class BandNumbers(LabelledRow, gc=False):
    """A row of /bands with `labels=none`: faster to build and to encode than a dict."""

    time: Time
    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    score: float | None
    anomaly: float | None  # the value where it is outside its band: for a panel that marks it
    provisional: float | None  # what is expected while the series is learning: the same


class BandRow(BandNumbers):
    series: Text = UNSET
    watch: Text = UNSET


class ForecastRow(LabelledRow):
    time: Time
    expected: float | None
    lower: float | None
    upper: float | None
    series: Text = UNSET
    watch: Text = UNSET


class ScoreRow(LabelledRow):
    time: Time | None
    series: str
    watch: str
    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    score: float | None
    age_seconds: float | None
    state: SeriesState
    learning_until: Time | None
    missing: Literal[0, 1]
    direction: Direction
    detector: str
    model_version: int
    model_age_seconds: float | None
    step: int
    unit: str
    explanation: str
    feedback_url: Text = UNSET


class WatchRow(LabelledRow):
    time: Time | None
    watch: str
    severity: str
    state: Literal["ok", "starting", "failing", "late", "paused"]
    reason: str
    series: Count
    ok: Count
    warming_up: Count
    learning: Count
    missing: Count
    stale: Count
    maintenance: Count
    anomalous: Count
    worst_score: float | None
    lag_seconds: float
    oldest_model_seconds: float | None
    stale_models: Count
    alarms_7d: Count
    budget_7d: float
    budget_spent: float
    step: int
    fit_window: int
    unit: str


class AlertRow(LabelledRow):
    """Exactly one of the numbers is set."""

    watch: Text = UNSET
    series: Text = UNSET
    incident: Text = UNSET
    severity: Text = UNSET
    unit: Text = UNSET
    score: Number = UNSET
    value: Number = UNSET
    expected: Number = UNSET
    lower: Number = UNSET
    upper: Number = UNSET
    time: Number = UNSET
    age_seconds: Number = UNSET
    missing: Number = UNSET
    unhealthy: Number = UNSET
    lag_seconds: Number = UNSET
    stale_models: Number = UNSET
    anomalous: Number = UNSET
    budget_spent: Number = UNSET
    size: Number = UNSET
    heartbeat_age_seconds: Number = UNSET
    reload_refused: Number = UNSET


class IncidentRow(LabelledRow, kw_only=True, rename={"time_end": "timeEnd"}):
    """An incident, or with `members=true` one alarm of it."""

    time: Time
    time_end: Time | None
    incident: str
    watch: str
    state: Literal["open", "closed"]
    duration_seconds: int
    score: float | None
    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    direction: Literal[-1, 1]
    # of an incident
    size: Count | UnsetType = UNSET
    coverage: Number = UNSET
    first: Text = UNSET
    worst: Text = UNSET
    worst_watch: Text = UNSET
    changes: Text = UNSET
    short_title: Text = UNSET
    short_text: Text = UNSET
    alarm_state: Text = UNSET
    # of an alarm
    series: Text = UNSET
    rank: Count | UnsetType = UNSET
    title: str
    text: str
    feedback_url: Text = UNSET


class BudgetRow(LabelledRow):
    watch: str
    alarms: Count
    minutes_outside: float
    worst_score: float | None
    # of a series or a watch
    promised: Number = UNSET
    spent: Number = UNSET
    days_scored: Number = UNSET
    last: Time | None | UnsetType = UNSET
    series: Text = UNSET
    suggestion: Text = UNSET
    # of a day
    time: Time | UnsetType = UNSET


class ExplanationRow(Struct):
    time: Time
    series: str
    watch: str
    value: float | None
    expected: float | None
    lower: float | None
    upper: float | None
    score: float | None
    direction: Direction
    kind: KindText
    since: Time | None
    unusual: str
    related: str
    changes: str
    text: str
    learning_until: Time | None


class RegimeRow(Struct, rename={"time_end": "timeEnd"}):
    time: Time
    time_end: Time
    series: str
    watch: str
    before: float | None
    after: float | None
    by: str
    reason: str
    text: str


class AnnotationRow(Struct, rename={"time_end": "timeEnd"}):
    time: Time
    time_end: Time
    title: str
    text: str
    tags: Annotated[str, Meta(description="separated by commas")]


class ModelRow(Struct):
    watch: str
    series: str
    version: Count
    champion: bool
    pinned: bool
    detector: str
    fitted_at: Time
    age_seconds: float
    since: Time | None
    checked_at: Time | None
    loss: float | None
    window_start: Time
    window_end: Time


class DecisionRow(Struct):
    time: Time
    watch: str
    series: str
    version: Count
    what: DecisionKind
    why: str
    by: str


class OrderRow(Struct):
    """What came of an order for one series."""

    watch: str
    series: str
    done: bool
    version: Count
    why: str


class FeedbackRow(Struct, rename={"time_end": "timeEnd"}):
    """What feedback says about one series."""

    id: int
    time: Time
    time_end: Time
    watch: str
    series: str
    incident: str
    verdict: Verdict
    state: Literal["in_force", "withdrawn", "replaced"]
    comment: str
    by: str
    at: Time
    ended_at: Time | None
    ended_by: str
    tolerance_below: float
    tolerance_above: float


class WindowRow(Struct, rename={"time_end": "timeEnd", "start": "begin"}):
    """A maintenance window; `time` and `timeEnd` are those of its nearest occurrence."""

    time: Time | None
    time_end: Time | None
    id: str
    name: str
    state: WindowState
    size: Count
    match: str
    watch: str
    start: str
    duration_seconds: Count
    rule: str
    timezone: str
    before_seconds: Count
    after_seconds: Count
    comment: str
    by: str
    created: Time | None
    source: str
    ended: Time | None
    ended_by: str
