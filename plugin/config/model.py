"""The settings as frozen, typed values. Defaults live here and nowhere else.

A field is named as its key in the file. The field type in its annotation reads and checks the
spelling of the file; values given in code are typed already. Rules between settings are in
constraints.py and apply to files only.
"""

from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, SecretStr

from plugin.config.field_types import (
    BudgetField,
    ChoiceField,
    DurationField,
    FlagField,
    IntegerField,
    NumberField,
    PersistenceField,
    RangeField,
    TextField,
)
from plugin.config.fit_window import FitWindowField, automatic_window
from plugin.config.locations import (
    ApiUrlField,
    CountryField,
    QueryField,
    TimezoneField,
    UrlField,
    WriteUrlField,
)
from plugin.config.section import Section as Section
from plugin.config.store_settings import StoreSettings as StoreSettings
from plugin.config.text_fields import (
    CALENDAR_PATH,
    DETECTOR,
    FILE,
    HEADER_NAME,
    HEADER_VALUE,
    LABEL_NAME,
    LABEL_VALUE,
    MOMENT,
    NAME,
    REMARK,
    RULE,
    SELECTOR,
    SERIES_LABEL,
    SUBDIVISION,
    TITLE,
    TOKEN,
    UNIT,
)
from plugin.config.web_settings import BasicAuth as BasicAuth
from plugin.config.web_settings import User as User
from plugin.config.web_settings import WebSettings as WebSettings
from plugin.domain.times import DAY, HOUR, MINUTE
from plugin.domain.windows import WindowRequest

SEVERITY = "ticket"  # the default of a watch: an anomaly does not page by default


class Calendar(Section):
    """Whose public holidays the series follow."""

    country: Annotated[str, CountryField()]
    subdivision: Annotated[str, SUBDIVISION] = ""


class Shard(NamedTuple):
    """Of which watch a shard is a part."""

    watch: str  # its name in the file
    earlier: tuple[str, ...]  # the matchers of those before this one in the file
    whole: str  # the query without the matchers of a shard


class Watch(Section):
    """One query; its series are learnt and scored."""

    name: Annotated[str, NAME]
    query: Annotated[str, QueryField()]
    step: Annotated[int, DurationField(1, DAY)] = MINUTE  # seconds
    offset: Annotated[int, DurationField(0, DAY)] = 0  # seconds that samples may arrive late
    # Of history that a fit sees, in seconds; auto = see `fit_seconds`.
    fit_window: Annotated[int | Literal["auto"], FitWindowField()] = "auto"
    fit_every: Annotated[int, DurationField(MINUTE)] = DAY
    # Of history before a new series may alert; at most fit_window; 0 = it may at once.
    learn_for: Annotated[int, DurationField()] = DAY
    score_every: Annotated[int | None, DurationField(1, DAY)] = None  # None = step
    backfill: Annotated[int, DurationField()] = DAY  # scored at most after an outage
    # How far ahead the band is computed; less than a step = not at all.
    forecast: Annotated[int, DurationField()] = 2 * HOUR
    detector: Annotated[str, DETECTOR] = "auto"
    detector_options: dict[Annotated[str, NAME], bool | int | float | str] = {}
    # Queries that help to judge the series; each is one more channel.
    covariates: tuple[Annotated[str, QueryField()], ...] = ()
    # Alarms per series and second; written `1/w`.
    alert_budget: Annotated[float, BudgetField()] = 1 / (7 * DAY)
    unit: Annotated[str, UNIT] = ""  # of the values, as Grafana names it
    labels: dict[Annotated[str, LABEL_NAME], Annotated[str, LABEL_VALUE]] = {}
    max_series: Annotated[int, IntegerField(1, 100_000)] = 1000
    timezone: Annotated[str, TimezoneField()] = "UTC"
    calendar: Calendar | None = None  # None = that of the whole file, or no holidays
    direction: Annotated[
        Literal["both", "above", "below"], ChoiceField(("both", "above", "below"))
    ] = "both"
    min_deviation: Annotated[float, NumberField(0)] = 0.0
    min_relative_deviation: Annotated[float, NumberField(0, 10, share=True)] = 0.0
    # An infinite bound = no bound on that side.
    valid_range: Annotated[tuple[float, float] | None, RangeField()] = None
    missing_data: Annotated[Literal["skip", "alert"], ChoiceField(("skip", "alert"))] = "skip"
    persistence: Annotated[tuple[int, int], PersistenceField()] = (1, 1)  # k of the last n samples
    paused: Annotated[bool, FlagField()] = False  # neither scored nor fitted
    # Series with equal values of these labels share incidents; () = all series do.
    group_by: tuple[Annotated[str, SERIES_LABEL], ...] = ()
    # Watches of one group share incidents; None = this watch alone.
    incident_group: Annotated[str | None, NAME] = None
    # Parts of a large watch, by name, each with its matchers; see shards.py.
    shards: dict[Annotated[str, NAME], Annotated[str, SELECTOR]] = {}

    _shard: Shard | None = None  # where it is one itself; no setting, see shards.py

    @property
    def shard(self) -> Shard | None:
        """None = this watch is whole."""
        return self._shard

    @property
    def fit_seconds(self) -> int:
        """Seconds of history that a fit sees at most; less where there is less."""
        return automatic_window(self.step) if self.fit_window == "auto" else self.fit_window

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
        """The name in its incidents."""
        return self.incident_group or self.name

    @cached_property
    def own_labels(self) -> dict[str, str]:
        """What its alerts carry besides the labels of the series; always a `severity`."""
        return {"severity": SEVERITY, **self.labels}


