"""A service with a week of a small shop in its store: its server is real, and so is all behind it
but the ticks. Its clock stands still until a test moves it."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import numpy as np

from plugin.board import Board
from plugin.config import MaintenanceSettings, Watch, WebSettings
from plugin.config.groups import groups
from plugin.domain.alarms import Alarm
from plugin.domain.changes import Change
from plugin.domain.tolerances import FeedbackSpan, Verdict
from plugin.domain.windows import WindowRequest
from plugin.maintenance import MaintenanceCalendar
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import FloatArray, IntArray, Labels, SeriesRecord, SeriesState, Tick
from plugin.store import FeedbackNote, Store
from plugin.web.application import create_app
from plugin.web.context import WebContext
from plugin.web.preview_orders import PreviewDesk
from plugin.web.server import Server, serve
from tests.snapshots import snapshot

STEP = 60
NOW = 1_795_271_400  # 2026-11-21T14:30:00Z
DAYS = 8
LENGTH = DAYS * 1440
SERVICES = ("checkout", "cart", "search")
WATCHES = MappingProxyType(
    {
        "latency": Watch(
            name="latency",
            query="histogram_quantile(0.9, sum by (le, service, instance) "
            "(rate(request_seconds_bucket[5m])))",
            unit="s",
            labels={"severity": "page"},
            incident_group="shop",
            group_by=("service",),
        ),
        "errors": Watch(
            name="errors",
            query="sum by (service) (rate(errors_total[5m]))",
            unit="reqps",
            incident_group="shop",
            group_by=("service",),
        ),
    }
)


@dataclass(frozen=True)
class Episode:
    """A time in which one series is outside its band."""

    watch: str
    row: int  # of the series in its watch
    start: int  # minutes before NOW, as `end`
    end: int
    factor: float  # the value, in what is usual
    open: bool = False


# checkout, two instances and its errors, is outside now; cart is inside again; search was, two
# days ago.
EPISODES = (
    Episode("latency", 0, 42, 0, 3.0, open=True),
    Episode("latency", 1, 38, 0, 2.2, open=True),
    Episode("errors", 0, 40, 0, 4.0, open=True),
    Episode("latency", 2, 30, 12, 0.3, open=True),
    Episode("latency", 4, 2 * 1440 + 50, 2 * 1440, 2.5),
)
SEARCH = 4  # row of the series that was answered


@dataclass
class Shop:
    """A running service. Use as a context manager."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)  # of `web`
    now: float = NOW
    port: int = 0
    desk: Callable[[Store, Metrics], PreviewDesk] | None = None  # who takes orders of previews
    store: Store = field(init=False)
    context: WebContext = field(init=False)
    _server: Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """On a free port at first, then on its own."""
        self.store = Store.open(self.folder)
        registry = CollectorRegistry()
        metrics = Metrics(registry)
        board = Board()
        for watch in WATCHES.values():
            board.publish(latest(self.store, watch))
        web = WebSettings.model_validate(
            {**self.settings, "listen_address": f"127.0.0.1:{self.port}"}
        )
        self.context = WebContext(
            store=self.store,
            board=board,
            settings=web,
            registry=registry,
            config_text=lambda: "prometheus: {url: http://127.0.0.1:9090}\n",
            reload=lambda: None,
            readiness=lambda: None,
            metrics=metrics,
            watches=lambda: WATCHES,
            heartbeat=lambda: self.now,
            clock=lambda: self.now,
            started=NOW - 86_400,
            maintenance=MaintenanceCalendar(
                MaintenanceSettings(), self.store, metrics, clock=lambda: self.now
            ),
            previews=self.desk(self.store, metrics) if self.desk is not None else None,
        )
        self._server = serve(create_app(self.context), web, metrics, self.folder)
        self.port = self._server.port

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.store.close()
        self._server = None

    def restart(self, **settings: Any) -> None:
        """Comes back on the same port and store; settings: of `web`, in place of earlier ones."""
        self.stop()
        self.settings.update(settings)
        self.start()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def opened(seeded: Path, folder: Path, **settings: Any) -> Shop:
    """A shop over a copy of a folder that `seed` has filled. settings: of `web`."""
    shutil.copytree(seeded, folder)
    return Shop(folder, settings)


def seed(folder: Path) -> None:
    """Fills the store: samples, alarms, incidents, an answer and windows."""
    store = Store.open(folder)
    known = groups(WATCHES.values())
    for name, watch in WATCHES.items():
        labels = list(_labels(name))
        records = store.series.register(name, labels, int(_times()[0]))
        tick = _tick(watch, records)
        changed = [_alarm(episode, tick) for episode in EPISODES if episode.watch == name]
        store.write([tick], watch.query, (int(tick.times[0]), NOW), changed, known[name])
    _answer(store)
    _plan(store)
    store.changes.add(
        Change(
            "c1",
            NOW - 45 * 60,
            "checkout v1.42",
            Labels.of({"service": "checkout"}),
            "https://ci.example.org/42",
            "pipeline",
        )
    )
    store.close()


