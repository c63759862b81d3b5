"""A PostgreSQL server with what it takes to sign in."""

from dataclasses import dataclass, field
from pathlib import Path

from plugin.config import StoreSettings
from plugin.errors import StoreError


@dataclass(frozen=True)
class DatabaseServer:
    """What it takes to open connections; worker processes get it, too."""

    url: str  # as in `store.url`, without a password
    password: str = field(default="", repr=False)
    password_file: str = ""  # read for each connection, so that a new password needs no restart
    pool_size: int = 20  # most connections of this process

    @classmethod
    def of(cls, settings: StoreSettings) -> "DatabaseServer | None":
        """None = they name none: the database is a file."""
        if settings.url is None:
            return None
        password = settings.password.get_secret_value() if settings.password else ""
        return cls(settings.url, password, settings.password_file or "", settings.pool_size)

    @property
    def name(self) -> str:
        """For messages."""
        return self.url.replace("postgresql+psycopg://", "postgresql://", 1)

    def current_password(self) -> str:
        """ "" = none: the server trusts us, or libpq finds it. Raises StoreError."""
        if not self.password_file:
            return self.password
        try:
            return Path(self.password_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(
                f"cannot read `store.password_file` {self.password_file}: {error}; each new"
                " connection reads it"
            ) from error
