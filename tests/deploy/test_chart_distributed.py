"""The chart beyond one pod: workers and web apart, as Helm renders them."""

import json
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import CHART, ROOT, Manifest, needs, only, render, template

pytestmark = needs("helm")

VALUES = ("--values", CHART / "ci" / "distributed-values.yaml")
COMPONENT = "app.kubernetes.io/component"
ROLES = ("worker", "web")


def deployment(manifests: list[Manifest], role: str) -> dict[str, Any]:
    return dict(only(manifests, "Deployment", f"bandwatch-{role}")["spec"])


def test_each_role_has_its_command_and_no_volume() -> None:
    manifests = render(*VALUES)
    kinds = {each["kind"] for each in manifests}
    assert not kinds & {"StatefulSet", "PersistentVolumeClaim"}
    for role in ROLES:
        pod = deployment(manifests, role)["template"]
        [container] = pod["spec"]["containers"]
        assert container["args"][0] == role
        assert pod["metadata"]["labels"][COMPONENT] == role
        [data] = [each for each in pod["spec"]["volumes"] if each["name"] == "data"]
        assert data["emptyDir"] == {"sizeLimit": "10Gi"}


def test_people_ask_the_web_and_prometheus_asks_all() -> None:
    manifests = render(*VALUES)
    web = only(manifests, "Service", "bandwatch")["spec"]
    assert web["selector"][COMPONENT] == "web"
    assert "publishNotReadyAddresses" not in web, "a replica without snapshots answers nobody"
    workers = only(manifests, "Service", "bandwatch-worker")
    assert workers["spec"]["selector"][COMPONENT] == "worker"
    selected = only(manifests, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert selected.items() <= workers["metadata"]["labels"].items()
    assert COMPONENT not in selected
    policy = only(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert COMPONENT not in policy


def test_selectors_find_the_pods_of_their_role_alone() -> None:
    manifests = render(*VALUES)
    for role in ROLES:
        name = f"bandwatch-{role}"
        labels = deployment(manifests, role)["template"]["metadata"]["labels"]
        budget = only(manifests, "PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"]
        selector = deployment(manifests, role)["selector"]["matchLabels"]
        assert budget == selector and selector[COMPONENT] == role
        assert selector.items() <= labels.items()


def test_more_pods_come_by_load_and_by_lag() -> None:
    manifests = render(*VALUES)
    scaler = only(manifests, "HorizontalPodAutoscaler", "bandwatch-worker")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (4, 12)
    assert [metric["type"] for metric in scaler["metrics"]] == ["Resource", "Pods"]
    assert scaler["metrics"][1]["pods"]["target"]["averageValue"] == "120"
    assert scaler["scaleTargetRef"]["name"] == "bandwatch-worker"
    assert "replicas" not in deployment(manifests, "worker"), "the autoscaler sets them"
    fixed = render(*VALUES, "--set=worker.autoscaling.enabled=false,web.autoscaling.enabled=false")
    assert deployment(fixed, "worker")["replicas"] == 4
    assert "HorizontalPodAutoscaler" not in {each["kind"] for each in fixed}


def test_fits_run_on_a_ray_cluster_of_the_version_that_is_tested() -> None:
    manifests = render("--values", CHART / "ci" / "ray-values.yaml")
    cluster = only(manifests, "RayCluster")
    assert f"ray=={cluster['spec']['rayVersion']}\n" in (ROOT / "constraints.txt").read_text()
    [group] = cluster["spec"]["workerGroupSpecs"]
    assert (group["minReplicas"], group["maxReplicas"]) == (0, 8)
    text = only(manifests, "ConfigMap", "bandwatch-config")["data"]["bandwatch.yml"]
    assert yaml.safe_load(text)["executor"] == {
        "kind": "ray",
        "address": f"ray://{cluster['metadata']['name']}-head-svc.default.svc:10001",
        "fits": 16,
        "cpus_per_fit": 1,
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mode": "cluster"}, "mode"),
        ({"config.store.url": None}, "config.store.url: mode is distributed, and several pods"),
        ({"config.store.weights": None}, "config.store.weights: mode is distributed"),
        (
            {"config.store.url": "postgresql+psycopg://a:b@c/d"},
            "config.store.url: a password, which",
        ),
        ({"persistence.existingClaim": "a"}, "no pod has a volume"),
        ({"worker.autoscaling.cpu": 0, "worker.autoscaling.lagSeconds": 0}, "by nothing"),
        ({"ray.enabled": True, "config.executor.kind": "local"}, "the chart sets kind and address"),
        ({"worker.replicas": 0}, "worker/replicas"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_bad_values_are_refused_in_words(values: dict[str, Any], message: str) -> None:
    changes = [f"--set-json={key}={json.dumps(value)}" for key, value in values.items()]
    made = template(*VALUES, *changes)
    assert made.returncode != 0 and message in made.stderr, made.stderr
