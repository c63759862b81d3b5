"""One name for one thing: class names are unique, and no local hides a name of its module."""

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.test_architecture import ROOT, Module, source

Function = ast.FunctionDef | ast.AsyncFunctionDef
# Parameters that Python or its library names: `format` is that of `http.server`'s `log_message`.
GIVEN_NAMES = {"self", "cls", "format"}


def public_classes(modules: list[Module]) -> dict[str, list[str]]:
    """The modules that define each public class name."""
    homes = defaultdict(list)
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(module.name)
    return dict(homes)


def module_names(tree: ast.Module) -> set[str]:
    """What the top level of a module binds: imports, functions, classes, constants."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ClassDef | Function):
            names.add(node.name)
        else:
            names |= assigned_names(node) - comprehension_names(node)
    return names


def assigned_names(node: ast.AST) -> set[str]:
    return {
        child.id
        for child in ast.walk(node)
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store)
    }


def comprehension_names(node: ast.AST) -> set[str]:
    """What only lives inside of comprehensions: it is no name of the module."""
    comprehensions = [child for child in ast.walk(node) if isinstance(child, ast.comprehension)]
    return {name for part in comprehensions for name in assigned_names(part.target)}


def local_names(function: Function) -> Iterator[tuple[int, str]]:
    """Line and name of each parameter and each local variable."""
    arguments = function.args
    for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
        yield argument.lineno, argument.arg
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def hidden_names(module: Module) -> Iterator[str]:
    outer = (module_names(module.tree) | set(dir(builtins))) - GIVEN_NAMES - {"_"}
    for node in ast.walk(module.tree):
        if isinstance(node, Function):
            for line, name in local_names(node):
                if name in outer:
                    yield f"{module.name}:{line}: `{name}` in {node.name} hides an outer name"


def test_public_class_names_are_unique() -> None:
    twice = {name: homes for name, homes in public_classes(source()).items() if len(homes) > 1}
    assert twice == {}


def test_no_local_hides_an_outer_name() -> None:
    modules = [module for module in source() if not module.name.startswith("plugin.store.migrat")]
    assert "\n".join(line for module in modules for line in hidden_names(module)) == ""


def test_a_class_that_is_defined_twice_is_found() -> None:
    modules = [Module("plugin.a", "class Answer: ..."), Module("plugin.b", "class Answer: ...")]
    assert public_classes(modules) == {"Answer": ["plugin.a", "plugin.b"]}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import json\ndef f(json): ...", "json"),
        ("def f():\n    id = 1", "id"),
        ("LIMIT = 1\ndef f():\n    for LIMIT in x: ...", "LIMIT"),
        ("def g(): ...\nclass A:\n    def f(self, g): ...", "g"),
    ],
)
def test_a_local_that_hides_an_outer_name_is_found(text: str, name: str) -> None:
    (line,) = hidden_names(Module("plugin.a", text))
    assert f"`{name}` in f hides an outer name" in line


def test_no_package_exports_what_is_called_like_one_of_its_modules() -> None:
    """Which of the two the name means would depend on what is imported first."""
    clashes = []
    for path in (ROOT / "plugin").rglob("__init__.py"):
        package = ".".join(path.parent.relative_to(ROOT).parts)
        modules = {other.stem for other in path.parent.glob("*.py")}
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and f"{node.module}".startswith(f"{package}."):
                clashes += [f"{package}.{name.name}" for name in node.names if name.name in modules]
    assert clashes == []
