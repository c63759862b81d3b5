"""What is shipped for Grafana, as Grafana's API hands it out."""

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent / "grafana"


def dashboards() -> dict[str, dict[str, Any]]:
    """By uid."""
    boards = [json.loads(path.read_text()) for path in sorted((ROOT / "dashboards").glob("*.json"))]
    return {board["uid"]: board for board in boards}


def rules() -> dict[str, dict[str, Any]]:
    """By uid, in the shape of the provisioning API, which is the file's with other names around
    it."""
    found = {}
    for path in sorted((ROOT / "provisioning" / "alerting").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                found[rule["uid"]] = {
                    "labels": {},
                    "isPaused": False,
                    "orgID": group["orgId"],
                    "ruleGroup": group["name"],
                    "folderUID": "bandwatch",
                    **rule,
                }
    return found


def sources() -> list[dict[str, Any]]:
    [source] = yaml.safe_load(
        (ROOT / "provisioning" / "datasources" / "bandwatch.yml").read_text()
    )["datasources"]
    return [{**source, "url": "http://bandwatch:8642"}]
