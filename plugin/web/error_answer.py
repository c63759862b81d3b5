"""The one shape of all errors."""

from typing import Annotated

from msgspec import Meta, Struct


class ErrorDetail(Struct):
    code: str
    message: str
    field: Annotated[str, Meta(description="the parameter, or the empty string")]


class ErrorAnswer(Struct):
    error: ErrorDetail
