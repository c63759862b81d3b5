"""What goes wrong with a real PostgreSQL: each error in words with its remedy, and the store goes
on by itself once the server does."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import numpy as np
import pytest

from plugin.errors import StoreError
from plugin.metrics import CollectorRegistry, Metrics
from plugin.series import IntArray
from plugin.store import Store, postgresql_connections
from plugin.store.server import DatabaseServer
from tests.plugin.store.build import POSTGRESQL_ONLY, SQLITE_ONLY, tick
from tests.postgres import PostgresServer
from tests.servers import free_port

ROLE = "guest"  # may sign in, and is no superuser
FULL_DISK = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON samples EXECUTE FUNCTION refuse()
"""


@pytest.fixture
def guest(postgres: PostgresServer, server: DatabaseServer) -> Iterator[DatabaseServer]:
    """The database of the test, for a user without rights in it."""
    postgres.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{postgres.password}'")
    yield replace(server, url=server.url.replace("postgres@", f"{ROLE}@"))
    postgres.drop(server)
    postgres.execute(f"DROP ROLE {ROLE}")


def database_of(server: DatabaseServer) -> str:
    return server.url.rsplit("/", 1)[1]


def refusal(folder: Path, server: DatabaseServer) -> str:
    with pytest.raises(StoreError) as refused:
        Store.open(folder, server=server)
    said = str(refused.value)
    assert said.startswith("postgresql://") and (not server.password or server.password not in said)
    return said


@POSTGRESQL_ONLY
def test_a_wrong_password(tmp_path: Path, server: DatabaseServer) -> None:
    said = refusal(tmp_path, replace(server, password="no"))
    assert "check `store.url` and `store.password_file`" in said


@POSTGRESQL_ONLY
def test_a_new_password_needs_no_restart(
    tmp_path: Path, guest: DatabaseServer, postgres: PostgresServer
) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{postgres.password}\n")
    postgres.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ROLE}", database_of(guest))
    guest = replace(guest, password="", password_file=str(secret))
    store = Store.open(tmp_path / "data", server=guest)
    postgres.execute(f"ALTER ROLE {ROLE} PASSWORD 'new'")
    store._database._engine.dispose()
    with pytest.raises(StoreError, match="it refuses the user or the password"):
        store.series.of("cpu")
    secret.write_text("new\n")
    assert store.series.of("cpu") == []
    store.close()


@POSTGRESQL_ONLY
def test_a_password_file_that_cannot_be_read(tmp_path: Path, server: DatabaseServer) -> None:
    with pytest.raises(StoreError, match=r"cannot read `store\.password_file` .*/none: "):
        Store.open(tmp_path, server=replace(server, password_file=str(tmp_path / "none")))


@POSTGRESQL_ONLY
def test_no_such_database(tmp_path: Path, server: DatabaseServer) -> None:
    missing = replace(server, url=f"{server.url}_missing")
    assert "make it, `createdb NAME`, or correct `store.url`" in refusal(tmp_path, missing)


def test_a_server_that_does_not_run(tmp_path: Path) -> None:
    nowhere = DatabaseServer(f"postgresql+psycopg://postgres@127.0.0.1:{free_port()}/none")
    assert "check that the server runs, and host and port of `store.url`" in refusal(
        tmp_path, nowhere
    )


@POSTGRESQL_ONLY
def test_too_many_connections(
    tmp_path: Path, guest: DatabaseServer, postgres: PostgresServer
) -> None:
    postgres.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
    assert "raise max_connections of the server, or lower `store.pool_size`" in refusal(
        tmp_path, guest
    )


@POSTGRESQL_ONLY
def test_a_pool_that_is_too_small(
    tmp_path: Path, server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_connections, "POOL_SECONDS", 0.1)
    store = Store.open(tmp_path, server=replace(server, pool_size=1))
    with (
        store._database.reading(),
        pytest.raises(StoreError, match=r"raise `store\.pool_size`, 1, or lower `web\.threads`"),
    ):
        store.series.of("cpu")
    assert store.series.of("cpu") == []
    store.close()


