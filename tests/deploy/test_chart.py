"""The chart, rendered by Helm: what it makes of good values, and what it says of bad ones."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugin.cli import parser
from plugin.config import listening_on, parse
from tests.deploy.manifests import (
    CHART,
    ROOT,
    Manifest,
    documents,
    mistakes,
    needs,
    only,
    render,
    run,
    template,
)
from tests.deploy.test_chart_values import COMBINATIONS
from tests.servers import binary

pytestmark = needs("helm")

MINIMAL = CHART / "ci" / "minimal-values.yaml"
SECRET = "--set=auth.existingSecret=bandwatch"
VARIABLES = {
    "BANDWATCH_TOKEN": "reading",
    "BANDWATCH_WRITE_TOKEN": "writing",
    "PROMETHEUS_TOKEN": "asking",
}


def settings_text(manifests: list[Manifest]) -> str:
    return str(only(manifests, "ConfigMap", "bandwatch-config")["data"]["bandwatch.yml"])


def container(manifests: list[Manifest]) -> dict[str, Any]:
    [one] = only(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    return dict(one)


def checksum(manifests: list[Manifest]) -> str:
    template = only(manifests, "StatefulSet")["spec"]["template"]
    return str(template["metadata"]["annotations"]["checksum/config"])


def rules(manifests: list[Manifest]) -> dict[str, dict[str, Any]]:
    groups = only(manifests, "PrometheusRule")["spec"]["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


@pytest.mark.parametrize("path", COMBINATIONS, ids=lambda path: path.stem)
def test_each_combination(path: Path) -> None:
    """Helm finds nothing to remark, a cluster takes it, the service takes its configuration."""
    linted = run("helm", "lint", "--strict", CHART, "--values", path)
    assert linted.returncode == 0 and "[WARNING]" not in linted.stdout, linted.stdout
    manifests = render("--values", path)
    assert list(mistakes(manifests)) == []
    if path.name != "existing-values.yaml":
        text = settings_text(manifests)
        config = parse(text, file="/etc/bandwatch/bandwatch.yml", environment=VARIABLES)
        assert listening_on(config, ":8642").store.path == "/var/lib/bandwatch"


def pod_specs(path: Path) -> list[dict[str, Any]]:
    """Of the service, and of `helm test`."""
    return [
        each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
        for each in render("--values", path)
        if each["kind"] in ("Pod", "StatefulSet", "Deployment")
    ]


@pytest.mark.parametrize("path", COMBINATIONS, ids=lambda path: path.stem)
def test_the_command_line_knows_what_pods_run(path: Path) -> None:
    assert 'ENTRYPOINT ["bandwatch"]' in (ROOT / "Dockerfile").read_text()
    commands = [
        parser().parse_args(one["args"]) for pod in pod_specs(path) for one in pod["containers"]
    ]
    assert commands[0].config_file == "/etc/bandwatch/bandwatch.yml"


@pytest.mark.parametrize("path", COMBINATIONS, ids=lambda path: path.stem)
def test_no_pod_has_more_rights_than_it_needs(path: Path) -> None:
    pods = pod_specs(path)
    for pod in pods:
        assert not pod["automountServiceAccountToken"] and not pod["enableServiceLinks"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for one in pod["containers"]:
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "privileged": False,
                "readOnlyRootFilesystem": True,
            }
            assert one["resources"]["requests"].keys() == {"cpu", "memory"}
            assert one["resources"]["limits"].keys() == {"memory"}
    services = 2 if path.name == "distributed-values.yaml" else 1
    assert len(pods) == services + (path.name != "client-certificates-values.yaml")


def test_users_are_those_of_the_image_or_of_the_platform() -> None:
    def users(*arguments: object) -> set[str]:
        spec = only(render(*arguments), "StatefulSet")["spec"]["template"]["spec"]
        return {f"{key}={spec['securityContext'].get(key)}" for key in ("runAsUser", "fsGroup")}

    [user] = re.findall(r"^USER (\d+):", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users("--values", MINIMAL) == {f"runAsUser={user}", f"fsGroup={user}"}
    openshift = CHART / "ci" / "openshift-values.yaml"
    assert users("--values", openshift) == {"runAsUser=None", "fsGroup=None"}


def test_tokens_come_by_reference_only() -> None:
    manifests = render("--values", MINIMAL)
    assert container(manifests)["env"] == [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": "bandwatch", "key": key}}}
        for name, key in (
            ("BANDWATCH_TOKEN", "read-token"),
            ("BANDWATCH_WRITE_TOKEN", "write-token"),
        )
    ]
    assert "Secret" not in {each["kind"] for each in manifests}
    web = yaml.safe_load(settings_text(manifests))["web"]
    assert web == {"read_token": "${BANDWATCH_TOKEN}", "write_token": "${BANDWATCH_WRITE_TOKEN}"}


def test_probes_ask_what_needs_no_token() -> None:
    def probes(name: str) -> list[Any]:
        one = container(render("--values", CHART / "ci" / name))
        kinds = ("startupProbe", "livenessProbe", "readinessProbe")
        return [one[kind].get("httpGet") or one[kind]["tcpSocket"] for kind in kinds]

    paths = ("/-/healthy", "/-/healthy", "/-/ready")
    for name, scheme in (("minimal-values.yaml", "HTTP"), ("tls-values.yaml", "HTTPS")):
        assert probes(name) == [
            {"path": path, "port": "http", "scheme": scheme} for path in paths
        ], name
    assert probes("client-certificates-values.yaml") == [{"port": "http"}] * 3


def test_a_change_replaces_the_pod_only_where_a_reload_is_not_enough() -> None:
    def of(*arguments: object) -> str:
        return checksum(render(SECRET, *arguments))

    watch = "--set=config.prometheus.url=http://other:9090"
    store = "--set=config.store.retention=30d"
    web = "--set=config.web.threads=8"
    assert of() == of(watch) and len({of(), of(store), of(web)}) == 3
    restart = "--set=configReload=false"
    assert of(restart) != of(restart, watch)
    assert "--config.watch" in container(render(SECRET))["args"]
    assert "--config.watch" not in container(render(SECRET, restart))["args"]


def test_the_configuration_is_mounted_as_a_folder() -> None:
    """A single file (subPath) would never change."""
    mounts = container(render(SECRET))["volumeMounts"]
    assert {"name": "config", "mountPath": "/etc/bandwatch", "readOnly": True} in mounts
    assert not any("subPath" in mount for mount in mounts)


def test_prometheus_scrapes_under_the_name_that_the_rules_ask_for() -> None:
    monitor = CHART / "ci" / "operator-values.yaml"
    manifests = render("--values", monitor, "--set=fullnameOverride=other")
    [endpoint] = only(manifests, "ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": "bandwatch"}]
    assert endpoint["honorLabels"] is True
    selected = only(manifests, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    service = only(manifests, "Service")
    assert selected.items() <= service["metadata"]["labels"].items()
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_rules_are_those_that_are_shipped() -> None:
    def shipped(name: str) -> dict[str, Any]:
        text = (ROOT / "grafana" / "prometheus" / f"{name}.rules.yml").read_text()
        groups = yaml.safe_load(text)["groups"]
        return {rule["alert"]: rule for group in groups for rule in group["rules"]}

    arguments = (SECRET, "--set=prometheusRule.enabled=true")
    assert rules(render(*arguments)) == shipped("bandwatch")
    per_incident = shipped("bandwatch") | shipped("bandwatch-incidents")
    del per_incident["BandwatchAnomaly"]
    incidents = render(*arguments, "--set=prometheusRule.alertPer=incident")
    assert rules(incidents) == per_incident


def test_promtool_takes_the_rules_and_their_links_lead_home(tmp_path: Path) -> None:
    manifests = render("--values", CHART / "ci" / "operator-values.yaml")
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(only(manifests, "PrometheusRule")["spec"]))
    subprocess.run([binary("promtool"), "check", "rules", file], check=True, capture_output=True)
    for rule in rules(manifests).values():
        link = rule["annotations"]["dashboard_url"]
        assert link.count("/d/") == link.count("https://grafana.example.org/d/") == 1
        runbook = rule["annotations"]["runbook_url"]
        assert runbook.startswith("https://bandwatch.example.org/docs/runbooks/")


def test_dashboards_are_those_that_are_shipped() -> None:
    def dashboards(name: str) -> dict[str, str]:
        manifests = render("--values", CHART / "ci" / name)
        return {
            file.removeprefix("bandwatch-"): text
            for each in manifests
            if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
            for file, text in each["data"].items()
        }

    shipped = {
        path.name: path.read_text() for path in (ROOT / "grafana" / "dashboards").glob("*.json")
    }
    made = dashboards("grafana-values.yaml")
    assert {name: json.loads(text) for name, text in made.items()} == {
        name: json.loads(text) for name, text in shipped.items()
    }
    for name, text in dashboards("grafana-without-plugin-values.yaml").items():
        assert "yesoreyeram-infinity-datasource" not in text, name
    plugin = {name for name, text in shipped.items() if "yesoreyeram-infinity" in text}
    assert dashboards("grafana-without-plugin-values.yaml").keys() == shipped.keys() - plugin


def test_the_data_source_asks_the_service_and_keeps_no_secret() -> None:
    def source(name: str) -> dict[str, Any]:
        manifest = only(
            render("--values", CHART / "ci" / name), "ConfigMap", "bandwatch-data-source"
        )
        [only_source] = yaml.safe_load(manifest["data"]["bandwatch.yaml"])["datasources"]
        return dict(only_source)

    plain = source("grafana-values.yaml")
    [shipped] = yaml.safe_load(
        (ROOT / "grafana" / "provisioning" / "datasources" / "bandwatch.yml").read_text()
    )["datasources"]
    url = "http://bandwatch.default.svc:8642"
    shipped |= {"url": url, "jsonData": shipped["jsonData"] | {"allowedHosts": [url]}}
    assert plain == shipped
    encrypted = source("tls-values.yaml")
    assert encrypted["url"] == "https://bandwatch.default.svc:8642"
    assert encrypted["jsonData"]["tlsAuthWithCACert"] is True
    assert encrypted["secureJsonData"] == {
        "bearerToken": "$__file{/etc/bandwatch/read-token}",
        "tlsCACert": "$__file{/etc/bandwatch/ca.crt}",
    }


def test_the_rules_for_grafana_are_those_that_are_shipped() -> None:
    manifests = render("--values", CHART / "ci" / "grafana-values.yaml")
    text = only(manifests, "ConfigMap", "bandwatch-alerts")["data"]["bandwatch-alerts.yaml"]
    shipped = ROOT / "grafana" / "provisioning" / "alerting" / "bandwatch.yml"
    assert text.strip() == shipped.read_text().strip()


def test_only_who_is_named_may_ask() -> None:
    policy = only(render("--values", CHART / "ci" / "strict-network-values.yaml"), "NetworkPolicy")[
        "spec"
    ]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    [rule] = policy["ingress"]
    test_pod, monitoring = rule["from"]
    assert test_pod["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "bandwatch-test"
    assert monitoring == {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
    }
    assert [port["port"] for port in policy["egress"][0]["ports"]] == [53, 53]


def test_large_numbers_stay_as_they_are_written() -> None:
    text = settings_text(render("--values", CHART / "ci" / "operator-values.yaml"))
    assert "min_deviation: 10000000\n" in text


def notes(folder: Path, *arguments: object) -> str:
    """What Helm prints after an installation, which it renders without a cluster only as a
    manifest."""
    copy = folder / "chart"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(CHART, copy)
    text = (copy / "templates" / "NOTES.txt").read_text()
    (copy / "templates" / "notes.yaml").write_text(
        '{{- define "notes" }}'
        + text
        + "{{- end }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\n"
        + 'data:\n  text: |\n    {{- include "notes" . | nindent 4 }}\n'
    )
    made = template(*arguments, chart=copy)
    assert made.returncode == 0, made.stderr
    return str(only(documents(made.stdout), "ConfigMap", "notes")["data"]["text"])


def test_the_notes_say_how_to_go_on(tmp_path: Path) -> None:
    text = notes(tmp_path, "--values", MINIMAL, "--namespace", "watch")
    assert "kubectl --namespace watch port-forward service/bandwatch 8642:8642" in text
    assert """get secret bandwatch \\\n    --output go-template='{{ index .data "write-""" in text
    assert "helm test bandwatch --namespace watch --logs" in text
    assert "Prometheus does not scrape it yet" in text and "without persistence" not in text.lower()
    small = notes(tmp_path, "--values", CHART / "ci" / "small-values.yaml")
    assert "Without persistence" in small and "get secret" not in small


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "auth.existingSecret: no Secret is named"),
        ({"auth.existingSecret": "a", "auth.allowUnauthenticated": True}, "set one of the two"),
        ({"config.store.path": "/data"}, "config.store.path: the chart sets this itself"),
        ({"config.web.read_token": "x"}, "leave it out: set auth.existingSecret"),
        ({"config.prometheus.bearer_token": "x"}, "config.prometheus.bearer_token: a secret in pl"),
        ({"config.prometheus.headers.Authorization": "x"}, "headers.Authorization: a secret in"),
        ({"config.web.basic_auth[0].password": "x"}, "config.web.basic_auth[0].password: a secret"),
        ({"config.prometheus": None}, "missing property 'prometheus'"),
        ({"config.watches": []}, "minItems"),
        ({"config.watch": {}}, "additional properties 'watch' not allowed"),
        ({"replicas": 2}, "additional properties 'replicas' not allowed"),
        ({"image.tagg": "1"}, "additional properties 'tagg' not allowed"),
        ({"persistence.size": "ten"}, "persistence/size"),
        ({"persistence.accessMode": "ReadWriteMany"}, "persistence/accessMode"),
        ({"persistence.existingClaim": "a", "persistence.enabled": False}, "would not be used"),
        ({"resources.limits.memory": "2 GB"}, "resources/limits/memory"),
        ({"service.port": 70000}, "service/port"),
        ({"securityContext.runAsUser": 0}, "securityContext/runAsUser"),
        ({"tls.clientAuthType": "RequireAndVerifyClientCert"}, "tls/caKey"),
        ({"tls.clientAuthType": "Yes"}, "tls/clientAuthType"),
        ({"podDisruptionBudget.maxUnavailable": 2}, "podDisruptionBudget/maxUnavailable"),
        ({"grafana.dataSource.token": "hunter2"}, "grafana/dataSource/token"),
        ({"grafana.dataSource.enabled": True, "grafana.infinity": False}, "the plugin Infinity"),
        ({"grafana.alerts.enabled": True, "prometheusRule.enabled": True}, "would alert twice"),
        ({"mounts[0].path": "/x"}, "mounts[0]: name one of secret and configMap"),
        ({"env[0].name": "X"}, "env/0"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_bad_values_are_refused_in_words(values: dict[str, Any], message: str) -> None:
    protected = () if not values or "auth.existingSecret" in values else (SECRET,)
    changes = [f"--set-json={key}={json.dumps(value)}" for key, value in values.items()]
    made = template(*protected, *changes)
    assert made.returncode != 0 and message in made.stderr, made.stderr
