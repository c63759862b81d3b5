"""A real PostgreSQL for tests: in its own folder, on a free loopback port, stopped by its own
process id."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import pytest

from plugin.store import Store
from plugin.store.server import DatabaseServer
from tests.servers import START_SECONDS, free_port

FOLDER = Path("/usr/lib/postgresql")  # where Debian keeps it, by version
USER = "postgres"  # it refuses to run as root
SETTINGS = (
    "fsync=off",  # the machine does not lose power in a test; a process that dies loses nothing
    "full_page_writes=off",
    "max_connections=200",
    "shared_buffers=32MB",
    "autovacuum_naptime=1h",
    "jit=off",
)
TEMPLATE = "bandwatch_template"


def program(name: str) -> str | None:
    """Where a program of the newest PostgreSQL is; None = it is not installed."""
    found = sorted(FOLDER.glob(f"*/bin/{name}"), key=lambda path: int(path.parent.parent.name))
    return str(found[-1]) if found else shutil.which(name)


def as_user(command: list[str]) -> list[str]:
    """The command as another user than root."""
    if os.getuid():
        return command
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command]


@dataclass
class PostgresServer:
    """Use as a context manager. Its superuser is `postgres`, with a password."""

    password: str = "wonderland"
    settings: tuple[str, ...] = ()
    folder: Path = field(init=False)
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _numbers: "count[int]" = field(default_factory=count)

    def __enter__(self) -> Self:
        if program("initdb") is None:
            pytest.skip("PostgreSQL is not installed: `deploy/install-servers.sh` installs it")
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))  # short: it holds a socket
        if not os.getuid():
            shutil.chown(self.folder, USER, USER)
        self._create()
        self.start()
        return self

    def _create(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o644)
        self._run(
            "initdb",
            f"--pgdata={self.data}",
            "--username=postgres",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """On a free port, or again on its own. After a kill, its children take a moment to end."""
        self.port = self.port or free_port()
        settings = (
            *SETTINGS,
            *self.settings,
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={self.folder}",
        )
        options = [part for setting in settings for part in ("-c", setting)]
        command = as_user([self._program("postgres"), "-D", str(self.data), *options])
        deadline = time.monotonic() + START_SECONDS
        while not (self._process and self.answers()):
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"PostgreSQL did not start:\n{(self.folder / 'log').read_text()[-2000:]}"
                )
            if self._process is None or self._process.poll() is not None:
                with (self.folder / "log").open("ab") as log:
                    self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self, *, kill: bool = False) -> None:
        """kill: as `kill -9` of the server, which takes its children with it."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL if kill else signal.SIGINT)
        self._process.wait(START_SECONDS)
        self._process = None

    def connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=self.password,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def execute(self, statement: str, database: str = "postgres") -> None:
        with self.connect(database) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def one(self, query: str, database: str = "postgres") -> object:
        """The one value that a query gives."""
        with self.connect(database) as connection:
            row = connection.execute(query).fetchone()  # type: ignore[call-overload]
        assert row is not None
        return row[0]

    def wait_until(self, query: str) -> None:
        """Until the one value of a query is true."""
        deadline = time.monotonic() + START_SECONDS
        while not self.one(query):
            assert time.monotonic() < deadline, query
            time.sleep(0.05)

    def database(self, name: str) -> DatabaseServer:
        """Where a database of this name is, or would be."""
        url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"
        return DatabaseServer(url, self.password, pool_size=10)

    def new_database(self, template: str = "template0") -> DatabaseServer:
        """An empty one, or a copy of another one that nobody is connected to."""
        name = f"test{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.database(name)

    def make_template(self, folder: Path) -> str:
        """A database with all tables, for `new_database`. folder: of a store, for a moment."""
        self.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
        Store.open(folder, server=self.database(TEMPLATE)).close()
        return TEMPLATE

    def drop(self, server: DatabaseServer) -> None:
        """Whoever is connected is thrown out."""
        self.execute(f"DROP DATABASE IF EXISTS {server.url.rsplit('/', 1)[1]} WITH (FORCE)")

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            as_user([self._program(name), *arguments]),
            check=True,
            capture_output=True,
            cwd="/",
            env={**os.environ, "PGPASSWORD": self.password},
        )

    @staticmethod
    def _program(name: str) -> str:
        found = program(name)
        assert found is not None
        return found


@dataclass
class StandbyServer(PostgresServer):
    """A copy of another server that follows it, and answers readers."""

    primary: PostgresServer = field(default_factory=PostgresServer)

    def _create(self) -> None:
        self._run(
            "pg_basebackup",
            f"--pgdata={self.data}",
            "--host=127.0.0.1",
            f"--port={self.primary.port}",
            "--username=postgres",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
        )

    def wait_for_all(self) -> None:
        """From now on the primary acknowledges only what is here, too."""
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.execute("SELECT pg_reload_conf()")
        self.primary.wait_until(
            "SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'"
        )

    def promote(self) -> None:
        """The standby is a primary from now on."""
        assert self.one("SELECT pg_promote()")
