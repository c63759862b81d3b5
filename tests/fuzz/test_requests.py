"""Generated requests to every route of the OpenAPI description, right ones and wrong ones: none
fails, and every answer is as described."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from plugin.board import Board
from plugin.store import Store
from plugin.web.route import Route
from plugin.web.routes import ROUTES
from tests.cpu import within
from tests.fuzz.extent import MAX_SECONDS, examples
from tests.fuzz.likely import likely_requests
from tests.plugin.web.conftest import API, CLASH, OTHER, Service, fill

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
HEADERS = {"Authorization": "Bearer writing", "Accept-Encoding": "identity"}
# /-/ready says 503 until every watch was scored.
TESTED = [route for route in ROUTES if route.path != "/-/ready"]


@pytest.fixture
def operations(tmp_path: Path) -> Iterator[schemathesis.BaseSchema]:
    """The description, over an application that may be changed."""
    store = Store.open(tmp_path)
    board = Board()
    fill(store, board, "web", [API, OTHER, CLASH], {"severity": "page"})
    fill(store, board, "node", [{"__name__": "load", "instance": "a:9100"}], {})
    app = Service(store, board).app(write_token=SecretStr("writing"))
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, headers=HEADERS)
    store.close()


@pytest.mark.parametrize("route", TESTED, ids=lambda route: f"{route.method} {route.path}")
def test_no_bytes_in_a_query_are_too_odd(operations: schemathesis.BaseSchema, route: Route) -> None:
    client = operations.app.test_client()
    path = re.sub(r"<(\w+)>", "x", route.path)
    for parameter in route.parameters:
        for value in ("%ff%fe", "%ed%a0%80", "%00", "%u2028", "+" * 5000):
            answer = client.open(f"{path}?{parameter.name}={value}", method=route.method)
            assert answer.status_code < 500, parameter.name


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of a whole description
@pytest.mark.parametrize("route", TESTED, ids=lambda route: f"{route.method} {route.path}")
def test_every_answer_is_as_described(operations: schemathesis.BaseSchema, route: Route) -> None:
    operation = operations[re.sub(r"<(\w+)>", r"{\1}", route.path)][route.method]
    right = operation.as_strategy(GenerationMode.POSITIVE)
    likely = likely_requests(route).map(lambda parts: operation.Case(**parts))
    wrong = operation.as_strategy(GenerationMode.NEGATIVE)

    @examples(usual=25, long=20_000 // len(TESTED))
    @given(st.one_of(right, wrong, likely, likely))
    def check(case: Case) -> None:
        answer = within(MAX_SECONDS, lambda: case.call(headers=HEADERS))
        case.validate_response(answer, checks=CHECKS)

    check()
