"""Writes deploy/kustomize from the chart and the shipped rules, so that there is one source: `make
kustomize`."""

import re
import sys
from textwrap import indent

from tests.deploy.manifests import CHART, ROOT, documents, program, rendered_text

FOLDER = ROOT / "deploy" / "kustomize"
RULES = ROOT / "grafana" / "prometheus" / "bandwatch.rules.yml"
CONFIG = FOLDER / "base" / "bandwatch.yml"
ARGUMENTS = (
    "--values",
    str(CHART / "ci" / "minimal-values.yaml"),
    "--set=serviceMonitor.enabled=true",
    "--no-hooks",  # that is, without the pod of `helm test`
)
HEADER = "# From the Helm chart, by `make kustomize`.\n"
RULE_HEADER = """# From grafana/prometheus/bandwatch.rules.yml, by `make kustomize`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: bandwatch
  labels:
    app.kubernetes.io/name: bandwatch
    app.kubernetes.io/instance: bandwatch
spec:
"""
# What only Helm needs, on a line of its own.
OF_HELM = re.compile(
    r"^ +(?:helm\.sh/chart|app\.kubernetes\.io/(?:managed-by|version)|checksum/config):.*\n"
    r"|^ +# With configReload only .*\n"
    r"|^# Source: .*\n",
    re.MULTILINE,
)


def rule_text() -> str:
    """The manifest of the shipped rules, with their comments."""
    groups = RULES.read_text().partition("groups:")
    return RULE_HEADER + indent("".join(groups[1:]), "  ")


def chart_texts() -> dict[str, str]:
    """The text of each file that Helm makes, by its path below deploy/kustomize."""
    texts = {}
    for text in re.split(r"^---\n", rendered_text(*ARGUMENTS), flags=re.MULTILINE):
        manifest = next(iter(documents(text)), None)
        if manifest is None:
            continue
        kind = manifest["kind"]
        if kind == "ConfigMap":
            texts["base/bandwatch.yml"] = manifest["data"]["bandwatch.yml"].replace(
                "Written by the Helm chart", "Yours replaces this one"
            )
            continue
        folder = "monitoring" if kind == "ServiceMonitor" else "base"
        texts[f"{folder}/{kind.lower()}.yaml"] = HEADER + OF_HELM.sub("", text).strip("\n") + "\n"
    return texts


def main() -> None:
    texts = {"monitoring/prometheusrule.yaml": rule_text()}
    if program("helm").exists():
        texts |= chart_texts()
    else:
        print("no helm is built: only the rules are written", file=sys.stderr)
    for name, text in texts.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
