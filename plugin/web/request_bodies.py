"""Request bodies: one type for each, from which they are read and described.

The shapes of the older JSON protocol are those of the simpod-json-datasource plugin 0.3 to 0.7 (its
README and openapi.yaml) and of the grafana-simple-json-datasource plugin 1.4 (its README). Grafana
sends many fields that are not used here, so unknown fields are allowed. `null` and an absent field
are the same.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from flask import request
from msgspec import Meta, Struct, field

from plugin.errors import RequestError

Text = Annotated[str, Meta(max_length=4096)]
Names = Annotated[list[Text], Meta(max_length=200)]
# Control characters could move the cursor of a terminal that lists the text.
NO_CONTROL = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]*$"
Remark = Annotated[str, Meta(max_length=1000, pattern=NO_CONTROL)]  # of a person, for people
Who = Annotated[str, Meta(max_length=100, pattern=NO_CONTROL)]
Body = TypeVar("Body", bound=Struct)


class SeriesSelection(Struct, forbid_unknown_fields=True):
    """Which series: names or what Grafana makes of variables, and a selector over their labels."""

    watch: Text | Names | None = None
    series: Text | Names | None = None
    match: Text | None = None


class TargetPayload(SeriesSelection, forbid_unknown_fields=True):
    """Beside a target: which series, and what their lines are called."""

    legend: Annotated[str, Meta(max_length=200)] | None = None


class VariablePayload(SeriesSelection, forbid_unknown_fields=True):
    """The values of a variable."""

    target: Text | None = None


class PanelTarget(Struct):
    """One query of a panel."""

    target: Text | None = None
    payload: TargetPayload | Literal[""] | None = None
    hide: bool | None = None


class FilterBody(Struct):
    """One ad hoc filter over a column."""

    key: Text
    operator: Literal["=", "!=", "=~", "!~"]
    value: Text


class RangeBody(Struct):
    """RFC 3339, or milliseconds since 1970."""

    start: str | int | None = field(default=None, name="from")
    to: str | int | None = None


class QueryBody(Struct, rename="camel"):
    """What a panel asks for."""

    targets: Annotated[list[PanelTarget], Meta(max_length=26)] | None = None  # A to Z
    range: RangeBody | None = None
    max_data_points: float | None = None
    adhoc_filters: Annotated[list[FilterBody], Meta(max_length=50)] | None = None


class SearchBody(Struct):
    """What is typed into the list of targets, or the query of a variable."""

    target: Text | None = None


class AnnotationQuery(Struct):
    """The query of an annotation."""

    query: Text | None = None


class AnnotationsBody(Struct):
    """Which annotations of which time."""

    annotation: AnnotationQuery | None = None
    range: RangeBody | None = None


class VariableBody(Struct):
    """The query of a variable."""

    payload: VariablePayload | Literal[""] | None = None


class MetricsBody(Struct):
    """What is chosen so far. The targets do not depend on it."""

    metric: str | int | None = None
    payload: dict[str, Any] | str | None = None


class OptionsBody(Struct):
    """Which field of a payload, beside what is chosen so far."""

    name: str
    payload: TargetPayload | Literal[""] | None = None


class TagKeysBody(Struct):
    """Without a field that is used."""


class TagValuesBody(Struct):
    """The column whose values are asked for."""

    key: str


class FeedbackBody(Struct, forbid_unknown_fields=True):
    """Feedback on an incident, or on a series and a range."""

    verdict: Text
    incident: Text | None = None
    watch: Text | None = None
    series: Text | None = None
    start: str | int | None = field(default=None, name="from")
    to: str | int | None = None
    comment: Remark | None = None
    by: Who | None = None


class MaintenanceBody(Struct, forbid_unknown_fields=True):
    """A maintenance window.

    Durations are written 30s, 5m, 2h; times as 2026-11-21T02:00 in `timezone`, or with Z.
    """

    id: Text | None = None
    name: Annotated[str, Meta(max_length=200, pattern=NO_CONTROL)] | None = None
    match: Text | None = None
    watch: Text | Names | None = None
    start: Text | None = field(default=None, name="begin")
    end: Text | None = None
    duration: Text | None = None
    rule: Text | None = None
    timezone: Text | None = None
    before: Text | None = None
    after: Text | None = None
    comment: Remark | None = None
    by: Who | None = None


class ModelsBody(Struct, forbid_unknown_fields=True):
    """Whose models an order is about, who sends it and why."""

    watch: Text | None = None
    series: Text | None = None
    match: Text | None = None
    comment: Remark | None = None
    by: Who | None = None


class RollbackBody(ModelsBody, forbid_unknown_fields=True):
    """Also to which version; by default the one before."""

    version: Annotated[int, Meta(ge=1)] | None = None


def read_json_body(kind: type[Body], noun: str) -> Body:
    """The body of the current request, for a route that changes something.

    noun: what the body is, with its article. Raises RequestError when it is not declared as JSON:
    a form of another site cannot declare that, so it cannot send an order in the name of a browser.
    """
    if request.mimetype != "application/json":
        raise RequestError(
            f"{noun} is sent as JSON: Content-Type: application/json", status=415, code="not_json"
        )
    return read_body(kind)


def read_body(kind: type[Body]) -> Body:
    """The body of the current request; no body at all is an empty one.

    Raises RequestError naming the field.
    """
    try:
        return msgspec.json.decode(request.get_data() or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise _refusal(error, ": /api/v1/openapi.json tells what this body may hold") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"the body is not JSON: {error}") from error


def read_form(kind: type[Body], fields: Mapping[str, str]) -> Body:
    """The same body from the fields of a form, all of them texts; an empty one counts as left out.

    Raises RequestError naming the field.
    """
    filled_in = {name: text.strip() for name, text in fields.items() if text.strip()}
    try:
        return msgspec.convert(filled_in, kind)
    except msgspec.ValidationError as error:
        raise _refusal(error) from error


def _refusal(error: msgspec.ValidationError, advice: str = "") -> RequestError:
    reason, _, position = str(error).partition(" - at `")
    path = position.partition("$")[2].strip(".`")  # of a key: `key` in `$.labels`
    field_match = re.search(r" field `(.*)`", reason)  # one that is missing, or that is not known
    location = f"`{path}`: " if path else "the body: "
    reason = reason.replace(
        f"`str` matching regex {NO_CONTROL!r}", "text without control characters"
    )
    return RequestError(
        f"{location}{reason}{advice}",
        field=".".join(filter(None, (path, field_match and field_match[1]))),
    )
