"""The wheel and the archive of the source: built twice, and installed where nothing but its
dependencies is."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

import bandwatch
from plugin.version import VERSION
from tests.installed_size import closure, requirements

ROOT = Path(__file__).parent.parent
FOLDERS = ("bandwatch", "deploy", "detectors", "docs", "grafana", "plugin")
FILES = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "constraints.txt",
    "docker-compose.yml",
    "pyproject.toml",
    "setup.py",
)
WHEEL = f"bandwatch-{VERSION}-py3-none-any.whl"
ARCHIVE = f"bandwatch-{VERSION}.tar.gz"
BUILD = "from setuptools import build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')"
AUTHOR = ["-c", "user.name=tester", "-c", "user.email=tester@localhost"]
# What each command loads, without the work.
COMMANDS = """
import sys
import plugin.app
print([name for name in ("alembic", "icalendar") if name in sys.modules])
import plugin.commands.check.run
import plugin.commands.demo.run
import plugin.commands.grafana.check
import plugin.commands.init.run
import plugin.commands.preview.run
import plugin.commands.report.gather
"""


def build(checkout: Path) -> Path:
    """The folder with the wheel and the archive of a checkout."""
    subprocess.run(
        [sys.executable, "-c", BUILD], cwd=checkout, check=True, capture_output=True, text=True
    )
    return checkout / "dist"


def copy_checkout(target: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in FOLDERS:
        shutil.copytree(ROOT / name, target / name, symlinks=True, ignore=ignored)
    for name in FILES:
        shutil.copyfile(ROOT / name, target / name)
    return target


@dataclass(frozen=True)
class Built:
    """commit: of the checkout. checkout, archive: the folders with what was made from it, and from
    the archive of its source."""

    commit: str
    checkout: Path
    archive: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("distribution")
    checkout = copy_checkout(folder / "checkout")
    for command in (["init", "-q"], ["add", "-A"], [*AUTHOR, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *command], cwd=checkout, check=True, capture_output=True)
    commit = subprocess.check_output(
        ["git", "rev-parse", "--short=12", "HEAD"], cwd=checkout, text=True
    ).strip()
    seconds = subprocess.check_output(
        ["git", "log", "-1", "--format=%ct"], cwd=checkout, text=True
    ).strip()
    dist = build(checkout)
    unpacked = folder / "unpacked"
    with tarfile.open(dist / ARCHIVE) as archive:
        archive.extractall(unpacked, filter="data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", seconds)
        again = build(unpacked / f"bandwatch-{VERSION}")
    return Built(commit, dist, again)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has the wheel and what it needs, no extra."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    [packages] = folder.glob("lib/*/site-packages")
    for name in closure(requirements()):
        for file in metadata.files(name) or ():
            if ".." not in file.parts:  # programs and man pages
                link = packages / file
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(file.locate())
    wheel = built.checkout / WHEEL
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-index", "--no-deps", "--no-compile", wheel], check=True
    )
    return folder / "bin"


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Far from the checkout."""
    environment = {"PATH": os.defpath, "COLUMNS": "80", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, env=environment, cwd=program.parent
    )


@pytest.mark.parametrize("name", [WHEEL, ARCHIVE])
def test_two_builds_are_the_same(built: Built, name: str) -> None:
    """The second from the archive of the first, in another folder, at another time."""
    assert (built.checkout / name).read_bytes() == (built.archive / name).read_bytes()


def test_the_wheel_has_all_that_is_ours(built: Built) -> None:
    names = set(zipfile.ZipFile(built.checkout / WHEEL).namelist())
    folders = {name.partition("/")[0] for name in names}
    assert folders == {"bandwatch", "detectors", "plugin", f"bandwatch-{VERSION}.dist-info"}
    pages = {f"plugin/docs/{path.relative_to(ROOT / 'docs')}" for path in page_paths()}
    versions = ROOT / "plugin" / "store" / "migrations" / "versions"
    migrations = {str(path.relative_to(ROOT)) for path in versions.glob("*.py")}
    assert pages | migrations | {"plugin/commit.txt", "plugin/config/example.yml"} <= names
    assert migrations


def page_paths() -> list[Path]:
    return [path for path in (ROOT / "docs").rglob("*") if path.is_file()]


def test_the_archive_has_what_is_around_the_code(built: Built) -> None:
    with tarfile.open(built.checkout / ARCHIVE) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {*FILES, "deploy/systemd/bandwatch.service", "grafana/dashboards/fleet.json"} <= names
    assert {str(path.relative_to(ROOT)) for path in page_paths()} <= names


def test_the_metadata_says_whose_it_is_and_where_it_runs(built: Built) -> None:
    with zipfile.ZipFile(built.checkout / WHEEL) as wheel:
        text = wheel.read(f"bandwatch-{VERSION}.dist-info/METADATA").decode()
    for line in (
        "Name: bandwatch",
        f"Version: {VERSION}",
        "Author: Bandwatch maintainers",
        "License-Expression: Apache-2.0",
        "Classifier: Operating System :: POSIX :: Linux",
        "Provides-Extra: torch",
    ):
        assert f"{line}\n" in text
    assert "Requires-Dist: torch" not in re.sub(r".*extra == .*", "", text)


def test_the_version_names_the_commit(built: Built, installed: Path) -> None:
    outcome = run(installed / "bandwatch", "--version")
    assert outcome.stdout == f"bandwatch {VERSION} (commit {built.commit})\n"
    assert run(installed / "python", "-m", "bandwatch", "--version").stdout == outcome.stdout


def test_an_installed_wheel_answers(installed: Path, tmp_path: Path) -> None:
    assert "run the service" in run(installed / "bandwatch", "--help").stdout
    file = tmp_path / "bad.yml"
    file.write_text("watches: []\nunknown: 1\n")
    outcome = run(installed / "bandwatch", "check", str(file))
    assert outcome.returncode == 1 and f"{file}:2: unknown" in outcome.stderr
    example = run(installed / "bandwatch", "check", "--example").stdout
    assert example == (ROOT / "plugin" / "config" / "example.yml").read_text()


def test_no_command_but_those_of_its_extras_needs_one(installed: Path, tmp_path: Path) -> None:
    outcome = run(installed / "python", "-c", COMMANDS)
    assert (outcome.returncode, outcome.stdout) == (0, "[]\n"), outcome.stderr
    outcome = run(installed / "bandwatch", "backtest", str(tmp_path), "--output", str(tmp_path))
    assert outcome.returncode == 1
    assert outcome.stderr == (
        "bandwatch: backtest: pandas is not installed; install it with: pip install"
        " 'bandwatch[backtest]'\n"
    )


def test_the_interface_of_python_is_what_its_page_lists(installed: Path) -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    rows = re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(names) == sorted(bandwatch.__all__)
    assert all(hasattr(bandwatch, name) for name in names)
    [example] = re.findall(r"^```python\n(import numpy.+?)^```", page, re.MULTILINE | re.DOTALL)
    promised = re.findall(r"print\(.+\)  # (.+)$", example, re.MULTILINE)
    outcome = run(installed / "python", "-c", example)
    assert outcome.stdout.splitlines() == promised, outcome.stderr


def test_windows_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from plugin.cli import main

    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit, match="Windows is not supported: .* WSL 2"):
        main(["--version"])
