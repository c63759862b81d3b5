"""`bandwatch store copy`: moves the database of a store to another one."""

from contextlib import ExitStack
from pathlib import Path

from plugin import config
from plugin.commands import terminal
from plugin.store.copying import CopyReport, copy_store
from plugin.store.database import Database
from plugin.store.database_choice import database_at
from plugin.store.folder_lock import lock_folder
from plugin.store.server import DatabaseServer


def run(config_file: Path, target: str, password_file: str) -> CopyReport:
    """target: the URL of a PostgreSQL database, or a folder for `bandwatch.db`.

    Raises ConfigError and StoreError.
    """
    settings = config.load(config_file).store
    folder = Path(settings.path).resolve()
    with ExitStack() as stack:
        stack.enter_context(lock_folder(folder))  # of a service that runs here
        source = database_at(folder, DatabaseServer.of(settings))
        stack.callback(source.close)
        to = _target(target, password_file)
        stack.callback(to.close)
        copy = stack.enter_context(terminal.bar("copy"))
        return copy_store(source, to, copy)


def _target(target: str, password_file: str) -> Database:
    if "://" in target:
        return database_at(Path(), DatabaseServer(target, password_file=password_file))
    folder = Path(target).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return database_at(folder, None)
