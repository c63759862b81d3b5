"""`bandwatch store copy`: from SQLite to PostgreSQL, and back."""

import argparse

from plugin.cli import flags

COPY_FLAGS: flags.FlagTable = {
    "--to": {
        "metavar": "URL",
        "type": flags.database,
        "required": True,
        "help": "an empty PostgreSQL database, as in `store.url`; or a folder, for SQLite",
    },
    "--password-file": {
        "metavar": "FILE",
        "default": "",
        "help": "password for that database (default: where libpq finds it, such as PGPASSWORD)",
    },
}


def add_store(commands: flags.Commands) -> None:
    inner = flags.group(commands, "store", "move what the service keeps")
    command = flags.command(
        inner, "copy", "copy the database of a store that is not in use to another one", copy
    )
    flags.config_file(command)
    flags.add_all(command, COPY_FLAGS)


def copy(options: argparse.Namespace) -> int:
    """`bandwatch store copy`."""
    from pathlib import Path

    from plugin.commands import store_copy

    report = store_copy.run(Path(options.config_file), options.to, options.password_file)
    before = f", of which {report.found} were there from a copy cut off" if report.found else ""
    print(f"{report.rows} rows copied and compared one by one{before}")
    return 0
