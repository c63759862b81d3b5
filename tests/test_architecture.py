"""Who may import whom, which library lives where, how large things may get: read from the source by
`ast`."""

import ast
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A module imports from lower lines only, never sideways and never up; a folder counts as one.
LAYERS = (
    "__main__",
    "cli",
    "commands",
    "roles",
    "app",
    "job_schedule config_reload preview",
    "components",
    "web scheduler jobs cluster",
    "maintenance",
    "prometheus grid store metrics exposition",
    "board",
    "config",
    "domain",
    "logs selectors range_vectors public_addresses",
    "series errors version clock nearest_name file_changes systemd process_memory connection_use",
)
# Arrows that point down and are forbidden all the same: readers only read, writers never serve.
FORBIDDEN = {
    "plugin.web": ("plugin.prometheus", "plugin.jobs.policies", "plugin.grid", "detectors"),
    "plugin.store": ("detectors",),
    "plugin.metrics": ("detectors",),
    "plugin.exposition": ("detectors",),
    "plugin.board": ("detectors",),
    "plugin.series": ("detectors",),
    "plugin.errors": ("detectors",),
    "plugin.scheduler": ("plugin.store", "plugin.prometheus", "detectors"),
    "detectors": ("plugin",),
}
# The homes of each library; a part of the code that is not listed must not import it.
HOMES = {
    "alembic": ("plugin.store",),
    "apscheduler": ("plugin.scheduler",),
    "cramjam": ("plugin.prometheus",),
    "dateutil": ("plugin.domain.recurrence",),
    "flask": ("plugin.web",),
    "fsspec": ("plugin.store.object_weights",),
    "h11": ("plugin.web.server",),
    "holidays": ("plugin.domain.public_holidays",),
    "icalendar": ("plugin.maintenance",),
    "isal": ("plugin.web",),
    "itsdangerous": ("plugin.web",),
    "jinja2": ("plugin.commands.preview", "plugin.commands.report", "plugin.web"),
    "markdown_it": ("plugin.web",),
    "markupsafe": ("plugin.commands.preview", "plugin.commands.report", "plugin.web"),
    "matplotlib": ("plugin.commands.plot",),
    "msgspec": ("plugin.prometheus", "plugin.web"),
    "numpy": ("plugin", "detectors"),
    "pandas": ("plugin.commands.backtest", "plugin.commands.plot", "plugin.commands.preview"),
    "pcodec": ("plugin.store",),
    "prometheus_api_client": ("plugin.prometheus",),
    "prometheus_client": ("plugin.exposition", "plugin.metrics"),
    "psycopg": (
        "plugin.store.postgresql",
        "plugin.store.postgresql_arrays",
        "plugin.store.postgresql_connections",
        "plugin.store.postgresql_errors",
        "plugin.store.postgresql_news",
    ),
    "pydantic": ("plugin.config",),
    "pydantic_core": ("plugin.config",),
    "ray": ("plugin.jobs.executors.ray_driver",),
    "re2": ("plugin.selectors",),
    "requests": (
        "plugin.commands.grafana",
        "plugin.maintenance",
        "plugin.prometheus",
        "plugin.commands.client",
    ),
    "rich": ("plugin.commands.terminal",),
    "safetensors": ("detectors", "plugin.store"),
    "shtab": ("plugin.cli.completion",),
    "sqlalchemy": ("plugin.store",),
    "torch": ("detectors",),
    "urllib3": ("plugin.prometheus",),
    "werkzeug": ("plugin.web",),
    "yaml": ("plugin.config",),
    "zstandard": ("plugin.store",),
}
UNSAFE = {
    "pickle",
    "shelve",
    "marshal",
    "dill",
    "cloudpickle",
    "joblib",
}  # loading runs what is in the file
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "handlers"}
RELATIVE = "."
MAIN = "__name__ == '__main__'"
MAX_FILE = 300  # lines
MAX_FUNCTION = 40  # a docstring is not counted as part of its function
# What takes long to load: the service listens before it loads any of it.
SLOW = ("torch", "flask", "jinja2", "sqlalchemy", "numpy", "requests", "pandas", "matplotlib")
# What --help does not need either.
NOT_FOR_HELP = (*SLOW, "pydantic", "yaml", "msgspec", "h11", "logging", "socket", "plugin.config")


@dataclass(frozen=True)
class Module:
    name: str  # dotted; a package goes by its folder
    text: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)


