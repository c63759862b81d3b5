"""What is in the wheel, and that what is installed is what was tested."""

import re
import tomllib
from importlib import metadata
from pathlib import Path, PurePath
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from plugin.version import VERSION
from tests.installed_size import GPU, MAX_BASE, PACKAGES, installed_size

ROOT = Path(__file__).parent.parent
TAGGED = re.compile(r"\* \[(CHANGE|FEATURE|ENHANCEMENT|BUGFIX|SECURITY)\] [A-Z`]")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def pins() -> dict[str, str]:
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9.-]+==[0-9][a-z0-9.]*", line)] == []
    return dict(line.split("==") for line in lines)


def requirements(project: dict[str, Any]) -> list[Requirement]:
    extras = project["project"]["optional-dependencies"]
    asked = [*project["project"]["dependencies"], *extras["torch"], *extras["dev"]]
    return [Requirement(line) for line in asked]


def test_every_dependency_is_pinned_within_its_range(
    project: dict[str, Any], pins: dict[str, str]
) -> None:
    extras = project["project"]["optional-dependencies"]
    # `bench` is installed by `make bench-quality` alone, the other two are in `dev`
    lines = [line for extra in ("backtest", "bench", "plot") for line in extras[extra]]
    for asked in [*requirements(project), *map(Requirement, lines)]:
        assert asked.specifier.contains(pins[asked.name]), f"{asked}, pinned: {pins[asked.name]}"


def test_what_the_dependencies_need_is_pinned_too(
    project: dict[str, Any], pins: dict[str, str]
) -> None:
    waiting = [asked.name for asked in requirements(project)]
    seen: set[str] = set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen or GPU.match(name):
            continue
        seen.add(name)
        needs = [Requirement(line) for line in metadata.requires(name) or ()]
        waiting += [
            need.name
            for need in needs
            if need.marker is None or need.marker.evaluate({"extra": ""})
        ]
    assert seen - pins.keys() == set()


def test_no_gpu_library_is_pinned(pins: dict[str, str]) -> None:
    assert [name for name in pins if GPU.match(name)] == []


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for name in PACKAGES for path in (ROOT / name).rglob("*.py")}
    assert [
        str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()
    ] == []


def test_every_file_is_in_the_wheel(project: dict[str, Any]) -> None:
    """Python files go by themselves; anything else must be named in package-data."""
    data = project["tool"]["setuptools"].get("package-data", {})
    patterns = {name: globs for name, globs in data.items() if name.split(".")[0] in PACKAGES}
    forgotten = []
    for path in (path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file()):
        inside = path.relative_to(ROOT)
        if (
            path.suffix in (".py", ".pyc") or path.suffix == ".md"
        ):  # notes for readers of the source
            continue
        homes = [(PurePath(*name.split(".")), globs) for name, globs in patterns.items()]
        if not any(
            inside.is_relative_to(home) and inside.relative_to(home).match(glob)
            for home, globs in homes
            for glob in globs
        ):
            forgotten.append(str(inside))
    assert forgotten == []


def test_the_documentation_is_in_the_wheel(project: dict[str, Any]) -> None:
    """The service serves it from its package, where `docs` is a link."""
    assert (ROOT / "plugin" / "docs").resolve() == ROOT / "docs"
    globs = project["tool"]["setuptools"]["package-data"]["plugin"]
    paths = [path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*") if path.is_file()]
    assert [str(path) for path in paths if not any(path.match(glob) for glob in globs)] == []


def test_an_installation_without_extras_is_small() -> None:
    assert installed_size() <= MAX_BASE


def test_the_version_has_its_changes() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^## \[?([^\]\s]+)\]?", text, re.MULTILINE)[0] in ("Unreleased", VERSION)
    changes = [line for line in text.splitlines() if line.startswith("* ")]
    assert changes
    assert [line for line in changes if not re.match(TAGGED, line)] == []


def test_the_licence_is_the_one_that_is_declared(project: dict[str, Any]) -> None:
    assert project["project"]["license"] == "Apache-2.0"
    assert (ROOT / "LICENSE").read_text().split()[:4] == ["Apache", "License", "Version", "2.0,"]
