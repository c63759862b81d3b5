"""Stores that earlier versions have written: this one opens, serves, goes on, refits and folds
them."""

import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from plugin import components, config
from plugin.cli import main
from plugin.commands.demo.loopback_server import HttpServer
from plugin.components import Components
from plugin.errors import StoreError
from plugin.store import Store
from tests.e2e import world
from tests.upgrades import fleet
from tests.upgrades.record import DAY, DETECTOR, QUERIES, STORES

ARCHIVES = sorted(STORES.glob("*.tar.gz"))
SAMPLE = ("value", "expected", "lower", "upper", "score")
WATCHES = ("latency", "requests")
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def source() -> Iterator[HttpServer]:
    server = fleet.source().serve()
    yield server
    server.close()


class Upgraded:
    """The parts of this version over the store of an earlier one, at the time of its recording."""

    def __init__(self, parts: Components, clock: world.Clock, answers: dict[str, Any]) -> None:
        self.parts = parts
        self.clock = clock
        self.answers = answers  # of the version that wrote the store
        self.client: FlaskClient = world.client(parts, clock)

    def get(self, route: str, **query: object) -> Rows:
        reply = self.client.get(f"/api/v1/{route}", query_string=query)
        assert reply.status_code == 200, reply.text
        return list(reply.get_json())

    def bands(self, watch: str) -> Rows:
        return self.get("bands", watch=watch, max_points=1000, **DAY)

    def go_on(self, steps: int) -> None:
        for _ in range(steps):
            self.clock.now += fleet.STEP
            for jobs in self.parts.watches.values():
                assert jobs.score.run()

    def refit(self) -> int:
        return sum(jobs.fit.run(everyone=True) for jobs in self.parts.watches.values())

    def count(self, statement: str) -> int:
        with closing(sqlite3.connect(self.parts.store.folder / "bandwatch.db")) as database:
            return int(database.execute(statement).fetchone()[0])


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name.removesuffix(".tar.gz"))
def upgraded(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    source: HttpServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Upgraded]:
    monkeypatch.setattr(components, "WorkerPool", world.Threads)
    answers = extract(request.param, tmp_path)
    clock = world.Clock(fleet.END)
    with world.process(config.load(written_config(tmp_path, source.url)), clock) as parts:
        yield Upgraded(parts, clock, answers)


def extract(archive: Path, folder: Path) -> dict[str, Any]:
    """Unpacks a store into `folder`/data and returns the answers beside it."""
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return dict(json.loads((folder / "answers.json").read_text()))


def written_config(folder: Path, url: str) -> Path:
    path = folder / "bandwatch.yml"
    path.write_text(fleet.CONFIG.format(url=url, detector=DETECTOR, folder=folder / "data"))
    return path


def samples(rows: Rows) -> dict[tuple[int, str], tuple[float, ...]]:
    """The numbers of each row, by time and series."""
    return {
        (row["time"], row["series"]): tuple(row[name] for name in SAMPLE)
        for row in rows
        if row["value"] is not None
    }


def values_of(rows: Rows, *names: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row[name] for name in names) for row in rows)


def test_there_is_a_store_of_each_schema() -> None:
    schemas = {path.name.split("-")[0] for path in ARCHIVES}
    assert {"0001", "0003", "0009", "0010", "0011", "0012"} <= schemas
    assert all(path.stat().st_size < 300_000 for path in ARCHIVES)
    assert sum(path.stat().st_size for path in ARCHIVES) < 2_000_000


def test_rows_are_as_the_old_version_answered(upgraded: Upgraded) -> None:
    for watch in WATCHES:
        old = samples(upgraded.answers["bands"][watch])
        assert len(old) > 500
        assert samples(upgraded.bands(watch)) == old
    assert samples(upgraded.get("scores")) == samples(upgraded.answers["scores"])


