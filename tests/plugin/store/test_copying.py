"""A store that is copied to another database is the same there, and goes on; a copy that was cut
off is finished; nothing is overwritten."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, update

from plugin.domain.alarms import Alarm
from plugin.domain.times import DAY, HOUR
from plugin.errors import StoreError
from plugin.series import Labels
from plugin.store import ModelRecord, Store, copying
from plugin.store.copying import CopyReport, copy_store
from plugin.store.database import Database
from plugin.store.database_choice import database_at
from plugin.store.schema import metadata, samples, series
from plugin.store.server import DatabaseServer
from tests.plugin.store.build import POSTGRESQL_ONLY, tick
from tests.postgres import PostgresServer

NAMES = ("Ärger", "a", "B", "_", "é", "~")  # each language has another order for these


class Cut(Exception):
    """The process was killed."""


@pytest.fixture
def source(store: Store) -> Database:
    """The database of a store with something in most tables."""
    labels = [Labels.of({"instance": name}) for name in NAMES]
    ids = np.array([record.id for record in store.series.register("cpu", labels, 0)])
    for name in NAMES:
        store.series.register(name, labels[:1], 0)
        store.models.new_version(name)
    store.write(
        [tick(ids, np.arange(600, DAY, 600), trace=np.ones((len(ids), 2)))],
        "q",
        (600, DAY),
        [Alarm(int(ids[0]), 600, 1200, True, 1, 600, 2.0, 3.0, 1.0, -np.inf, np.inf, 1)],
    )
    store.fold(DAY, keep=HOUR)
    version = store.models.new_version("cpu")
    path = store.weights.write(version, {"weight": np.ones((len(ids), 3), np.float32)})
    records = [
        ModelRecord(int(id), version, row, "ewma", "{}", path, 0.0, DAY, 0, DAY)
        for row, id in enumerate(ids)
    ]
    store.save_models("cpu", records)
    return store._database


@pytest.fixture(params=["sqlite", "postgresql"])
def target(
    request: pytest.FixtureRequest, tmp_path: Path, postgres: PostgresServer
) -> Iterator[Database]:
    """An empty database."""
    with ExitStack() as stack:
        server = None
        if request.param == "postgresql":
            server = postgres.new_database()
            stack.callback(postgres.drop, server)
        (tmp_path / "copy").mkdir()
        database = database_at(tmp_path / "copy", server)
        stack.callback(database.close)
        yield database


def contents(database: Database) -> dict[str, list[object]]:
    with database.reading() as connection:
        return {
            table.name: sorted(map(tuple, connection.execute(select(table))), key=repr)
            for table in metadata.sorted_tables
        }


def copied(source: Database, target: Database) -> CopyReport:
    shares: list[float] = []
    report = copy_store(source, target, shares.append)
    assert shares == sorted(shares) and shares[-1] <= 1
    return report


def test_a_copy_is_the_same_and_goes_on(source: Database, target: Database, store: Store) -> None:
    given_out = store.models.new_version("cpu")
    with store._database.writing() as connection:
        connection.exec_driver_sql(f"DELETE FROM fits WHERE version = {given_out}")
    wanted = contents(source)
    report = copied(source, target)
    assert contents(target) == wanted
    assert report == CopyReport(sum(map(len, wanted.values())), 0)
    again = Store(store.folder, target)
    champion = again.models.champions("cpu")[0]
    assert again.weights.read(champion.path, [0])["weight"].tolist() == [[1, 1, 1]]
    assert again.models.new_version("cpu") > given_out  # a version is never given twice
    [new] = again.series.register("cpu", [Labels.of({"instance": "new"})], 0)
    assert new.id == 2 * len(NAMES) + 1


def test_a_copy_that_was_cut_off_goes_on_where_it_was(
    source: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH_ROWS", 4)
    monkeypatch.setattr(copying, "BATCH_BLOCKS", 4)
    for cut_after in (2, 5, 9):
        calls = itertools.count()

        def stop(share: float, calls: "itertools.count[int]" = calls, cut: int = cut_after) -> None:
            if next(calls) == cut + 31:  # one call for each table says what was there
                raise Cut

        with pytest.raises(Cut):
            copy_store(source, target, stop)
        with pytest.raises(StoreError, match="a copy into it is not complete: run `bandwatch sto"):
            copying.migrate(target)
    report = copied(source, target)
    assert 0 < report.found < report.rows
    assert contents(target) == contents(source)


def test_nothing_is_overwritten(source: Database, target: Database) -> None:
    copied(source, target)
    with pytest.raises(StoreError, match="it is not empty, and a copy overwrites nothing"):
        copied(source, target)
    with pytest.raises(StoreError, match="it is not empty"):
        copied(target, source)


def test_an_empty_store_is_as_good_as_no_table(source: Database, target: Database) -> None:
    copying.migrate(target)
    assert copied(source, target).found == 0


def test_foreign_tables_are_left_alone(source: Database, target: Database) -> None:
    with target.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (a INTEGER)")
    with pytest.raises(StoreError, match="it is not empty"):
        copied(source, target)


def test_a_copy_of_another_store_is_not_finished_by_this_one(
    source: Database, target: Database, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="there is no database to copy"):
        copied(database_at(tmp_path, None), target)
    other = Store.open(tmp_path / "other")
    copying._claim(target, other._database)
    other.close()
    with pytest.raises(StoreError, match="it holds an unfinished copy of another store"):
        copied(source, target)


@pytest.mark.parametrize("table", [samples, series])
def test_a_row_that_differs_is_found(
    source: Database, target: Database, monkeypatch: pytest.MonkeyPatch, table: object
) -> None:
    """As if something had written the source, or the copy, between copying and comparing."""
    copy = copying._copy
    column = samples.c.value if table is samples else series.c.labels

    def spoilt(*arguments: object) -> int:
        result = copy(*arguments)  # type: ignore[arg-type]
        if arguments[3] is table:
            with target.writing() as connection:
                first = connection.execute(select(column).limit(1)).scalar_one()
                changed = first + 1 if table is samples else f"{first} "
                statement = update(table).where(column == first)  # type: ignore[arg-type]
                connection.execute(statement.values({column.name: changed}))
        return result

    monkeypatch.setattr(copying, "_copy", spoilt)
    name = table.name  # type: ignore[attr-defined]
    with pytest.raises(StoreError, match=rf"row \d+ of table {name} is not that of"):
        copied(source, target)


@POSTGRESQL_ONLY
def test_the_command_line(
    tmp_path: Path,
    server: DatabaseServer,
    postgres: PostgresServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """From the folder to the server, and back."""
    from plugin.cli import main

    store = Store.open(tmp_path / "data")
    store.series.register("cpu", [Labels.of({"instance": name}) for name in NAMES], 0)
    wanted = contents(store._database)
    store.close()
    secret = tmp_path / "password"
    secret.write_text(postgres.password)
    file = tmp_path / "bandwatch.yml"
    rest = "prometheus: {url: http://127.0.0.1:1}\nwatches: [{name: up, query: up}]\n"
    file.write_text(f"{rest}store: {{path: {tmp_path / 'data'}}}\n")
    to = ["--to", server.url.replace("+psycopg", ""), "--password-file", str(secret)]
    assert main(["store", "copy", str(file), *to]) == 0
    assert capsys.readouterr().out == f"{2 * len(NAMES)} rows copied and compared one by one\n"
    assert main(["store", "copy", str(file), *to]) == 1
    assert "it is not empty, and a copy overwrites nothing" in capsys.readouterr().err
    file.write_text(
        f"{rest}store: {{path: {tmp_path / 'data'}, url: '{server.url}',"
        f" password_file: {secret}}}\n"
    )
    assert main(["store", "copy", str(file), "--to", str(tmp_path / "back")]) == 0
    back = Store.open(tmp_path / "back")
    assert contents(back._database) == wanted
    back.close()
