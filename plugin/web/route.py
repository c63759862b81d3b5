"""What a route is."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from msgspec import Struct

from plugin.web.parameters import Parameter
from plugin.web.queries import NoQuery, parameters_of

JSON = "application/json"
TEXT = "text/plain"
HTML = "text/html"


class Access(Enum):
    """Who may call a route."""

    OPEN = "open"  # anyone
    READ = "read"  # those who may read
    CHANGE = "change"  # those who may change
    LINK = "link"  # those who may change, or who have a signed link


@dataclass(frozen=True)
class Route:
    path: str  # as Flask writes it
    name: str  # of its view
    summary: str
    query: type[NoQuery] = NoQuery
    method: str = "GET"
    access: Access = Access.READ
    body: type[Struct] | None = None  # what is sent
    answer: Any = dict[str, Any]  # a type; a tuple of Structs: a list of these
    media: str = JSON

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        return tuple(parameters_of(self.query).values())

    @property
    def strict(self) -> bool:
        """Whether parameters are read and unknown ones refused; probes and scrapers may add what
        they like."""
        return self.path.startswith("/api/") or bool(self.parameters)
