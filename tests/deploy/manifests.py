"""Manifests of Kubernetes: how they are made, and whether a cluster would take them."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "bandwatch"
MODULES = Path(__file__).parent / "modules.txt"
SCHEMAS = Path(__file__).parent / "schemas"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bandwatch" / "backends"
OLDEST = "1.27"  # as kubeVersion in Chart.yaml says
NEWEST = "1.37"
OF_OPERATORS = ("monitoring.coreos.com/", "ray.io/")  # Kubernetes has no schemas of these
DEFINITIONS = "/api/_definitions.json"  # as the schemas refer to them

Manifest = dict[str, Any]


def program(name: str) -> Path:
    """Where Go puts what it builds of tests/deploy/modules.txt."""
    [version] = re.findall(rf"/{name}(?:/v\d+)?@(.+)$", MODULES.read_text(), re.MULTILINE)
    return CACHE / f"{name}@{version}" / name


def needs(name: str) -> pytest.MarkDecorator:
    """Skips a test where a program has not been built."""
    return pytest.mark.skipif(
        not program(name).exists(), reason=f"no {name} is built: `make helm` builds it with Go"
    )


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """A program, without the settings of who runs it."""
    return subprocess.run(
        [program(name), *map(str, arguments)],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
    )


def documents(text: str) -> list[Manifest]:
    """The manifests of a YAML text, without empty ones."""
    return [document for document in yaml.safe_load_all(text) if document]


def template(*arguments: object, chart: Path = CHART) -> subprocess.CompletedProcess[str]:
    """Helm renders the chart as the release `bandwatch`, for the oldest Kubernetes."""
    return run("helm", "template", "bandwatch", chart, "--kube-version", OLDEST, *arguments)


@cache
def rendered_text(*arguments: str) -> str:
    made = template(*arguments)
    assert made.returncode == 0, made.stderr
    return made.stdout


def render(*arguments: object) -> list[Manifest]:
    """The manifests that Helm makes of the chart, as the release `bandwatch`."""
    return documents(rendered_text(*map(str, arguments)))


def only(manifests: list[Manifest], kind: str, name: str = "") -> Manifest:
    """The one manifest of a kind, or of a kind and a name."""
    [manifest] = [
        each
        for each in manifests
        if each["kind"] == kind and name in ("", each["metadata"]["name"])
    ]
    return manifest


@cache
def registry(version: str) -> Registry[Any]:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    contents = json.loads((folder / "_definitions.json").read_text())
    resource = Resource.from_contents(contents, default_specification=DRAFT202012)
    return Registry().with_resource(DEFINITIONS, resource).crawl()  # else each look-up does it


@cache
def validator(api_version: str, kind: str, version: str) -> Draft202012Validator:
    """Of a kind, for a version of Kubernetes; strict: no key that it does not know."""
    own = SCHEMAS / f"{kind.lower()}.json"
    if api_version.startswith(OF_OPERATORS):
        return Draft202012Validator(json.loads(own.read_text()))
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}.0-local-strict"
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    schema = json.loads((folder / f"{kind.lower()}-{group}.json").read_text())
    return Draft202012Validator(schema, registry=registry(version))


def mistakes(manifests: list[Manifest]) -> Iterator[str]:
    """What Kubernetes of the oldest and of the newest version would refuse."""
    for manifest in manifests:
        name = f"{manifest['kind']} {manifest['metadata']['name']}"
        for version in (OLDEST, NEWEST):
            schema = validator(manifest["apiVersion"], manifest["kind"], version)
            for error in schema.iter_errors(manifest):
                yield f"{version}: {name}: {error.json_path}: {error.message}"
