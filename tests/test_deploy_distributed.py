"""deploy/distributed: workers and web apart on one machine, laid over docker-compose.yml."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugin.cli import parser
from plugin.config import load

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "deploy" / "distributed"
ONE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
MORE = yaml.safe_load((FOLDER / "compose.yml").read_text())
ROLES = {"bandwatch": "web", "worker": "worker"}


def service(name: str) -> dict[str, Any]:
    """As compose lays one file over the other, as far as is asked here."""
    first = ONE["services"].get(name, {})
    second = MORE["services"].get(name, {})
    environment = first.get("environment", {}) | second.get("environment", {})
    return {**first, **second, "environment": environment}


def test_each_role_runs_its_command_with_this_configuration() -> None:
    for name, role in ROLES.items():
        found = service(name)
        options = parser().parse_args(found["command"])
        assert found["command"][0] == role
        assert options.config_file == "/etc/bandwatch/bandwatch.yml"
        assert (
            "./deploy/distributed/bandwatch.yml:/etc/bandwatch/bandwatch.yml:ro" in found["volumes"]
        )
        assert found["image"] == "bandwatch:local"


def test_new_containers_are_confined_pinned_and_watched() -> None:
    for name in MORE["services"].keys() - ONE["services"].keys():
        found = service(name)
        assert int(found["user"].split(":")[0]) > 0, name
        assert found["cap_drop"] == ["ALL"], name
        assert found["security_opt"] == ["no-new-privileges:true"], name
        assert re.search(r":(local|\d+\.\d+)$", found["image"]), name
        assert found["healthcheck"]["test"][0] == "CMD", name
        assert "ports" not in found, f"{name} is for the others only"


def test_every_mount_exists() -> None:
    named = set()
    for name in MORE["services"]:
        for volume in MORE["services"][name].get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), source
            else:
                named.add(source)
    assert named <= ONE["volumes"].keys() | MORE["volumes"].keys()


def test_no_secret_is_written_down_and_all_roles_have_them() -> None:
    for name in ROLES:
        for variable, value in service(name)["environment"].items():
            assert value.startswith(f"${{{variable}:?"), (name, variable)


def test_the_configuration_is_that_of_one_process_with_a_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable in service("worker")["environment"]:
        monkeypatch.setenv(variable, variable.lower())
    one = load(ROOT / "deploy" / "bandwatch.yml")
    more = load(FOLDER / "bandwatch.yml")
    database = {"url", "password"}
    assert more.store.url == "postgresql+psycopg://bandwatch@postgres/bandwatch"
    assert one.store.model_dump(exclude=database) == more.store.model_dump(exclude=database)
    assert one.model_dump(exclude={"store"}) == more.model_dump(exclude={"store"})


def test_prometheus_scrapes_the_workers_too() -> None:
    one = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())
    more = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    [found] = more["scrape_configs"][-1].pop("dns_sd_configs")
    assert one == more
    assert found == {"names": ["worker"], "type": "A", "port": 8642}
