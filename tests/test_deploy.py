"""The files around the code: container image, compose file, make targets and the scripts behind
them."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugin.config import load

ROOT = Path(__file__).parent.parent
SERVERS = ROOT / "deploy" / "install-servers.sh"
TARGETS = (
    "demo",
    "test",
    "test-backends",
    "lint",
    "bench",
    "bench-quality",
    "dashboards",
    "grafana-preview",
    "man",
    "clean",
    "help",
)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


def test_no_container_is_root_and_none_is_reachable_from_outside(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert int(service["user"].split(":")[0]) > 0, name
        assert (
            service["cap_drop"] == ["ALL"] and "no-new-privileges:true" in service["security_opt"]
        ), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


def test_every_service_is_pinned_watched_and_restarted(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
        assert (
            service["healthcheck"]["test"][0] == "CMD" and service["restart"] == "unless-stopped"
        ), name
        for needed, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, (name, needed)
    plugins = compose["services"]["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"]
    assert re.fullmatch(r"yesoreyeram-infinity-datasource@\d+\.\d+\.\d+", plugins)


def test_every_mount_exists_and_every_folder_of_ours_is_read_only(compose: dict[str, Any]) -> None:
    named = set()
    for name, service in compose["services"].items():
        for source, _, *how in (volume.split(":") for volume in service.get("volumes", ())):
            if source.startswith("."):
                assert (ROOT / source).exists() and how == ["ro"], (name, source)
            elif not source.startswith("/"):
                named.add(source)
    assert named == set(compose["volumes"])


def test_grafana_gets_all_that_we_ship_and_the_prometheus_of_this_file(
    compose: dict[str, Any],
) -> None:
    service = compose["services"]["grafana"]
    mounted = dict(volume.split(":")[:2] for volume in service["volumes"] if volume.startswith("."))
    shipped = {
        f"./{path.relative_to(ROOT)}"
        for path in (ROOT / "grafana" / "provisioning").glob("*/*.yml")
    }
    assert {
        source: f"/etc{source.removeprefix('.')}" for source in shipped
    }.items() <= mounted.items()
    assert mounted["./deploy/grafana-prometheus.yml"].startswith(
        "/etc/grafana/provisioning/datasources/"
    )
    [source] = yaml.safe_load((ROOT / "deploy" / "grafana-prometheus.yml").read_text())[
        "datasources"
    ]
    assert (
        source["type"] == "prometheus"
        and source["url"].split("/")[2].split(":")[0] in compose["services"]
    )
    home = Path(service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert mounted["./grafana/dashboards"] == str(home.parent)
    assert (ROOT / "grafana" / "dashboards" / home.name).exists()


def test_the_token_is_shared_and_never_written_down(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("bandwatch", "grafana"):
        assert services[name]["environment"]["BANDWATCH_TOKEN"].startswith("${BANDWATCH_TOKEN:?"), (
            name
        )
    assert services["bandwatch"]["environment"]["BANDWATCH_WRITE_TOKEN"].startswith(
        "${BANDWATCH_WRITE_TOKEN:?"
    )
    assert "BANDWATCH_WRITE_TOKEN" not in services["grafana"]["environment"], "it only reads"
    assert compose["secrets"] == {"bandwatch_token": {"environment": "BANDWATCH_TOKEN"}}
    assert (
        services["prometheus"]["secrets"][0]["uid"] == services["prometheus"]["user"].split(":")[0]
    )


def test_people_on_call_can_answer_where_this_file_runs(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDWATCH_TOKEN", "reading")
    monkeypatch.setenv("BANDWATCH_WRITE_TOKEN", "writing")
    web = load(ROOT / "deploy" / "bandwatch.yml").web
    assert web.read_token is not None and web.read_token.get_secret_value() == "reading"
    assert web.write_token is not None and web.write_token.get_secret_value() == "writing"
    [port] = compose["services"]["bandwatch"]["ports"]
    assert web.external_url == f"http://{port.rpartition(':')[0]}"


def test_the_commands_of_the_readme_and_the_compose_file_agree(compose: dict[str, Any]) -> None:
    readme = (ROOT / "README.md").read_text()
    comments = (ROOT / "docker-compose.yml").read_text()
    [command] = re.findall(r"^#   (export BANDWATCH_TOKEN=.+)$", comments, re.MULTILINE)
    assert readme.count("openssl rand") == readme.count(command) * command.count("openssl rand")
    for name in ("grafana", "bandwatch", "prometheus"):
        [port] = compose["services"][name]["ports"]
        assert f"http://{port.rpartition(':')[0]}" in readme
    assert "GRAFANA_PASSWORD" in readme


def test_prometheus_accepts_its_file(compose: dict[str, Any], tmp_path: Path) -> None:
    text = (ROOT / "deploy" / "prometheus.yml").read_text()
    token = tmp_path / "token"
    copy = tmp_path / "prometheus.yml"
    token.write_text("secret")
    copy.write_text(text.replace("/run/secrets/bandwatch_token", str(token)))
    subprocess.run(["promtool", "check", "config", copy], check=True, capture_output=True)
    hosts = {
        target.split(":")[0]
        for job in yaml.safe_load(text)["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }
    assert hosts - {"localhost"} <= set(compose["services"])


def test_the_image_is_built_from_what_is_there_and_not_as_root(compose: dict[str, Any]) -> None:
    text = (ROOT / "Dockerfile").read_text()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists() and f"!{source}" in ignored, source
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == [
        compose["services"]["bandwatch"]["user"]
    ]
    assert "HEALTHCHECK" in text and "/-/healthy" in text


def test_the_health_check_asks_with_and_without_tls(compose: dict[str, Any]) -> None:
    command = compose["services"]["bandwatch"]["healthcheck"]["test"]
    assert json.dumps(command[3])[1:-1] in (ROOT / "Dockerfile").read_text()
    with pytest.MonkeyPatch.context() as patch:
        asked: list[str] = []
        patch.setattr("urllib.request.urlopen", lambda url, **_: asked.append(url))
        exec(command[3])
        patch.setenv("BANDWATCH_HEALTH_URL", "https://127.0.0.1:8642")
        exec(command[3])
    assert asked == [f"{scheme}://127.0.0.1:8642/-/healthy" for scheme in ("http", "https")]


@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_the_target(target: str) -> None:
    made = subprocess.run(
        ["make", "--no-print-directory", "-n", target, "ARGS=--duration 7s"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert ("bandwatch demo --duration 7s" in made) == (target == "demo")
    assert f"make {target}" in subprocess.check_output(["make", "help"], cwd=ROOT, text=True)


def test_bench_quality_says_what_it_needs() -> None:
    made = subprocess.run(
        ["make", "--no-print-directory", "bench-quality"], cwd=ROOT, capture_output=True, text=True
    )
    assert (
        made.returncode == 2
        and "bench-quality: no DATA: name a folder of NAME.csv[.gz]" in made.stderr
    )


def test_ci_runs_lint_and_tests() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "make lint test" in (ROOT / ".ci" / "run").read_text()


def backends(folder: Path, *arguments: str, go: str = "exit 1") -> subprocess.CompletedProcess[str]:
    """The script that builds other servers, with a cache and a Go of our making."""
    (folder / "bin").mkdir(exist_ok=True)
    command = folder / "bin" / "go"
    command.write_text(f"#!/bin/sh\n{go}\n")
    command.chmod(0o755)
    return subprocess.run(
        [ROOT / "deploy" / "install-backends.sh", *arguments],
        env={"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
    )


BUILDS = """
[ "$1" = version ] && exit 0
for module; do :; done
name=${module##*/}
echo "$module" >>"${XDG_CACHE_HOME}/built"
echo program >"$GOBIN/${name%@*}" && chmod 755 "$GOBIN/${name%@*}"
"""


def test_other_servers_are_built_once_and_kept(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    assert backends(tmp_path, "--cached").returncode == 1
    for _ in range(2):
        assert backends(tmp_path, go=BUILDS).returncode == 0
    modules = (ROOT / "tests" / "backends" / "modules.txt").read_text()
    assert (tmp_path / "cache" / "built").read_text() == modules, "each once"
    assert backends(tmp_path, "--cached").returncode == 0
    for module in modules.split():
        release = module.rpartition("/")[2]
        name = release.partition("@")[0]
        assert (tmp_path / "cache" / "bandwatch" / "backends" / release / name).exists()


def test_a_machine_without_go_is_told_what_is_skipped(tmp_path: Path) -> None:
    outcome = backends(tmp_path)
    assert outcome.returncode == 0 and "no Go is installed" in outcome.stderr
    assert "cmd/prometheus@" in outcome.stderr and "victoria-metrics@" in outcome.stderr


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    outcome = backends(tmp_path, go='[ "$1" = version ]')
    assert outcome.returncode == 1 and "Go could not build" in outcome.stderr
    assert list((tmp_path / "cache" / "bandwatch" / "backends").iterdir()) == []


class Machine:
    """A machine of our making: only the commands of one folder, and a place for the policy file."""

    def __init__(self, folder: Path, user: int) -> None:
        self.bin = folder / "bin"
        self.policy = folder / "policy-rc.d"
        self.log = folder / "log"
        self.bin.mkdir()
        for tool in ("rm", "chmod", "cat"):
            self.command(tool, f'exec /bin/{tool} "$@"')
        self.command("id", f"echo {user}")

    def command(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def apt(self, status: int) -> None:
        self.command(
            "apt-get", f'echo "$1 $(cat {self.policy} 2>/dev/null)" >>{self.log}; exit {status}'
        )

    def install(self, *flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", SERVERS, *flags],
            capture_output=True,
            text=True,
            env={"PATH": str(self.bin), "POLICY_RC_D": str(self.policy)},
        )


def test_nothing_is_installed_where_all_is_there(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.apt(0)
    for name in ("prometheus", "promtool", "prometheus-node-exporter", "prometheus-alertmanager"):
        machine.command(name, "")
    assert machine.install("--optional").returncode == 0 and not machine.log.exists()
    machine.command("chromium", "")
    assert machine.install().returncode == 0 and not machine.log.exists()


def test_the_browser_is_installed_for_the_tests_and_not_for_the_demo(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.command("apt-get", f'echo "$*" >>{machine.log}')
    assert machine.install("--optional").returncode == 0
    assert "chromium" not in machine.log.read_text()
    assert machine.install().returncode == 0
    assert machine.log.read_text().endswith("prometheus-alertmanager chromium\n")


def test_servers_are_installed_under_a_policy_that_starts_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.apt(0)
    assert machine.install().returncode == 0
    assert machine.log.read_text() == "update #!/bin/sh\nexit 101\ninstall #!/bin/sh\nexit 101\n"
    assert not machine.policy.exists()


def test_a_policy_of_the_machine_is_left_alone(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.apt(0)
    machine.policy.write_text("theirs")
    assert machine.install().returncode == 0 and machine.policy.read_text() == "theirs"


@pytest.mark.parametrize(
    ("user", "apt", "reason"),
    [
        (1000, 0, "only root can install it"),
        (0, 100, "apt-get could not install"),
        (0, None, "there is no apt-get"),
    ],
)
def test_the_tests_need_the_servers_and_the_demo_does_not(
    tmp_path: Path, user: int, apt: int | None, reason: str
) -> None:
    machine = Machine(tmp_path, user)
    if apt is not None:
        machine.apt(apt)
    strict = machine.install()
    relaxed = machine.install("--optional")
    assert (strict.returncode, relaxed.returncode) == (1, 0)
    assert reason in strict.stderr and reason in relaxed.stderr
    assert (
        "apt install prometheus prometheus-node-exporter prometheus-alertmanager" in strict.stderr
    )
    assert not machine.policy.exists()
