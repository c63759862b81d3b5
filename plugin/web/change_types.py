"""What is sent and answered about changes."""

from typing import Annotated

from msgspec import Meta, Struct, field

from plugin.web.request_bodies import NO_CONTROL, Remark, Text, Who
from plugin.web.row_types import Time

LabelName = Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_CONTROL)]
LabelSet = Annotated[dict[LabelName, Remark], Meta(max_length=64)]


class ChangeBody(Struct, forbid_unknown_fields=True):
    """What was changed, and when: RFC 3339, or milliseconds since 1970; by default now."""

    title: Annotated[str, Meta(max_length=200, pattern=NO_CONTROL)]
    time: Text | int | None = None
    labels: LabelSet | None = None
    link: Annotated[str, Meta(max_length=2000)] | None = None
    id: Text | None = None
    by: Who | None = None


class AlertBody(Struct):
    """One alert of a notification."""

    status: Text
    labels: LabelSet
    start: Text = field(name="startsAt")
    annotations: dict[Text, Text] | None = None
    link: Text | None = field(default=None, name="generatorURL")


class AlertmanagerBody(Struct):
    """A notification as Alertmanager's webhook sends it."""

    alerts: Annotated[list[AlertBody], Meta(max_length=1000)]


class ChangeRow(Struct):
    """What was changed; `labels` as a selector."""

    time: Time
    id: str
    title: str
    labels: str
    link: str
    by: str
    created: Time


class AddedChange(ChangeRow):
    new: bool


class AddedChanges(Struct):
    """What came of a notification: so many changes are new, and so many were known."""

    added: int
    known: int
