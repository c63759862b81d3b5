"""The settings as frozen, typed values. Defaults live here and nowhere else.

A kind in an annotation reads and checks the file's spelling; values given in code are typed
already. Rules between settings are in check.py and hold for files.
"""

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from plugin.config.field_types import (
    BudgetField,
    ChoiceField,
    DurationField,
    FlagField,
    IntegerField,
    NumberField,
    PersistenceField,
    RangeField,
    SecretField,
    TextField,
)
from plugin.config.locations import (
    AddressField,
    ApiUrlField,
    ExternalUrlField,
    QueryField,
    TimezoneField,
    UrlField,
    WriteUrlField,
)

MINUTE = 60
HOUR = 3_600
DAY = 86_400
SEVERITY = "ticket"  # of a watch that does not say: an anomaly wakes nobody by default

# Columns of the answers and what Grafana keeps for itself: a label of the same name would be lost
# there.
RESERVED_LABELS = (
    "watch",
    "series",
    "alertname",
    "grafana_folder",
    "time",
    "value",
    "expected",
    "lower",
    "upper",
    "score",
)

NAME = TextField(
    "a name of letters, digits, _ and -, not beginning with a digit or -",
    r"[a-zA-Z_][a-zA-Z0-9_-]*",
)
DETECTOR = TextField("the name of a detector such as lstm", NAME.pattern)
LABEL_NAME = TextField(
    f"a Prometheus label name other than __… and {', '.join(RESERVED_LABELS)}",
    rf"(?!__|(?:{'|'.join(RESERVED_LABELS)})$)[a-zA-Z_][a-zA-Z0-9_]*",
)
SERIES_LABEL = TextField("the name of a label of the series", r"[^\s\"{}=,]+")
LABEL_VALUE = TextField("text that is not empty")
HEADER_NAME = TextField("the name of an HTTP header", r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
HEADER_VALUE = SecretField("text in one line, in quotes", r"[^\r\n]+")
TOKEN = SecretField("a token: text without spaces or line breaks, in quotes", r"[!-~]+")
PASSWORD = SecretField("a password: text that is not empty, in quotes", r"(?s).+")
USERNAME = TextField("a user name without :", r"[^:\r\n]+")
UNIT = TextField("a unit of Grafana such as reqps, s, bytes or percentunit", r"[^\r\n]*")
FILE = TextField("the path of a file")
PLACE = TextField("the path of an .ics file, or of a folder of them")
SELECTOR = TextField('a Prometheus selector in quotes such as {job="api"}', r"(?s).*")
MOMENT = TextField("a time such as 2026-11-21T02:00")
RULE = TextField("a rule of iCalendar such as FREQ=WEEKLY;BYDAY=SA", r"(?s).*")
TITLE = TextField("text that is not empty, without control characters", r"[^\x00-\x1f\x7f-\x9f]+")
REMARK = TextField("text without control characters", r"[^\x00-\x08\x0b-\x1f\x7f-\x9f]*")


class Section(BaseModel):
    """A block of the file: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Watch(Section):
    """One query whose series are learnt and scored."""

    name: Annotated[str, NAME]
    query: Annotated[str, QueryField()]
    step: Annotated[int, DurationField(1, DAY)] = MINUTE  # seconds
    offset: Annotated[int, DurationField(0, DAY)] = 0  # seconds that samples may arrive late
    fit_window: Annotated[int, DurationField(MINUTE)] = 14 * DAY
    fit_every: Annotated[int, DurationField(MINUTE)] = DAY
    score_every: Annotated[int | None, DurationField(1, DAY)] = None  # None = step
    backfill: Annotated[int, DurationField()] = (
        DAY  # how far back a catch-up scores after an outage
    )
    forecast: Annotated[int, DurationField()] = (
        2 * HOUR
    )  # how far ahead the band is made; less than a step = not at all
    detector: Annotated[str, DETECTOR] = "auto"
    detector_options: dict[Annotated[str, NAME], bool | int | float | str] = {}
    covariates: tuple[
        Annotated[str, QueryField()], ...
    ] = ()  # queries that help to judge the series, each with a channel
    alert_budget: Annotated[float, BudgetField()] = 1 / (
        7 * DAY
    )  # alarms per series and second; written `1/w`
    unit: Annotated[str, UNIT] = ""  # of the values, as Grafana names it
    labels: dict[Annotated[str, LABEL_NAME], Annotated[str, LABEL_VALUE]] = {}
    max_series: Annotated[int, IntegerField(1, 100_000)] = 1000
    timezone: Annotated[str, TimezoneField()] = "UTC"
    direction: Annotated[
        Literal["both", "above", "below"], ChoiceField(("both", "above", "below"))
    ] = "both"
    min_deviation: Annotated[float, NumberField(0)] = 0.0
    min_relative_deviation: Annotated[float, NumberField(0, 10, share=True)] = 0.0
    valid_range: Annotated[tuple[float, float] | None, RangeField()] = (
        None  # an infinite side is open
    )
    missing_data: Annotated[Literal["skip", "alert"], ChoiceField(("skip", "alert"))] = "skip"
    persistence: Annotated[tuple[int, int], PersistenceField()] = (1, 1)  # k of the last n samples
    paused: Annotated[bool, FlagField()] = False  # neither scored nor fitted
    group_by: tuple[
        Annotated[str, SERIES_LABEL], ...
    ] = ()  # series with equal values share incidents; () = all do
    incident_group: Annotated[str | None, NAME] = (
        None  # watches of one name share incidents; None = this one alone
    )

    @property
    def score_interval(self) -> int:
        """Seconds between two runs of the score job."""
        return self.score_every or self.step

    @property
    def steps_ahead(self) -> int:
        """Steps of a forecast; 0 = none is made."""
        return self.forecast // self.step

    @property
    def group(self) -> str:
        """The name under which its incidents are known."""
        return self.incident_group or self.name

    @cached_property
    def own_labels(self) -> dict[str, str]:
        """What its alerts carry beside the labels of the series: `severity` in any case."""
        return {"severity": SEVERITY, **self.labels}


class BasicAuth(Section):
    """A name and its password, inline or in a file."""

    username: Annotated[str, USERNAME]
    password: Annotated[SecretStr | None, PASSWORD] = None
    password_file: Annotated[str | None, FILE] = None


class User(BasicAuth):
    """Someone who may read, and perhaps change."""

    may_write: Annotated[bool, FlagField()] = False


class Endpoint(Section):
    """A server that we ask over HTTP, and who we are to it."""

    url: str
    headers: dict[Annotated[str, HEADER_NAME], Annotated[SecretStr, HEADER_VALUE]] = {}
    bearer_token: Annotated[SecretStr | None, TOKEN] = None
    bearer_token_file: Annotated[str | None, FILE] = None
    basic_auth: BasicAuth | None = None
    ca_file: Annotated[str | None, FILE] = None
    cert_file: Annotated[str | None, FILE] = None
    key_file: Annotated[str | None, FILE] = None


class PrometheusSettings(Endpoint):
    """Where the samples come from."""

    url: Annotated[str, UrlField()]
    connect_timeout: Annotated[int, DurationField(1, 5 * MINUTE)] = 5
    read_timeout: Annotated[int, DurationField(1, 60 * MINUTE)] = (
        30  # less where scores come more often
    )
    retries: Annotated[int, IntegerField(0, 10)] = 2


class RemoteWriteSettings(Endpoint):
    """Where scores and bands are sent."""

    url: Annotated[str, WriteUrlField()]
    timeout: Annotated[int, DurationField(1, 5 * MINUTE)] = 10  # of one request
    max_age: Annotated[int, DurationField(MINUTE)] = (
        60 * MINUTE
    )  # what could not be sent for so long is given up
    batch: Annotated[int, IntegerField(1, 100_000)] = 2000  # samples of one request


class MaintenanceWindow(Section):
    """Planned work, once or by a rule; `plugin.domain.windows.window` says what goes together."""

    name: Annotated[str, TITLE]
    match: Annotated[str, SELECTOR] = ""
    watch: tuple[Annotated[str, NAME], ...] = ()  # none = all that match
    begin: Annotated[str, MOMENT]
    end: Annotated[str | None, MOMENT] = None
    duration: Annotated[int | None, DurationField(1)] = None
    rule: Annotated[str, RULE] = ""
    timezone: Annotated[str, TimezoneField()] = "UTC"
    before: Annotated[int, DurationField()] = 0
    after: Annotated[int, DurationField()] = 0
    comment: Annotated[str, REMARK] = ""
    by: Annotated[str, REMARK] = ""


class AlertmanagerSettings(Endpoint):
    """Whose silences are maintenance, too."""

    url: Annotated[str, ApiUrlField()]
    timeout: Annotated[int, DurationField(1, MINUTE)] = 5  # of one request


class MaintenanceSettings(Section):
    """What is planned, and where else it is kept."""

    windows: tuple[MaintenanceWindow, ...] = ()
    calendars: tuple[Annotated[str, PLACE], ...] = ()  # .ics files, and folders of them
    alertmanagers: tuple[AlertmanagerSettings, ...] = ()
    refresh: Annotated[int, DurationField(5, HOUR)] = (
        30  # how often calendars and Alertmanagers are looked at
    )


class StoreSettings(Section):
    """Where samples, bands, scores and models are kept."""

    path: Annotated[str, TextField("the path of a folder")] = (
        "data"  # holds bandwatch.db and weights/
    )
    retention: Annotated[int, DurationField(60 * MINUTE)] = 90 * DAY
    versions: Annotated[int, IntegerField(1, 100)] = 3  # models kept per series
    gone_after: Annotated[int, DurationField(MINUTE)] = (
        7 * DAY
    )  # a series missing for so long ages out


class WebSettings(Section):
    """What answers Grafana."""

    listen_address: Annotated[str, AddressField()] = "127.0.0.1:8642"
    read_token: Annotated[SecretStr | None, TOKEN] = None
    write_token: Annotated[SecretStr | None, TOKEN] = None  # may read, too
    basic_auth: tuple[User, ...] = ()
    allow_unauthenticated: Annotated[bool, FlagField()] = False
    threads: Annotated[int, IntegerField(1, 128)] = 8
    max_points: Annotated[int, IntegerField(10, 1_000_000)] = 11_000
    max_range: Annotated[int, DurationField(60 * MINUTE)] = 92 * DAY
    external_url: Annotated[str | None, ExternalUrlField()] = (
        None  # where people reach us; None = no links are made
    )
    link_expiry: Annotated[int, DurationField(60 * MINUTE)] = (
        7 * DAY
    )  # of a link to answer an alarm

    @property
    def authenticated(self) -> bool:
        """Whether any credential is set: then every route but `/-/healthy` needs one."""
        return bool(self.read_token or self.write_token or self.basic_auth)


class WorkerSettings(Section):
    """How fits use the machine."""

    fits: Annotated[int, IntegerField(1, 64)] = 1  # worker processes
    threads: Annotated[int, IntegerField(1, 256)] = 1  # torch threads in each
    stack: Annotated[int, IntegerField(1, 10_000)] = 64  # series that are fitted in one stack
    longest_fit: Annotated[int, DurationField(1, 10 * MINUTE)] = (
        20  # per series; a fit that takes longer is given up
    )
    device: Annotated[str, TextField("auto, cpu, cuda or cuda:N", r"auto|cpu|cuda(:\d{1,2})?")] = (
        "auto"
    )


class Config(Section):
    """The whole file."""

    prometheus: PrometheusSettings
    watches: tuple[Watch, ...] = Field(min_length=1)
    remote_write: RemoteWriteSettings | None = None
    maintenance: MaintenanceSettings = MaintenanceSettings()
    store: StoreSettings = StoreSettings()
    web: WebSettings = WebSettings()
    workers: WorkerSettings = WorkerSettings()
