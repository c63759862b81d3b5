"""What workers publish for web replicas: parts of the board, each as arrays and a few facts.

A part has versions. The one before stays for a while, because queries of one alert rule are
answered from one moment.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import zstandard
from numpy.typing import NDArray
from safetensors.numpy import load, save
from sqlalchemy import Connection, delete, func, insert, select

from plugin.store.database import Database, insert_into, rows_of
from plugin.store.news import Topic
from plugin.store.schema import pins, publications

KEEP_SECONDS = 120  # for which a version stays after the next one, and a pin after it was made
FACTS_KEY = "bandwatch.facts"  # the array that holds the facts, as JSON
LEVEL = 1  # of compression: it is done at every tick


@dataclass(frozen=True)
class Publication:
    """One part of the board."""

    facts: Mapping[str, Any]  # what JSON can hold, with infinite numbers
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """Safetensors, compressed: reading it runs nothing."""
        text = json.dumps(self.facts, separators=(",", ":")).encode()
        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
        arrays[FACTS_KEY] = np.frombuffer(text, np.uint8)
        return zstandard.compress(save(arrays), LEVEL)

    @classmethod
    def decoded(cls, data: bytes) -> "Publication":
        arrays = load(zstandard.decompress(data))
        text = arrays.pop(FACTS_KEY).tobytes()
        return cls(json.loads(text), arrays)


class Pin(NamedTuple):
    """The moment that all queries with one `to` are answered from."""

    now: float  # unix seconds
    heartbeat: float  # unix seconds
    versions: dict[str, int]  # by part


class PublicationTable:
    """The parts of the board, and the moments that were pinned."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def versions(self) -> dict[str, int]:
        """The latest version of each part."""
        with self._database.reading() as connection:
            return _versions(connection)

    def version(self, part: str) -> int | None:
        """The latest version of one part; None = there is none."""
        newest = select(func.max(publications.c.version)).where(publications.c.part == part)
        with self._database.reading() as connection:
            return connection.execute(newest).scalar()

    def read(self, wanted: Mapping[str, int]) -> dict[str, Publication]:
        """Some versions of some parts; those that are gone are left out."""
        found = {}
        with self._database.reading() as connection:
            for part, version in wanted.items():
                data = connection.execute(
                    select(publications.c.data).where(
                        publications.c.part == part, publications.c.version == version
                    )
                ).scalar()
                if data is not None:
                    found[part] = Publication.decoded(data)
        return found

    def publish(self, part: str, publication: Publication, now: int) -> int:
        """Adds a version, and removes those that nobody wants any more. Returns its number."""
        data = publication.encoded()
        with self._database.writing() as connection:
            of_part = publications.c.part == part
            newest = func.max(publications.c.version)
            version = (connection.execute(select(newest).where(of_part)).scalar() or 0) + 1
            # All before this one were replaced before that time.
            earlier = publications.c.made_at < now - KEEP_SECONDS
            replacement = connection.execute(select(newest).where(of_part, earlier)).scalar() or 0
            connection.execute(
                delete(publications).where(of_part, publications.c.version < replacement)
            )
            connection.execute(
                insert(publications).values(part=part, version=version, made_at=now, data=data)
            )
            self._database.announce(connection, Topic.BOARD)
        return version

    def retain(self, parts: Iterable[str]) -> None:
        """Removes all parts but these."""
        with self._database.writing() as connection:
            stored = connection.execute(select(publications.c.part).distinct()).scalars().all()
            for part in set(stored) - set(parts):
                connection.execute(delete(publications).where(publications.c.part == part))

    def pin(self, tick: int, now: float, heartbeat: float) -> Pin:
        """The moment of a `to` (milliseconds): the one that a replica has pinned, or the present
        from now on."""
        with self._database.reading() as connection:
            text = connection.execute(select(pins.c.moment).where(pins.c.tick == tick)).scalar()
        if text is None:
            text = self._add_pin(tick, now, heartbeat)
        return Pin(**json.loads(text))

    def _add_pin(self, tick: int, now: float, heartbeat: float) -> str:
        with self._database.writing() as connection:
            connection.execute(delete(pins).where(pins.c.made_at < int(now) - KEEP_SECONDS))
            moment = Pin(now, heartbeat, _versions(connection))
            connection.execute(
                insert_into(pins)
                .values(tick=tick, made_at=int(now), moment=json.dumps(moment._asdict()))
                .on_conflict_do_nothing()
            )
            return str(
                connection.execute(select(pins.c.moment).where(pins.c.tick == tick)).scalar_one()
            )


def _versions(connection: Connection) -> dict[str, int]:
    statement = select(publications.c.part, func.max(publications.c.version)).group_by(
        publications.c.part
    )
    return dict(rows_of(connection, statement))
