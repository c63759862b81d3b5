"""What the chart says of itself: values, their schema, the README, where its files come from. Needs
no Helm."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from plugin.config import Config
from plugin.version import VERSION
from tests.deploy.manifests import CHART, OLDEST, ROOT

COMBINATIONS = sorted((CHART / "ci").glob("*.yaml"))
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
README = (CHART / "README.md").read_text()


# Values whose keys are those of Kubernetes, of Bandwatch or of the user.
OPEN = ("affinity", "annotations", "config", "labels", "limits", "requests")


def merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """As Helm lays one file of values over another: null takes a value away."""
    result = dict(values)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def leaves(values: dict[str, Any], path: str = "") -> Iterator[str]:
    """`persistence.size` for each value; one with open keys counts as one."""
    for key, value in values.items():
        if isinstance(value, dict) and value and key not in OPEN:
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}"


def described(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The same of a schema."""
    if "$ref" in schema:
        schema = SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]]
    if "properties" not in schema or path.rpartition(".")[0].rpartition(".")[2] in OPEN:
        yield path.removesuffix(".")
        return
    for key, inner in schema["properties"].items():
        yield from described(inner, f"{path}{key}.")


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            yield schema
        for inner in schema.values():
            yield from objects(inner)


def test_the_schema_is_one_and_takes_the_defaults() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(VALUES)] == []


@pytest.mark.parametrize("path", COMBINATIONS, ids=lambda path: path.stem)
def test_the_schema_takes_each_combination(path: Path) -> None:
    values = merged(VALUES, yaml.safe_load(path.read_text()))
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(values)] == []


def test_the_schema_is_complete_and_closed() -> None:
    assert set(leaves(VALUES)) | {"global"} == set(described(SCHEMA))
    config = SCHEMA["properties"]["config"]
    settings = {id(inner) for inner in objects(config) if inner is not config}
    for schema in objects(SCHEMA):
        assert id(schema) in settings or schema["additionalProperties"] is False, schema


def test_the_schema_knows_each_section_of_the_configuration() -> None:
    assert set(SCHEMA["properties"]["config"]["properties"]) == set(Config.model_fields)


def test_the_readme_tells_each_value_and_each_combination() -> None:
    assert [name for name in leaves(VALUES) if f"| `{name}` |" not in README] == []
    for path in COMBINATIONS:
        assert f"| [`{path.name}`](ci/{path.name}) |" in README, path.name
        assert path.read_text().startswith("# "), path.name
    assert README.count("](ci/") == len(COMBINATIONS)


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == VERSION, "Chart.yaml has to name the version of plugin/version.py"
    assert chart["kubeVersion"] == f">={OLDEST}.0-0"
    assert f"Kubernetes {OLDEST}" in README


@pytest.mark.parametrize(
    ("name", "source"),
    [("dashboards", "dashboards"), ("rules", "prometheus"), ("provisioning", "provisioning")],
)
def test_the_files_of_the_chart_are_those_of_grafana(name: str, source: str) -> None:
    """Links, which Helm follows: there is nothing that could differ."""
    folder = CHART / "files" / name
    assert folder.is_symlink() and folder.resolve() == ROOT / "grafana" / source
