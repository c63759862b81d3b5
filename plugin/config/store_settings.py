"""The settings of the store: a folder, and a PostgreSQL database where one is used."""

import re
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

from plugin.config.field_types import DurationField, FieldType, IntegerField, TextField
from plugin.config.locations import found_address
from plugin.config.problems import InvalidValue
from plugin.config.section import Section
from plugin.config.text_fields import FILE, PASSWORD
from plugin.domain.times import DAY, MINUTE

SCHEME = "postgresql+psycopg"
OTHER_SCHEMES = ("postgresql", "postgres")  # as other programs write it


class DatabaseUrlField(FieldType):
    """A PostgreSQL database, as SQLAlchemy names it, with the user but without a password."""

    valid = f"the URL of a PostgreSQL database such as {SCHEME}://bandwatch@localhost/bandwatch"

    def read(self, value: object) -> str:
        text = self.text(value).strip()
        try:
            parts = urlsplit(text)
            _ = parts.port  # raises for one that is no number, and for a list of hosts
            options = dict(parse_qsl(parts.query))
        except ValueError:
            raise InvalidValue(found_address(text), self.valid) from None
        if parts.password or "password" in options:
            raise InvalidValue(
                "a URL with a password (not shown)",
                "a URL without it; it belongs in store.password or store.password_file",
            )
        if (
            parts.scheme not in (SCHEME, *OTHER_SCHEMES)
            or re.search(r"[\s\x00-\x1f\x7f]", text)
            or not re.fullmatch(r"/[^/]+", parts.path)
            or parts.fragment
        ):
            raise InvalidValue(found_address(text), self.valid)
        return f"{SCHEME}://{text.partition('://')[2]}"


# A folder, or a bucket with a prefix or without one.
WEIGHTS_URL = r"file:(//)?/[\w.\-=][\w./\-=]*|(s3|gs|abfs)://[\w.\-]+(/[\w.\-=]+)*/?"


class WeightsUrlField(FieldType):
    """A place that fsspec reaches, without credentials."""

    valid = "the URL of a folder or a prefix: file:/PATH, s3://BUCKET/PREFIX, gs:// or abfs://"

    def read(self, value: object) -> str:
        text = self.text(value).strip()
        if "@" in text:
            raise InvalidValue(
                "a URL with an `@` (not shown)",
                "a URL without credentials; they belong where the tools of the provider look",
            )
        if not re.fullmatch(WEIGHTS_URL, text):
            raise InvalidValue(found_address(text), self.valid)
        return text.rstrip("/")


class StoreSettings(Section):
    """Where samples, bands, scores and models are kept."""

    # Holds bandwatch.db and weights/.
    path: Annotated[str, TextField("the path of a folder")] = "data"
    url: Annotated[str | None, DatabaseUrlField()] = None  # None = bandwatch.db
    password: Annotated[SecretStr | None, PASSWORD] = None
    password_file: Annotated[str | None, FILE] = None
    # Where weights are; None = below the path.
    weights: Annotated[str | None, WeightsUrlField()] = None
    pool_size: Annotated[int, IntegerField(4, 1000)] = 20  # connections of a process
    retention: Annotated[int, DurationField(60 * MINUTE)] = 90 * DAY
    versions: Annotated[int, IntegerField(1, 100)] = 3  # models kept per series
    # A series that is missing for so long is gone.
    gone_after: Annotated[int, DurationField(MINUTE)] = 7 * DAY
