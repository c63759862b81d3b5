"""Query parameters that only pages take."""

from plugin.domain.times import DAY
from plugin.web import parameter_readers as readers
from plugin.web.parameters import Parameter

INCIDENT_STATES = ("open", "closed")
# how far back incidents are listed: name -> seconds
INCIDENT_LENGTHS = {"1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY}
DEFAULT_INCIDENT_LENGTH = "7d"

NEXT = Parameter(
    name="next",
    description="Where to go after signing in: a page of ours, relative to `/`.",
    read=readers.read_text,
    schema=lambda _: {"type": "string"},
    example="incidents",
)
INCIDENT_STATE = Parameter(
    name="state",
    description="Only incidents that are open, or that are over.",
    read=readers.one_of(*INCIDENT_STATES),
    schema=lambda _: {"type": "string", "enum": list(INCIDENT_STATES)},
    example="open",
)
INCIDENT_LENGTH = Parameter(
    name="range",
    description="How far back incidents are listed.",
    read=lambda text, settings: INCIDENT_LENGTHS[readers.one_of(*INCIDENT_LENGTHS)(text, settings)],
    schema=lambda _: {
        "type": "string",
        "enum": list(INCIDENT_LENGTHS),
        "default": DEFAULT_INCIDENT_LENGTH,
    },
    example="30d",
)
NOTED = Parameter(
    name="noted",
    description="The number of an answer whose effect is told.",
    read=readers.read_limit,
    schema=lambda _: {"type": "integer", "minimum": 1},
    example="12",
)
ADDED = Parameter(
    name="added",
    description="The id of a window that has just been added.",
    read=readers.read_text,
    schema=lambda _: {"type": "string"},
    example="a1b2c3d4e5f6",
)