def source() -> list[Module]:
    """All modules of `detectors` and `plugin`."""
    paths = [
        path for folder in ("detectors", "plugin") for path in sorted((ROOT / folder).rglob("*.py"))
    ]
    dotted = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return [
        Module(name.removesuffix(".__init__"), path.read_text())
        for name, path in zip(dotted, paths, strict=True)
    ]


def within(name: str, home: str) -> bool:
    return name == home or name.startswith(home + ".")


def imports(module: Module, names: set[str]) -> set[str]:
    """What a module imports, at its top or later; `from a import b` is `a.b` if that is our
    module."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.add(RELATIVE)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in names else str(node.module))
    return found


def part(name: str) -> str:
    """The file or folder right under `plugin` that a module belongs to."""
    return name.split(".")[1] if "." in name else ""


def wrong_arrows(module: Module, names: set[str]) -> Iterator[str]:
    layer = {name: row for row, line in enumerate(LAYERS) for name in line.split()}
    own = part(module.name)
    if module.name.startswith("plugin.") and own not in layer:
        yield f"{module.name}: `{own}` has no line in LAYERS"
        return
    for target in sorted(imports(module, names)):
        other = part(target)
        ours = within(target, "plugin") and within(module.name, "plugin") and other not in ("", own)
        if ours and layer.get(other, -1) <= layer.get(own, -1):
            yield f"{module.name} imports {target}, which is not below it"
        elif any(
            within(module.name, above) and within(target, below)
            for above, targets in FORBIDDEN.items()
            for below in targets
        ):
            yield f"{module.name} must not import {target}"


def wrong_libraries(module: Module, names: set[str]) -> Iterator[str]:
    for target in sorted(imports(module, names)):
        library = target.split(".")[0]
        homes = HOMES.get(library, ())
        if target == RELATIVE:
            yield f"{module.name}: relative import: write the whole name"
        elif library in UNSAFE:
            yield f"{module.name} imports {target}: it runs code from data"
        elif library not in {*sys.stdlib_module_names, "plugin", "detectors"} and not any(
            within(module.name, home) for home in homes
        ):
            yield f"{module.name} imports {target}, whose home is {' or '.join(homes) or 'nowhere'}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("torch.load", "torch.save"):
            yield f"{module.name}:{node.lineno}: {ast.unparse(node.func)} pickles: use safetensors"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            yield f"{module.name}:{node.lineno}: allow_pickle: numpy refuses pickles by itself"


def wrong_shapes(module: Module) -> Iterator[str]:
    if VAGUE & set(module.name.split(".")):
        yield f"{module.name}: the name says nothing"
    if (lines := len(module.text.splitlines())) > MAX_FILE:
        yield f"{module.name}: {lines} lines"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            lines = (node.end_lineno or 0) - node.lineno + 1
            if documented:
                lines -= (first.end_lineno or 0) - first.lineno + 1
            if lines > MAX_FUNCTION:
                yield f"{module.name}:{node.lineno}: {node.name} has {lines} lines"
        elif isinstance(node, ast.ClassDef) and node.name.endswith(
            ("Manager", "Handler", "Helper", "Utils")
        ):
            # The standard library's servers and loggers ask for a subclass of their own handler.
            if not any(ast.unparse(base).endswith("Handler") for base in node.bases):
                yield f"{module.name}:{node.lineno}: {node.name}: name the thing"


def work_at_import(module: Module) -> Iterator[str]:
    for node in module.tree.body:
        call = isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)
        branch = isinstance(node, ast.If) and ast.unparse(node.test) not in ("TYPE_CHECKING", MAIN)
        if call or branch or isinstance(node, ast.For | ast.While | ast.With | ast.Try):
            yield f"{module.name}:{node.lineno}: work at import"


def cycles(modules: list[Module]) -> Iterator[str]:
    names = {module.name for module in modules}
    graph = {module.name: imports(module, names) & names for module in modules}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> Iterator[str]:
        if name in path:
            yield "cycle: " + " -> ".join([*path[path.index(name) :], name])
        elif name not in done:
            for target in sorted(graph[name]):
                yield from visit(target, (*path, name))
            done.add(name)

    for name in sorted(graph):
        yield from visit(name, ())


def violations(modules: list[Module]) -> list[str]:
    names = {module.name for module in modules}
    found = list(cycles(modules))
    for module in modules:
        found += wrong_arrows(module, names)
        found += wrong_libraries(module, names)
        found += wrong_shapes(module)
        if not module.name.startswith(
            ("plugin.__main__", "plugin.store.migrations")
        ):  # files to be run
            found += work_at_import(module)
    return found


def test_the_source_follows_the_rules() -> None:
    assert "\n".join(violations(source())) == ""


def test_every_layer_and_every_home_exists() -> None:
    names = {module.name for module in source()}
    parts = {part(name) for name in names if within(name, "plugin")}
    assert {name for line in LAYERS for name in line.split()} - parts == set()
    assert {home for homes in HOMES.values() for home in homes} - names == set()


LONG = "def f():\n" + "    x = 1\n" * MAX_FUNCTION


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("plugin.series", "import plugin.board", " imports plugin.board, which is not below it"),
        (
            "plugin.grid",
            "def f():\n    from plugin import store",
            " imports plugin.store, which is not below it",
        ),
        (
            "plugin.web.rows",
            "from plugin.jobs import score",
            " imports plugin.jobs, which is not below it",
        ),
        (
            "plugin.jobs.fit_job",
            "from plugin.web import rows",
            " imports plugin.web, which is not below it",
        ),
        ("plugin.web.rows", "import plugin.prometheus", " must not import plugin.prometheus"),
        ("plugin.web.rows", "import detectors.api", " must not import detectors.api"),
        ("detectors.bands", "import plugin.series", " must not import plugin.series"),
        ("plugin.novelty", "", ": `novelty` has no line in LAYERS"),
        ("plugin.grid", "import torch.nn", " imports torch.nn, whose home is detectors"),
        ("detectors.bands", "import scipy", " imports scipy, whose home is nowhere"),
        ("plugin.app", "import flask", " imports flask, whose home is plugin.web"),
        ("plugin.web.rows", "from . import x", ": relative import: write the whole name"),
        ("plugin.store", "def f():\n    import pickle", " imports pickle: it runs code from data"),
        (
            "plugin.store",
            "x = load(p, allow_pickle=True)",
            ":1: allow_pickle: numpy refuses pickles by itself",
        ),
        ("detectors.vae", "def f():\n    torch.load(p)", ":2: torch.load pickles: use safetensors"),
        ("plugin.web.utils", "", ": the name says nothing"),
        ("plugin.app", "x = 1\n" * (MAX_FILE + 1), f": {MAX_FILE + 1} lines"),
        ("plugin.app", LONG, f":1: f has {MAX_FUNCTION + 1} lines"),
        ("plugin.app", "class JobManager: ...", ":1: JobManager: name the thing"),
        ("plugin.app", "print()", ":1: work at import"),
        ("plugin.app", "for x in y: z = x", ":1: work at import"),
    ],
)
def test_a_violation_is_found(name: str, text: str, message: str) -> None:
    others = [Module(f"plugin.{part}", "") for part in ("board", "jobs", "store", "web")]
    modules = [*(module for module in others if module.name != name), Module(name, text)]
    assert violations(modules) == [name + message]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("plugin.web.rows", "import json\nimport flask\nfrom plugin.series import Labels"),
        ("plugin.app", LONG.replace("    x = 1", '    """A\n\ndocstring."""', 1)),
        ("plugin.app", "class Handler(BaseHTTPRequestHandler): ..."),
        ("plugin.app", "if __name__ == '__main__':\n    main()"),
    ],
)
def test_what_is_right_passes(name: str, text: str) -> None:
    assert violations([Module(name, text)]) == []


def test_a_cycle_over_two_files_is_found() -> None:
    one = Module("plugin.web.a", "from plugin.web import b")
    two = Module("plugin.web.b", "def f():\n    import plugin.web.a")
    assert violations([one, two]) == ["cycle: plugin.web.a -> plugin.web.b -> plugin.web.a"]


@pytest.mark.parametrize(
    ("program", "names"),
    [
        ("import plugin.cli; plugin.cli.parser().format_help()", NOT_FOR_HELP),
        ("import plugin.cli.service_process, plugin.config, plugin.web.server", SLOW),
    ],
    ids=["help", "listening"],
)
def test_what_is_needed_first_is_light(program: str, names: tuple[str, ...]) -> None:
    """A function imports what only it needs, so that `--help` and /-/healthy answer at once."""
    text = f"{program}; import sys; print([name for name in {names} if name in sys.modules])"
    assert (
        subprocess.check_output([sys.executable, "-c", text], cwd=ROOT, text=True).strip() == "[]"
    )


def test_help_takes_half_a_second() -> None:
    program = "import sys; sys.argv = ['bandwatch', '--help']; from plugin.cli import main; main()"

    def seconds() -> float:
        before = os.times()
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.DEVNULL, check=True
        )
        after = os.times()
        return (
            after.children_user
            + after.children_system
            - before.children_user
            - before.children_system
        )

    assert statistics.median(seconds() for _ in range(3)) <= 0.5