def _labels(watch: str) -> Iterator[Labels]:
    for service in SERVICES:
        if watch == "errors":
            yield Labels.of({"service": service})
        else:
            for instance in ("a:9100", "b:9100"):
                yield Labels.of({"service": service, "instance": instance})


def _times() -> IntArray:
    return NOW - STEP * np.arange(LENGTH, dtype=np.int64)[::-1]


def _tick(watch: Watch, records: list[SeriesRecord]) -> Tick:
    times = _times()
    usual = np.array([0.2 + 0.05 * row for row in range(len(records))])
    expected = usual[:, np.newaxis] * (1 + 0.3 * np.sin(2 * np.pi * times / 86_400))
    noise = np.random.default_rng(len(records)).standard_normal(expected.shape)
    value = expected * (1 + 0.05 * noise)
    for episode in EPISODES:
        if episode.watch == watch.name:
            minutes = slice(LENGTH - 1 - episode.start, LENGTH - episode.end)
            value[episode.row, minutes] *= episode.factor
    half_width = 0.25 * expected
    return Tick(
        watch=watch.name,
        ids=np.array([record.id for record in records]),
        times=times,
        value=value,
        expected=expected,
        lower=expected - half_width,
        upper=expected + half_width,
        score=np.abs(value - expected) / half_width,
        model_version=np.ones(len(records), np.int64),
    )


def _alarm(episode: Episode, tick: Tick) -> Alarm:
    minutes = slice(LENGTH - 1 - episode.start, LENGTH - episode.end)
    times = tick.times[minutes]
    peak = int(tick.score[episode.row, minutes].argmax())

    def at_peak(column: FloatArray) -> float:
        return float(column[episode.row, minutes][peak])

    return Alarm(
        series_id=int(tick.ids[episode.row]),
        start=int(times[0]),
        end=int(times[-1]),
        open=episode.open,
        samples=len(times),
        peak_time=int(times[peak]),
        peak_score=at_peak(tick.score),
        peak_value=at_peak(tick.value),
        peak_expected=at_peak(tick.expected),
        peak_lower=at_peak(tick.lower),
        peak_upper=at_peak(tick.upper),
        direction=1 if episode.factor > 1 else -1,
    )


def _answer(store: Store) -> None:
    """What was outside two days ago was real."""
    episode = next(episode for episode in EPISODES if episode.row == SEARCH)
    record = store.series.of("latency")[SEARCH]
    part = FeedbackSpan(record.id, NOW - STEP * episode.start, NOW - STEP * episode.end)
    [incident] = (each for each in store.incidents.between(part.start, part.end) if not each.open)
    note = FeedbackNote("anna", NOW - 86_400, "a bad release", incident.id)
    store.feedback.give(Verdict.REAL, [part], note, scored_until={record.id: NOW})


def _plan(store: Store) -> None:
    """A window that is over, one that runs, and one that comes each week."""
    requests: tuple[Mapping[str, Any], ...] = (
        {"id": "move", "start": "2026-11-20T02:00:00Z", "duration": 7200, "name": "database move"},
        {"id": "disk", "start": "2026-11-21T14:00:00Z", "duration": 3600, "name": "new disk"},
        {
            "id": "backup",
            "start": "2026-11-22T03:00:00Z",
            "duration": 1800,
            "name": "backup",
            "rule": "FREQ=WEEKLY",
        },
    )
    calendar = MaintenanceCalendar(
        MaintenanceSettings(), store, Metrics(CollectorRegistry()), clock=lambda: NOW - 3 * 86_400
    )
    for request in requests:
        window = WindowRequest(**{"match": '{service="search"}', "by": "anna", **request})
        calendar.add(window.window())


def latest(store: Store, watch: Watch) -> Any:
    """The snapshot that the last tick has left."""
    records = store.series.of(watch.name)
    samples = [store.samples.of(record.id, NOW, NOW) for record in records]
    columns = {
        name: np.array([getattr(each, name)[-1] for each in samples])
        for name in ("value", "expected", "lower", "upper", "score")
    }
    in_alarm = {alarm.series_id: alarm.peak_score for alarm in store.alarms.open(watch.name)}
    return snapshot(
        watch,
        [replace(record, state=SeriesState.OK) for record in records],
        NOW,
        alert_score=np.array([in_alarm.get(record.id, 0.0) for record in records]),
        **columns,
    )
