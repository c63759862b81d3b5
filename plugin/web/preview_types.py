"""What is sent and answered about previews."""

from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from plugin.web import parameter_readers as readers
from plugin.web.parameters import Parameter
from plugin.web.preview_orders import PreviewStage
from plugin.web.queries import NoQuery
from plugin.web.request_bodies import Names, Text

Number = Text | int | float
PREVIEW_ID = Parameter(
    name="id",
    description="The id of a preview, as the answer to its order names it.",
    read=readers.read_text,
    schema=lambda _: {"type": "string"},
    example="WkQ3X0v9tqzj",
)
WATCH_TO_TRY = Parameter(
    name="watch",
    description="The name of a watch whose settings the form starts with.",
    read=readers.read_text,
    schema=lambda _: {"type": "string"},
    example="node",
)


class PreviewBody(Struct, forbid_unknown_fields=True):
    """A watch to try, each setting as a configuration file spells it; `since`: over how long."""

    query: Text
    since: Text | None = None
    name: Text | None = None
    step: Text | None = None
    offset: Text | None = None
    fit_window: Text | None = None
    fit_every: Text | None = None
    learn_for: Text | None = None
    detector: Text | dict[Text, Any] | None = None
    alert_budget: Text | None = None
    unit: Text | None = None
    max_series: int | None = None
    timezone: Text | None = None
    direction: Text | None = None
    min_deviation: Number | None = None
    min_relative_deviation: Number | None = None
    valid_range: Annotated[list[Number | None], Meta(max_length=2)] | None = None
    persistence: Text | None = None
    group_by: Names | None = None


class PreviewAnswer(Struct):
    """How far a preview is; `preview` as `bandwatch preview --json` prints it, once it is done."""

    id: str
    state: PreviewStage
    done: Annotated[float, Meta(description="share of the work, 0 to 1")]
    error: Annotated[str, Meta(description="why it has failed, or the empty string")]
    yaml: Annotated[str, Meta(description="the watch, for a configuration file")]
    preview: dict[str, Any] | None = field(default=None)


@dataclass(frozen=True, kw_only=True)
class PreviewQuery(NoQuery):
    id: str  # of the preview


@dataclass(frozen=True, kw_only=True)
class TryQuery(NoQuery):
    id: Annotated[str | None, PREVIEW_ID] = None
    watch: Annotated[str | None, WATCH_TO_TRY] = None
