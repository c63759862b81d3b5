"""The rows of answers are what their types say, and OpenAPI describes these types."""

import re
from dataclasses import fields

import msgspec
import pytest
from flask.testing import FlaskClient

from plugin.domain.times import HOUR
from plugin.web import row_types
from plugin.web.alert import FIELDS
from plugin.web.queries import parameters_of
from plugin.web.routes import ROUTES
from tests.plugin.web.conftest import START, Service
from tests.plugin.web.test_incidents import FIRST, keep

RANGE = f"from={START * 1000}&to={(START + 6 * HOUR) * 1000}"
# the columns that stand for labels of the series and of the watches of the fixture
LABELS = {
    "job",
    "instance",
    "code",
    "__name__",
    "severity",
    "label_value",
    "label_label_value",
    "label_alertname",
    "watch_severity",
    "label_severity",
}
ANSWERS = [
    ("bands", RANGE, row_types.BandRow),
    ("bands", f"{RANGE}&watch=node&labels=none", row_types.BandRow),
    ("scores", "", row_types.ScoreRow),
    ("watches", "", row_types.WatchRow),
    *(
        ("alert", f"by={by}&field={field}", row_types.AlertRow)
        for by, names in FIELDS.items()
        for field in names
        if by != "incident"  # the fixture has none on its board
    ),
    ("incidents", RANGE, row_types.IncidentRow),
    ("incidents", f"{RANGE}&members=true", row_types.IncidentRow),
    *(("budget", f"by={by}", row_types.BudgetRow) for by in ("series", "watch", "day")),
]


@pytest.fixture
def linked(service: Service) -> FlaskClient:
    """With an incident and with links."""
    keep(service, FIRST)
    return service.app(external_url="http://bandwatch").test_client()


@pytest.mark.parametrize(("path", "parameters", "kind"), ANSWERS)
def test_rows_with_labels_agree_with_their_type(
    linked: FlaskClient, path: str, parameters: str, kind: type[msgspec.Struct]
) -> None:
    rows = linked.get(f"/api/v1/{path}?{parameters}").get_json()
    assert rows
    columns = set(kind.__struct_encode_fields__)
    for row in rows:
        msgspec.convert(row, kind)
        assert set(row) - columns <= LABELS


def test_every_number_of_alert_rules_has_a_field() -> None:
    numbers = {field for fields in FIELDS.values() for field in fields}
    strings = {"watch", "series", "incident", "severity", "unit"}
    assert set(row_types.AlertRow.__struct_encode_fields__) == numbers | strings


def test_a_type_names_its_label_columns_as_such(client: FlaskClient) -> None:
    schemas = client.get("/api/v1/openapi.json").get_json()["components"]["schemas"]
    labelled = {name for name, schema in schemas.items() if "additionalProperties" in schema}
    assert labelled >= {"BandRow", "ForecastRow", "ScoreRow", "WatchRow", "AlertRow", "IncidentRow"}
    assert schemas["ScoreRow"]["properties"]["missing"] == {"enum": [0, 1]}
    assert set(schemas["RegimeRow"]["properties"]) == set(schemas["RegimeRow"]["required"])


def test_a_query_has_a_field_for_each_part_of_its_path() -> None:
    for route in ROUTES:
        parts = set(re.findall(r"<(\w+)>", route.path))
        assert {item.name for item in fields(route.query)} == parts | set(
            parameters_of(route.query)
        ), route.path
