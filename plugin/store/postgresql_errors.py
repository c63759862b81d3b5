"""What PostgreSQL and its driver say, in words that name the remedy."""

import psycopg

from plugin.store.disk_errors import DISK_FULL

READ_ONLY = (
    "it is read-only, as a standby is: name the primary in `store.url`, or all hosts and"
    " target_session_attrs=read-write"
)
MANY_CONNECTIONS = (
    "it has no connection left: raise max_connections of the server, or lower `store.pool_size`"
)
WRONG_PASSWORD = "it refuses the user or the password: check `store.url` and `store.password_file`"
NO_DATABASE = "there is no such database: make it, `createdb NAME`, or correct `store.url`"
RESTARTED = "it was stopped or restarted: what was not acknowledged is written again"
STARTING = "it is starting or stopping: this is tried again"
HELD = "another process has held it for 30 s: see pg_stat_activity for who it is"
CONFLICT = "another transaction was in the way: this is tried again"
DAMAGED = "it is damaged: stop, and restore a copy"
NO_RIGHTS = "this user may not do that: it has to own the tables, and may CREATE in its schema"
LOST = "the connection was lost: check that the server runs, and the network; this is tried again"
UNREACHABLE = "it does not answer: check that the server runs, and host and port of `store.url`"
# By the beginning of the SQLSTATE, the first one that fits.
REMEDIES = {
    "53100": DISK_FULL,
    "53200": "the server has no memory left: see its log",
    "53300": MANY_CONNECTIONS,
    "25006": READ_ONLY,
    "28": WRONG_PASSWORD,
    "3D000": NO_DATABASE,
    "42501": NO_RIGHTS,
    "55P03": HELD,
    "57P01": RESTARTED,
    "57P02": RESTARTED,
    "57P03": STARTING,
    "57014": "the statement was cancelled: see statement_timeout of the server",
    "40": CONFLICT,
    "23": "it holds no such series or model version (any more)",
    "08": LOST,
    "58": "its disk fails: check the log of the server and the disk",
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}
# Where a connection is refused, the driver has no SQLSTATE: by a part of the server's text, the
# first one that fits.
CONNECTION_REMEDIES = {
    "too many": MANY_CONNECTIONS,  # ... connections for role "bandwatch"
    "remaining connection slots": MANY_CONNECTIONS,
    "password authentication failed": WRONG_PASSWORD,
    "no password supplied": WRONG_PASSWORD,
    "no pg_hba.conf entry": "it lets nobody in from here: add this host and user to pg_hba.conf",
    'role "': WRONG_PASSWORD,
    'database "': NO_DATABASE,
    "starting up": STARTING,
    "shutting down": STARTING,
    "recovery mode": STARTING,
    "read-only": READ_ONLY,
    "not read-write": READ_ONLY,
    "connection is closed": LOST,
    "connection is lost": LOST,
    "closed the connection": RESTARTED,
    "terminating connection": RESTARTED,
    "consuming input failed": LOST,
    "sending query": LOST,
}


def remedy_of(error: BaseException | None) -> str | None:
    """None = a mistake of ours: let it be seen."""
    state = getattr(error, "sqlstate", None)
    if state:
        return next((words for start, words in REMEDIES.items() if state.startswith(start)), None)
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return None
    said = " ".join(str(error).split())
    words = next((words for part, words in CONNECTION_REMEDIES.items() if part in said), None)
    return f"{words or UNREACHABLE} ({said})"