def test_alerts_go_on(upgraded: Upgraded) -> None:
    """An alert that fires does so over the restart; how high an alarm is, follows the new rule."""

    def firing(rows: Rows) -> list[tuple[Any, ...]]:
        return values_of([row for row in rows if row["score"] > 1], "watch", "service")

    old = upgraded.answers["alert"]
    if upgraded.answers["incidents"] is None:
        upgraded.go_on(1)
        upgraded.refit()
        upgraded.go_on(1)  # that version stored no alarms: the first sample with a band opens them
    new = upgraded.get("alert")
    assert values_of(new, "watch", "service") == values_of(old, "watch", "service")
    assert firing(new) == firing(old) == [("latency", "cart")]


def test_what_people_and_incidents_left_is_there(upgraded: Upgraded) -> None:
    names = {
        "incidents": ("time", "score", "value", "size", "worst", "state"),
        "maintenance": ("time", "timeEnd", "id", "match"),
        "models": ("watch", "series", "version", "pinned", "detector", "fitted_at"),
    }
    for route, columns in names.items():
        old = upgraded.answers[route]
        if old is not None:
            assert old
            known = [name for name in columns if name in old[0]]
            rows = upgraded.get(route, **QUERIES[route])
            assert values_of(rows, *known) == values_of(old, *known)


def test_it_goes_on_refits_and_folds(upgraded: Upgraded) -> None:
    old = {watch: samples(upgraded.answers["bands"][watch]) for watch in WATCHES}
    upgraded.go_on(2)
    assert upgraded.refit() == 6
    upgraded.go_on(2)
    newest = upgraded.get("scores")
    assert {row["time"] for row in newest} == {(fleet.END + 4 * fleet.STEP) * 1000}
    assert all(row["score"] is not None for row in newest)
    upgraded.parts.store.fold(fleet.END + 2 * fleet.DAY)
    assert upgraded.count("SELECT count(*) FROM samples") <= 6 * 64
    for watch in WATCHES:
        assert samples(upgraded.bands(watch)) == old[watch]


def test_models_that_are_laid_aside_are_told(
    upgraded: Upgraded, caplog: pytest.LogCaptureFixture
) -> None:
    upgraded.go_on(1)
    retired = [row for row in upgraded.get("decisions") if row["what"] == "deposed"]
    counter = upgraded.parts.metrics.fit_failures
    unreadable = sum(counter.labels(watch, "unreadable")._value.get() for watch in WATCHES)
    assert len(retired) == unreadable
    if retired:
        assert all("not by this version: fitted anew" in row["why"] for row in retired)
        assert "models cannot be used" in caplog.text
        for jobs in upgraded.parts.watches.values():
            jobs.fit.run()
        upgraded.go_on(1)
    assert all(row["score"] is not None for row in upgraded.get("scores"))


def test_a_store_of_a_newer_version_is_refused(
    tmp_path: Path, source: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    extract(ARCHIVES[-1], tmp_path)
    database = tmp_path / "data" / "bandwatch.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        before = list(connection.iterdump())
    file = str(written_config(tmp_path, source.url))
    address = "127.0.0.1:0"  # the usual one may be taken
    assert main(["run", "--config.file", file, "--web.listen-address", address]) == 1
    said = capsys.readouterr().err
    assert "schema 9999 was written by a newer version" in said
    assert "upgrade bandwatch, or name another folder as `store.path`" in said
    assert "Traceback" not in said
    with closing(sqlite3.connect(database)) as connection:
        assert list(connection.iterdump()) == before


def test_a_block_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    extract(ARCHIVES[-1], tmp_path)
    with closing(sqlite3.connect(tmp_path / "data" / "bandwatch.db")) as connection:
        connection.execute("UPDATE blocks SET data = CAST(x'63' || substr(data, 2) AS BLOB)")
        connection.commit()
    store = Store.open(tmp_path / "data")
    [series] = store.series.of("requests")[:1]
    with pytest.raises(StoreError, match="cannot be read: .*version 99"):
        store.samples.of(series.id, 0, fleet.END)
    store.close()