class Endpoint(Section):
    """A server that we ask over HTTP, and how we authenticate there."""

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
    # Less if a watch is scored more often.
    read_timeout: Annotated[int, DurationField(1, 60 * MINUTE)] = 30
    retries: Annotated[int, IntegerField(0, 10)] = 2


class RemoteWriteSettings(Endpoint):
    """Where scores and bands are sent."""

    url: Annotated[str, WriteUrlField()]
    timeout: Annotated[int, DurationField(1, 5 * MINUTE)] = 10  # of one request
    # Samples that could not be sent for so long are dropped.
    max_age: Annotated[int, DurationField(MINUTE)] = 60 * MINUTE
    batch: Annotated[int, IntegerField(1, 100_000)] = 2000  # samples of one request


class MaintenanceWindow(Section):
    """Planned work, once or by a rule."""

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

    def request(self) -> WindowRequest:
        """What `plugin.domain.windows` makes a window of."""
        return WindowRequest(
            name=self.name,
            match=self.match,
            watch=self.watch,
            start=self.begin,
            end=self.end or "",
            duration=self.duration,
            rule=self.rule,
            timezone=self.timezone,
            before=self.before,
            after=self.after,
            comment=self.comment,
            by=self.by,
            source="config",
        )


class AlertmanagerSettings(Endpoint):
    """An Alertmanager; its silences are maintenance, too."""

    url: Annotated[str, ApiUrlField()]
    timeout: Annotated[int, DurationField(1, MINUTE)] = 5  # of one request


class MaintenanceSettings(Section):
    """Planned work, and where else it is written down."""

    windows: tuple[MaintenanceWindow, ...] = ()
    calendars: tuple[Annotated[str, CALENDAR_PATH], ...] = ()  # .ics files, and folders of them
    alertmanagers: tuple[AlertmanagerSettings, ...] = ()
    # How often calendars and Alertmanagers are read.
    refresh: Annotated[int, DurationField(5, HOUR)] = 30


class WorkerSettings(Section):
    """How fits use the machine."""

    fits: Annotated[int, IntegerField(1, 64)] = 1  # worker processes
    threads: Annotated[int, IntegerField(1, 256)] = 1  # torch threads in each
    stack: Annotated[int, IntegerField(1, 10_000)] = 64  # series that are fitted in one stack
    # For each series; a fit that takes longer is stopped.
    longest_fit: Annotated[int, DurationField(1, 10 * MINUTE)] = 20
    device: Annotated[str, TextField("auto, cpu, cuda or cuda:N", r"auto|cpu|cuda(:\d{1,2})?")] = (
        "auto"
    )


class ExecutorSettings(Section):
    """Where fits run. All but `kind` is of Ray only."""

    kind: Annotated[Literal["local", "ray"], ChoiceField(("local", "ray"))] = "local"
    # Of the cluster.
    address: Annotated[
        str, TextField("auto, HOST:PORT or ray://HOST:PORT", r"auto|(ray://)?[\w.\-\[\]:]+:\d{1,5}")
    ] = "auto"
    fits: Annotated[int, IntegerField(1, 1000)] = 8  # at once
    cpus_per_fit: Annotated[float, NumberField(0.1, 256)] = 1.0
    gpus_per_fit: Annotated[float, NumberField(0, 16)] = 0.0
    retries: Annotated[int, IntegerField(0, 20)] = 3  # of a fit whose node is lost
    # Where fits run while the cluster cannot be reached.
    fallback: Annotated[Literal["local", "none"], ChoiceField(("local", "none"))] = "local"


class Config(Section):
    """The whole file."""

    prometheus: PrometheusSettings
    watches: tuple[Watch, ...] = Field(min_length=1)
    calendar: Calendar | None = None  # of the watches that set none
    remote_write: RemoteWriteSettings | None = None
    maintenance: MaintenanceSettings = MaintenanceSettings()
    store: StoreSettings = StoreSettings()
    web: WebSettings = WebSettings()
    workers: WorkerSettings = WorkerSettings()
    executor: ExecutorSettings = ExecutorSettings()