@POSTGRESQL_ONLY
def test_connections_are_shown_as_they_are_used(
    tmp_path: Path, server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_connections, "POOL_SECONDS", 1)
    store = Store.open(tmp_path, server=replace(server, pool_size=2))
    metrics = Metrics(CollectorRegistry())
    metrics.follow_connections(store.connections)

    name = "bandwatch_database_connection"

    def shown() -> list[float | None]:
        values = metrics.registry.get_sample_value
        states = [values(f"{name}s", {"state": state}) for state in ("in_use", "idle")]
        return states + [
            values(f"{name}{end}") for end in ("s_limit", "s_waiting", "_timeouts_total")
        ]

    assert shown() == [0, 1, 2, 0, 0]
    with store._database.reading(), store._database.reading():
        assert shown() == [2, 0, 2, 0, 0], "all are in use, and nobody waits"
        with ThreadPoolExecutor(3) as others:
            asked = [others.submit(store.series.of, "cpu") for _ in range(3)]
            until = monotonic() + 1
            while shown()[3] != 3 and monotonic() < until:
                sleep(0.01)
            assert shown() == [2, 0, 2, 3, 0]
            assert {type(each.exception()) for each in asked} == {StoreError}
        assert shown() == [2, 0, 2, 0, 3]
    assert shown() == [0, 2, 2, 0, 3]
    store.close()


@SQLITE_ONLY
def test_a_file_has_no_connections_to_show(store: Store) -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.follow_connections(store.connections)
    name = "bandwatch_database_connections"
    assert metrics.registry.get_sample_value(name, {"state": "in_use"}) is None
    assert metrics.registry.get_sample_value(f"{name}_limit") == 0


@POSTGRESQL_ONLY
def test_a_user_without_rights(tmp_path: Path, guest: DatabaseServer) -> None:
    assert "it has to own the tables, and may CREATE in its schema" in refusal(tmp_path, guest)


@POSTGRESQL_ONLY
def test_a_server_that_is_too_old(
    tmp_path: Path, server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_connections, "OLDEST_VERSION", 99)
    assert "this needs 99 or newer: upgrade the server" in refusal(tmp_path, server)


@POSTGRESQL_ONLY
def test_a_schema_of_a_newer_program(
    tmp_path: Path, server: DatabaseServer, postgres: PostgresServer
) -> None:
    postgres.execute("UPDATE alembic_version SET version_num = '9999'", database_of(server))
    assert "schema 9999 was written by a newer version" in refusal(tmp_path, server)


@POSTGRESQL_ONLY
def test_a_full_disk_loses_nothing_acknowledged_and_writing_goes_on_by_itself(
    store: Store, ids: IntArray, server: DatabaseServer, postgres: PostgresServer
) -> None:
    store.write([tick(ids, [60])], "q", (60, 60))
    postgres.execute(FULL_DISK, database_of(server))
    with pytest.raises(StoreError, match="the disk is full: free some space; all that was ackn"):
        store.write([tick(ids, [120])], "q", (120, 120))
    assert store.samples.scored_until("cpu") == 60
    postgres.execute("DROP TRIGGER full_disk ON samples", database_of(server))
    store.write([tick(ids, [120])], "q", (120, 120))
    assert store.samples.scored_until("cpu") == 120


@POSTGRESQL_ONLY
def test_a_connection_that_the_server_ends_costs_one_transaction(
    store: Store, ids: IntArray, server: DatabaseServer, postgres: PostgresServer
) -> None:
    """As an administrator does, or a proxy that was restarted."""
    end = f"""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = '{database_of(server)}'"""
    with (
        pytest.raises(StoreError, match="what was not acknowledged is written again"),
        store._database.writing() as connection,
    ):
        postgres.execute(end)
        connection.exec_driver_sql("SELECT 1")
    for time in (60, 120):
        store.write([tick(ids, [time])], "q", (time, time))
    rows = store.samples.latest(ids, 10)
    assert [part.times.tolist() for part in rows] == [[60, 120]] * 3
    assert np.isfinite(rows[0].score).all()


@POSTGRESQL_ONLY
def test_rows_that_are_not_read_to_the_end_hold_nothing(store: Store, ids: IntArray) -> None:
    """As where a block in the middle cannot be read."""
    rows = None
    with pytest.raises(StoreError, match="in the middle"), store._database.reading() as connection:
        rows = store._database.stream(connection, "SELECT generate_series(1, 100000)", {})
        assert next(rows) == (1,)
        raise StoreError("in the middle")
    assert rows is not None
    assert [record.id for record in store.series.of("cpu")] == ids.tolist()
