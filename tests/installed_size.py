"""How much an installation takes on disk, with each extra: `python -m tests.installed_size`.

The files of all distributions that this environment would keep if only Bandwatch were installed,
compiled modules included. Python itself and pip come on top.
"""

import re
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PACKAGES = ("bandwatch", "detectors", "plugin")
EXTRAS = ("", "postgres", "backtest", "plot", "torch")
# torch pins these itself, and the wheel for machines without a GPU does not want them.
GPU = re.compile(r"nvidia-|cuda-|triton$")
MEGABYTE = 1_000_000
MAX_BASE = 300 * MEGABYTE  # without any extra
LARGEST = 8  # distributions that are named


def requirements(*extras: str) -> list[Requirement]:
    """Of Bandwatch, with some extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def closure(asked: Iterable[Requirement]) -> set[str]:
    """The distributions that these need, and what those need."""
    waiting = list(asked)
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in requirement.extras or {""}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            needs = map(Requirement, metadata.requires(name) or ())
            waiting += [
                need
                for need in needs
                if need.marker is None or need.marker.evaluate({"extra": extra})
            ]
    return {name for name, _ in seen}


def distribution_size(name: str) -> int:
    """Bytes."""
    paths = [Path(str(file.locate())) for file in metadata.files(name) or ()]
    return sum(path.stat().st_size for path in paths if path.is_file())


def own_size() -> int:
    """Bytes of what is ours in the wheel, each module twice: as text and compiled."""
    paths = [path for name in PACKAGES for path in (ROOT / name).rglob("*") if path.is_file()]
    linked = [path for name in ("docs", "grafana") for path in (ROOT / name).rglob("*")]
    return sum(
        path.stat().st_size * (2 if path.suffix == ".py" else 1)
        for path in [*paths, *linked]
        if path.suffix != ".pyc"
    )


def installed_size(*extras: str) -> int:
    """Bytes of Bandwatch with some extras and all that it needs."""
    return own_size() + sum(map(distribution_size, closure(requirements(*extras))))


def main() -> None:
    base = closure(requirements())
    for extra in EXTRAS:
        names = closure(requirements(*filter(None, [extra])))
        size = installed_size(*filter(None, [extra]))
        label = f"bandwatch[{extra}]" if extra else "bandwatch"
        goal = "   goal <= 300 MB" if not extra else ""
        print(f"{label:<22}{size / MEGABYTE:7.0f} MB{goal}")
        gpu = sum(distribution_size(name) for name in names if GPU.match(name))
        if gpu:
            print(f"{'  libraries for GPUs':<22}{gpu / MEGABYTE:7.0f} MB")
        largest = sorted(names if not extra else names - base, key=distribution_size)[::-1]
        for name in [name for name in largest if not GPU.match(name)][:LARGEST]:
            print(f"  {name:<20}{distribution_size(name) / MEGABYTE:7.0f} MB")


if __name__ == "__main__":
    main()
