"""deploy/kustomize: what the chart makes, in files that `kubectl apply --kustomize` reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugin.config import listening_on, parse
from tests.deploy.kustomize import CONFIG, FOLDER, RULES, chart_texts, rule_text
from tests.deploy.manifests import ROOT, Manifest, documents, mistakes, needs, only, run

GRAFANA = ROOT / "grafana"
VARIABLES = {"BANDWATCH_TOKEN": "reading", "BANDWATCH_WRITE_TOKEN": "writing"}


def settings(folder: Path) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / "kustomization.yaml").read_text()))


def resources(folder: Path) -> Iterator[Manifest]:
    """The manifests that a folder names itself."""
    for name in settings(folder)["resources"]:
        if (folder / name).is_file():
            yield from documents((folder / name).read_text())


@needs("helm")
def test_the_files_are_those_that_the_chart_makes() -> None:
    written = {
        str(path.relative_to(FOLDER)): path.read_text()
        for folder in ("base", "monitoring")
        for path in (FOLDER / folder).glob("*")
        if path.name not in ("kustomization.yaml", "prometheusrule.yaml")
    }
    assert written == chart_texts(), "`make kustomize` writes deploy/kustomize anew"


@pytest.mark.parametrize("name", ["base", "monitoring"])
def test_a_cluster_takes_the_manifests(name: str) -> None:
    folder = FOLDER / name
    assert list(mistakes(list(resources(folder)))) == []
    named = {*settings(folder)["resources"], "kustomization.yaml", "bandwatch.yml"}
    assert {path.name for path in folder.iterdir()} <= named


def test_rules_are_those_that_are_shipped() -> None:
    written = (FOLDER / "monitoring" / "prometheusrule.yaml").read_text()
    assert written == rule_text(), "`make kustomize` writes deploy/kustomize anew"
    assert yaml.safe_load(written)["spec"] == yaml.safe_load(RULES.read_text())


@pytest.mark.parametrize("file", [CONFIG, FOLDER / "example" / "bandwatch.yml"], ids=str)
def test_the_service_takes_the_configuration(file: Path) -> None:
    config = parse(file.read_text(), file=str(file), environment=VARIABLES)
    assert listening_on(config, ":8642").store.path == "/var/lib/bandwatch"


def test_grafana_gets_every_dashboard_from_where_it_is_made() -> None:
    named = [
        file.partition("=")[2]
        for generator in settings(GRAFANA)["configMapGenerator"]
        for file in generator["files"]
    ]
    shipped = [str(path.relative_to(GRAFANA)) for path in (GRAFANA / "dashboards").glob("*.json")]
    assert sorted(named) == sorted([*shipped, "provisioning/datasources/bandwatch.yml"])


def test_kubectl_can_write_each_configmap_down_in_an_annotation() -> None:
    """It keeps what it has applied as JSON, in 256 KiB at most."""
    for path in (GRAFANA / "dashboards").glob("*.json"):
        assert len(path.read_text()) * 1.3 < 256 * 1024, path.name


@needs("kustomize")
@pytest.mark.parametrize("name", ["base", "example"])
def test_kustomize_builds_it(name: str) -> None:
    made = run("kustomize", "build", FOLDER / name)
    assert made.returncode == 0, made.stderr
    manifests = documents(made.stdout)
    assert list(mistakes(manifests)) == []
    text = only(manifests, "ConfigMap", "bandwatch-config")["data"]["bandwatch.yml"]
    file = CONFIG if name == "base" else FOLDER / "example" / "bandwatch.yml"
    assert text == file.read_text()


@needs("kustomize")
def test_the_example_changes_what_it_says() -> None:
    manifests = documents(run("kustomize", "build", FOLDER / "example").stdout)
    assert {each["metadata"]["namespace"] for each in manifests} == {"monitoring"}
    pod = only(manifests, "StatefulSet")["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == "registry.example.org/bandwatch:0.2.0"
    for kind in ("ServiceMonitor", "PrometheusRule"):
        labels = only(manifests, kind)["metadata"]["labels"]
        assert labels["release"] == "kube-prometheus-stack"
    dashboards = [
        each for each in manifests if each["metadata"].get("labels", {}).get("grafana_dashboard")
    ]
    assert len(dashboards) == len(list((GRAFANA / "dashboards").glob("*.json")))


def test_a_wrong_manifest_is_found() -> None:
    monitor = only(list(resources(FOLDER / "monitoring")), "ServiceMonitor")
    assert list(mistakes([monitor])) == []
    monitor["spec"]["endpoints"][0]["honourLabels"] = True
    [error, _] = mistakes([monitor])
    assert "'honourLabels' was unexpected" in error
