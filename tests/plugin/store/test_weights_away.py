"""A service whose weights are in an object store that goes away and comes back, loses an object,
and keeps no more versions than it should."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from plugin.components import Components, WatchJobs
from plugin.config import Config, PrometheusSettings, StoreSettings, Watch, WorkerSettings
from plugin.domain.times import DAY
from plugin.errors import WeightsUnavailable
from plugin.jobs import housekeeping
from plugin.jobs.fit_job import RETRY_SECONDS
from plugin.preview.fit_workers import InlineWorkers
from plugin.preview.past_service import PresetClock
from plugin.store import object_weights
from tests.computed_source import ComputedSeries, ComputedSource, daily
from tests.object_store import S3Server

STEP = 600
START = 1_795_219_200  # 2026-11-21T00:00:00Z
SERIES = tuple(
    ComputedSeries({"n": str(number)}, lambda times, number=number: daily(number, times))
    for number in range(2)
)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    for library in ("s3fs", "moto"):
        pytest.importorskip(library, reason="pip install bandwatch[s3] 'moto[server]'")
    with S3Server() as server:
        server.make_bucket("models")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(object_weights, "RETRY_SECONDS", 0.01)
        monkeypatch.setattr(object_weights, "ABANDONED_AFTER_SECONDS", -5)
        yield server


class Service:
    """The jobs of one watch, at a time that is set; it can start anew."""

    def __init__(self, folder: Path, url: str) -> None:
        self.clock = PresetClock(START)
        self.prefix = f"models/{folder.parent.name}"
        self._config = Config(
            prometheus=PrometheusSettings(url=url),
            watches=(
                Watch(
                    name="w",
                    query="load",
                    detector="baseline",
                    step=STEP,
                    fit_window=2 * DAY,
                    backfill=3600,
                ),
            ),
            store=StoreSettings(path=str(folder), weights=f"s3://{self.prefix}", versions=1),
            workers=WorkerSettings(longest_fit=600),
        )
        self.start()

    def start(self) -> None:
        workers = InlineWorkers(self._config.workers)
        self.parts = Components(self._config, clock=self.clock, workers=workers)

    @property
    def jobs(self) -> WatchJobs:
        return self.parts.watches["w"]

    def tick(self) -> bool:
        self.clock.now += STEP
        return self.jobs.score.run()

    def refit(self) -> int:
        return self.jobs.fit.run(everyone=True)

    def keep_house(self) -> None:
        housekeeping.run(self.parts.store, self._config.store, self.clock)

    def failures(self, reason: str) -> float:
        return float(self.parts.metrics.fit_failures.labels("w", reason)._value.get())

    def versions(self) -> set[int]:
        champions = self.parts.store.models.champions("w")
        return {champion.version for champion in champions}

    def scores(self) -> int:
        """How many samples have one, since the start."""
        store = self.parts.store
        return sum(
            int(
                np.isfinite(store.samples.of(record.id, START + 1, int(self.clock.now)).score).sum()
            )
            for record in store.series.of("w")
        )


@pytest.fixture
def service(s3: S3Server, tmp_path: Path) -> Iterator[Service]:
    source = ComputedSource({"load": SERIES}).serve()
    made = Service(tmp_path / "data", source.url)
    assert made.tick()
    yield made
    made.parts.close()
    source.close()


def unavailable(operation: Callable[[], object]) -> None:
    with pytest.raises(WeightsUnavailable, match="try again later"):
        operation()


def test_scores_go_on_and_fits_wait_while_it_is_away(service: Service, s3: S3Server) -> None:
    before = service.versions()
    assert service.parts.store.weights.count() == 1
    s3.stop()
    assert service.tick()
    assert service.refit() == 0 and service.failures("store") == 1
    assert not service.jobs.fit.is_due, "it waits for a while"
    unavailable(service.keep_house)
    service.parts.close()
    service.start()
    assert service.tick(), "by the copies on disk"
    assert service.versions() == before
    s3.start()
    assert service.refit() == 2 and service.versions() != before
    service.clock.now += RETRY_SECONDS - STEP
    assert service.tick()
    assert service.scores() == 2 * 4, "no sample is without a score"
    assert service.parts.store.weights.count() == 2


def test_old_versions_are_removed_from_it(service: Service) -> None:
    for _ in range(3):
        assert service.tick() and service.refit() == 2
    weights = service.parts.store.weights
    assert weights.count() == 4
    service.keep_house()
    (version,) = service.versions()
    assert weights.count() == 1
    copies = list((service.parts.store.folder / "weights").glob("*.safetensors"))
    assert [path.name for path in copies] == [f"{version}.safetensors"]


def test_series_whose_object_is_lost_are_fitted_anew(service: Service, s3: S3Server) -> None:
    """Also where it is damaged: its checksum is wrong."""
    import s3fs

    bucket = s3fs.S3FileSystem(endpoint_url=s3.url, use_listings_cache=False)
    for number, lose in enumerate((bucket.rm_file, lambda path: bucket.pipe_file(path, b"{}"))):
        (version,) = service.versions()
        (copy,) = (service.parts.store.folder / "weights").glob(f"{version}.safetensors")
        copy.unlink()
        lose(f"{service.prefix}/{version}.safetensors")
        service.parts.close()
        service.start()
        assert service.tick(), number
        assert service.failures("unreadable") == 2
        assert service.refit() == 2 and service.tick()
        assert service.versions() == {max(service.versions())} != {version}
