"""The files around the code: container image, compose file, make targets and the scripts behind
them."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugin.cli import parser
from plugin.cli.service_process import LEAVE_SECONDS
from plugin.config import load
from plugin.scheduler import HEARTBEAT_SECONDS
from plugin.version import VERSION

ROOT = Path(__file__).parent.parent
SYSTEMD = ROOT / "deploy" / "systemd"
MAX_EXPOSURE = 3.0  # of `systemd-analyze security`: 0 is none, 10 the highest
SERVERS = ROOT / "deploy" / "install-servers.sh"
TARGETS = (
    "demo",
    "test",
    "test-backends",
    "helm",
    "kustomize",
    "lint",
    "bench",
    "bench-quality",
    "dashboards",
    "grafana-preview",
    "man",
    "size",
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
        image = service.get("image", "")
        assert "build" in service or re.search(r":v?\d+\.\d+(\.\d+)?$", image), name
        assert (
            service["healthcheck"]["test"][0] == "CMD" and service["restart"] == "unless-stopped"
        ), name
        for needed, how in service.get("depends_on", {}).items():
            is_optional = "profiles" in compose["services"][needed]
            wanted = {"required": False} if is_optional else {}
            assert how == {"condition": "service_healthy", **wanted}, (name, needed)
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


def test_the_profile_postgres_runs_the_same_process_on_a_database(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = compose["services"]
    command = services["bandwatch"]["command"]
    comments = (ROOT / "docker-compose.yml").read_text()
    assert "BANDWATCH_CONFIG=postgres EXTRAS=torch,postgres\n" in comments
    mounted = {
        volume.split(":")[1]: volume.split(":")[0] for volume in services["bandwatch"]["volumes"]
    }
    files = {}
    for name in ("bandwatch", "postgres"):
        arguments = [part.replace("${BANDWATCH_CONFIG:-bandwatch}", name) for part in command]
        options = parser().parse_args(arguments)
        assert arguments[0] == "run"
        files[name] = mounted[options.config_file]
    for variable in ("BANDWATCH_TOKEN", "BANDWATCH_WRITE_TOKEN", "BANDWATCH_DATABASE_PASSWORD"):
        monkeypatch.setenv(variable, variable.lower())
    store = load(ROOT / files["postgres"]).store
    assert load(ROOT / files["bandwatch"]).store.url is None
    database = services["database"]
    assert database["profiles"] == ["postgres"] and "ports" not in database
    [alias] = database["networks"]["default"]["aliases"]
    settings = database["environment"]
    assert store.url == (
        f"postgresql+psycopg://{settings['POSTGRES_USER']}@{alias}/{settings['POSTGRES_DB']}"
    )
    password = settings["POSTGRES_PASSWORD"]
    assert password == services["bandwatch"]["environment"]["BANDWATCH_DATABASE_PASSWORD"]
    assert password == "${BANDWATCH_DATABASE_PASSWORD:-}", "nobody else needs one"


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


def test_the_image_is_labelled_as_the_package() -> None:
    text = (ROOT / "Dockerfile").read_text()
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', text))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert labels == {
        "title": "Bandwatch",
        "description": project["description"],
        "authors": project["authors"][0]["name"],
        "licenses": project["license"],
        "source": project["urls"]["Source"],
        "version": VERSION,
        "revision": "${COMMIT}",
    }


def torch_step(folder: Path, *, pip_status: int = 0, **arguments: str) -> tuple[str, str]:
    """What the step of the image that installs torch runs, and what it says."""
    text = (ROOT / "Dockerfile").read_text()
    [step] = re.findall(r"^RUN (case .+?esac)$", text, re.MULTILINE | re.DOTALL)
    log = folder / "log"
    log.write_text("")
    pip = folder / "pip"
    pip.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexit {pip_status}\n')
    pip.chmod(0o755)
    defaults = dict(re.findall(r"^ARG (\w+)=(.*)$", text, re.MULTILINE))
    outcome = subprocess.run(
        ["/bin/sh", "-c", step.replace("\\\n", "")],
        env={"PATH": str(folder), **defaults, **arguments},
        capture_output=True,
        text=True,
    )
    assert (outcome.returncode == 0) == (pip_status == 0)
    return log.read_text(), outcome.stderr


def test_the_image_has_torch_for_processors_unless_told_otherwise(tmp_path: Path) -> None:
    asked, _ = torch_step(tmp_path)
    assert asked.endswith(" --index-url https://download.pytorch.org/whl/cpu torch\n")
    asked, _ = torch_step(tmp_path, TORCH_INDEX_URL="")
    assert asked == "install --no-deps --constraint constraints.txt torch\n"
    assert torch_step(tmp_path, EXTRAS="") == ("", "")
    asked, _ = torch_step(tmp_path, EXTRAS="plot,torch")
    assert asked


def test_an_image_without_its_torch_says_how_to_go_on(tmp_path: Path) -> None:
    _, text = torch_step(tmp_path, pip_status=1)
    assert "torch could not be installed from https://download.pytorch.org/whl/cpu" in text
    assert text.count("--build-arg") == 3


def test_the_compose_file_passes_on_what_the_image_asks_for(compose: dict[str, Any]) -> None:
    """Without a value: that of the environment, and where there is none, the default."""
    arguments = compose["services"]["bandwatch"]["build"]["args"]
    asked = re.findall(r"^ARG (\w+)=", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert sorted({*asked} - {"PYTHON"}) == arguments


def test_grafana_comes_with_its_profile_only(compose: dict[str, Any]) -> None:
    profiles = {name: service.get("profiles") for name, service in compose["services"].items()}
    chosen_by = {name: chosen for name, chosen in profiles.items() if chosen}
    assert chosen_by == {"grafana": ["grafana"], "database": ["postgres"]}
    assert profiles["grafana"] == ["grafana"]
    command = "docker compose --profile grafana up --build --wait"
    for name in ("README.md", "docker-compose.yml"):
        text = (ROOT / name).read_text()
        assert command in text and "docker compose up --build" not in text


@pytest.fixture(scope="module")
def unit() -> dict[str, str]:
    """The settings of the systemd unit that stand once."""
    lines = (SYSTEMD / "bandwatch.service").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]\w+=", line))


def test_the_unit_runs_what_the_page_installs(unit: dict[str, str]) -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    program, command, flag = unit["ExecStart"].split()
    assert command == "run" and flag.startswith("--config.file=")
    folder = program.removesuffix("/bin/bandwatch")
    assert f"python3 -m venv {folder}\n" in page
    assert f"{flag.partition('=')[2]}\n" in page
    assert unit["EnvironmentFile"].removeprefix("-") in page
    for file in SYSTEMD.iterdir():
        assert f"deploy/systemd/{file.name} " in page
    assert unit["Type"] == "notify" and unit["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert int(unit["WatchdogSec"]) >= 4 * HEARTBEAT_SECONDS
    assert int(unit["TimeoutStopSec"]) > LEAVE_SECONDS


def test_the_unit_and_its_user_agree(unit: dict[str, str]) -> None:
    [user] = re.findall(
        r"^u (\w+) .* (\S+)$", (SYSTEMD / "bandwatch.sysusers.conf").read_text(), re.MULTILINE
    )
    assert user == (unit["User"], unit["WorkingDirectory"])
    assert f"/var/lib/{unit['StateDirectory']}" == unit["WorkingDirectory"]


def analyze(*arguments: object) -> str:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_unit_is_valid_and_well_confined(tmp_path: Path) -> None:
    text = (SYSTEMD / "bandwatch.service").read_text()
    copy = tmp_path / "bandwatch.service"
    copy.write_text(text.replace("/opt/bandwatch/bin/bandwatch", "/bin/true"))
    assert analyze("verify", copy) == ""
    overview = analyze("security", "--offline=yes", copy)
    [exposure] = re.findall(r"exposure level for bandwatch.service: ([\d.]+)", overview)
    assert float(exposure) <= MAX_EXPOSURE


@pytest.mark.parametrize("kind", ["sysusers", "tmpfiles"])
def test_systemd_makes_the_user_and_the_folder(kind: str, tmp_path: Path) -> None:
    program = f"systemd-{kind}"
    if shutil.which(program) is None:
        pytest.skip("systemd is not installed")
    (tmp_path / "etc").mkdir()
    users = SYSTEMD / "bandwatch.sysusers.conf"
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", users], check=True)
    assert "bandwatch:" in (tmp_path / "etc" / "passwd").read_text()
    if kind == "tmpfiles" and os.getuid() == 0:
        folders = SYSTEMD / "bandwatch.tmpfiles.conf"
        subprocess.run(["systemd-tmpfiles", f"--root={tmp_path}", "--create", folders], check=True)
        assert (tmp_path / "etc" / "bandwatch").stat().st_mode & 0o777 == 0o750


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


def test_other_programs_are_built_in_the_same_way(tmp_path: Path) -> None:
    """Go calls a program by the part before `/v5`."""
    (tmp_path / "cache").mkdir()
    modules = "tests/deploy/modules.txt"
    go = BUILDS.replace("name=${module##*/}", "name=$(echo ${module%/v5@*} | sed 's:.*/::')")
    for _ in range(2):
        assert backends(tmp_path, modules, go=go).returncode == 0
    assert (tmp_path / "cache" / "built").read_text() == (ROOT / modules).read_text(), "each once"
    assert backends(tmp_path, "--cached", modules).returncode == 0
    assert backends(tmp_path, "--cached").returncode == 1
    for name in ("helm", "kustomize"):
        [path] = (tmp_path / "cache" / "bandwatch" / "backends").glob(f"{name}@*/{name}")
        assert path.exists()


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
        self.clusters = folder / "createcluster.d"
        self.postgres = folder / "postgresql"
        self.log = folder / "log"
        self.bin.mkdir()
        for tool in ("rm", "chmod", "cat", "mkdir"):
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
            env={
                "PATH": str(self.bin),
                "POLICY_RC_D": str(self.policy),
                "POSTGRES_FOLDER": str(self.postgres),
                "CREATECLUSTER_D": str(self.clusters),
            },
        )


def test_nothing_is_installed_where_all_is_there(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.apt(0)
    for name in ("prometheus", "promtool", "prometheus-node-exporter", "prometheus-alertmanager"):
        machine.command(name, "")
    assert machine.install("--optional").returncode == 0 and not machine.log.exists()
    machine.command("chromium", "")
    machine.command("initdb", "")
    assert machine.install().returncode == 0 and not machine.log.exists()


def test_postgresql_is_found_off_the_path_where_debian_has_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.apt(0)
    for name in (
        "prometheus",
        "promtool",
        "prometheus-node-exporter",
        "prometheus-alertmanager",
        "chromium",
    ):
        machine.command(name, "")
    folder = machine.postgres / "15" / "bin"
    folder.mkdir(parents=True)
    assert machine.install().returncode == 0 and machine.log.exists()
    machine.log.unlink()
    (folder / "initdb").touch(0o755)
    assert machine.install().returncode == 0 and not machine.log.exists()


def test_browser_and_database_are_installed_for_the_tests_and_not_for_the_demo(
    tmp_path: Path,
) -> None:
    machine = Machine(tmp_path, user=0)
    machine.command("apt-get", f'echo "$*" >>{machine.log}')
    assert machine.install("--optional").returncode == 0
    said = machine.log.read_text()
    assert "chromium" not in said and "postgresql" not in said
    assert machine.install().returncode == 0
    assert machine.log.read_text().endswith("prometheus-alertmanager postgresql chromium\n")


def test_postgresql_comes_without_a_cluster(tmp_path: Path) -> None:
    machine = Machine(tmp_path, user=0)
    machine.command("apt-get", f"cat {machine.clusters}/*.conf >>{machine.log}")
    assert machine.install().returncode == 0
    assert machine.log.read_text() == "create_main_cluster = false\n" * 2
    assert not list(machine.clusters.iterdir())


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
        "apt install prometheus prometheus-node-exporter prometheus-alertmanager postgresql"
        in strict.stderr
    )
    assert not machine.policy.exists()
