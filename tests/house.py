"""The house measure: how the source reads, in figures. `python -m tests.house [CHECKOUT]` prints a
table of `detectors` and `plugin`."""

import argparse
import ast
import io
import re
import statistics
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("detectors", "plugin")

# Adverbs, participles, pronouns, prepositions and bare adjectives: a name of this kind does not say
# what it holds. `bound` (of a band) and `hidden` (the state of a network) are nouns of the field.
WEAK_WORDS = frozenset(
    """
    about abrupt after ahead aside asked at back before begun beside between beyond brief
    built busy by carried checked chosen closed closest coarse done drawn each empty ended enough
    ever exact far farthest few fewest finest forever forgiven found fresh from given gone held here
    highest joined kept known late lately later latest longest loose made many marked mild
    more most named narrowest near never newest noisiest nothing now nowhere oldest once one ones
    others ours outside over own parted past paused place plain present queued quiet rough said same
    scraped seen seldom sent shown since so some soon special stable still such swallowed taken
    taught that then there these this those timed tiny to together told tried trusted typical under
    undone uneven unfolded unordered unseen unsure until urgent used usual wanted weekly what where
    who within worthwhile written yet
    """.split()
)
REASON_WORDS = re.compile(r"\b(because|so that|otherwise|else|would|cannot|instead of)\b", re.I)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Tally:
    """What was counted in the files of one folder."""

    file_lines: list[int] = field(default_factory=list)
    function_lines: list[int] = field(default_factory=list)
    arguments: list[int] = field(default_factory=list)
    code_characters: list[int] = field(default_factory=list)
    assignments: int = 0
    parallel_assignments: int = 0
    comments: int = 0
    own_line_comments: int = 0
    reasons: int = 0
    written_lines: int = 0  # neither empty nor blank
    public: int = 0
    documented: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    constants: int = 0
    weak_constants: int = 0
    locals: int = 0
    weak_locals: int = 0


def tally(folder: Path) -> Tally:
    total = Tally()
    for path in sorted(folder.rglob("*.py")):
        add(total, path.read_text())
    return total


def add(total: Tally, text: str) -> None:
    """Count one file."""
    tree = ast.parse(text)
    total.file_lines.append(len(text.splitlines()))
    add_lines(total, text, docstring_lines(tree))
    add_public(total, tree.body)
    add_constants(total, tree)
    for node in ast.walk(tree):
        if isinstance(node, Function):
            add_function(total, node)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            total.classes[node.name] += 1
        elif isinstance(node, ast.Assign):
            total.assignments += 1
            total.parallel_assignments += is_parallel(node)


def is_parallel(node: ast.Assign) -> bool:
    """`a, b = x, y`. Unpacking one value, as in `a, b = pair`, is none."""
    return isinstance(node.value, ast.Tuple) and any(
        isinstance(target, ast.Tuple) for target in node.targets
    )


def add_lines(total: Tally, text: str, docstrings: set[int]) -> None:
    """Comments, and the length of each line of code, with its indent, without docstrings."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            total.comments += 1
            total.own_line_comments += token.line.strip().startswith("#")
            total.reasons += bool(REASON_WORDS.search(token.string))
    for row, line in enumerate(text.splitlines(), start=1):
        total.written_lines += bool(line.strip())
        if line.strip() and not line.strip().startswith("#") and row not in docstrings:
            total.code_characters.append(len(line))


def docstring_lines(tree: ast.Module) -> set[int]:
    rows: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, Function | ast.ClassDef | ast.Module) and ast.get_docstring(node):
            rows |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return rows


def add_function(total: Tally, node: Function) -> None:
    first = node.body[0]
    lines = (node.end_lineno or 0) - node.lineno + 1
    if ast.get_docstring(node) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    total.function_lines.append(lines)
    total.arguments.append(len([name for name in parameters(node) if name not in ("self", "cls")]))
    names = local_names(node)
    total.locals += len(names)
    total.weak_locals += len(names & WEAK_WORDS)


def parameters(node: Function) -> list[str]:
    signature = node.args
    return [item.arg for item in (*signature.posonlyargs, *signature.args, *signature.kwonlyargs)]


def local_names(node: Function) -> set[str]:
    """Names that the function itself binds, its parameters included; inner functions count for
    themselves."""
    names = set(parameters(node)) - {"self", "cls"}
    pending: list[ast.AST] = list(node.body)
    while pending:
        child = pending.pop()
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            names.add(child.id)
        if not isinstance(child, Function | ast.ClassDef):
            pending += ast.iter_child_nodes(child)
    return names


def add_public(total: Tally, body: Sequence[ast.stmt]) -> None:
    """Public classes and functions of a module, and public methods of its public classes."""
    for node in body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            total.public += 1
            total.documented += ast.get_docstring(node) is not None
            if isinstance(node, ast.ClassDef):
                add_public(total, node.body)


def add_constants(total: Tally, tree: ast.Module) -> None:
    for name in constants(tree):
        total.constants += 1
        total.weak_constants += name.strip("_").lower() in WEAK_WORDS


def constants(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        for target in targets:
            if isinstance(target, ast.Name) and target.id.isupper():
                yield target.id


def spread(values: Sequence[int]) -> str:
    """median / p90 / max"""
    if not values:
        return "-"
    ordered = sorted(values)
    p90 = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    return f"{statistics.median(ordered):.0f} / {p90} / {ordered[-1]}"


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


ROWS: tuple[tuple[str, Callable[[Tally], str]], ...] = (
    ("file, lines: median / p90 / max", lambda total: spread(total.file_lines)),
    (
        "function, lines without docstring: median / p90 / max",
        lambda total: spread(total.function_lines),
    ),
    ("arguments: median / p90 / max", lambda total: spread(total.arguments)),
    (
        "characters per line of code, median",
        lambda total: f"{statistics.median(total.code_characters):.0f}",
    ),
    (
        "parallel assignments, of all assignments",
        lambda total: percent(total.parallel_assignments, total.assignments),
    ),
    ("comments, of written lines", lambda total: percent(total.comments, total.written_lines)),
    (
        "comments on a line of their own (most of them say why)",
        lambda total: percent(total.own_line_comments, total.written_lines),
    ),
    ("comments with a reason word (because, so that, ...)", lambda total: str(total.reasons)),
    ("public docstrings", lambda total: percent(total.documented, total.public)),
    ("module constants that are a bare weak word", lambda total: str(total.weak_constants)),
    ("local names that are a weak word", lambda total: percent(total.weak_locals, total.locals)),
)


def table(root: Path) -> str:
    """The measure of one checkout, as a table in Markdown."""
    tallies = [tally(root / folder) for folder in FOLDERS]
    lines = ["| | " + " | ".join(FOLDERS) + " |", "|---|" + "---|" * len(FOLDERS)]
    for title, figure in ROWS:
        lines.append(f"| {title} | " + " | ".join(figure(total) for total in tallies) + " |")
    classes = sum((total.classes for total in tallies), Counter[str]())
    repeated = sorted(name for name, count in classes.items() if count > 1)
    names = f" ({', '.join(repeated)})" if repeated else ""
    return "\n".join(
        [*lines, "", f"Public class names defined more than once: {len(repeated)}{names}"]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.house", description="How the source of a checkout reads, in figures."
    )
    parser.add_argument(
        "checkout", nargs="?", type=Path, default=ROOT, help="its folder (default: this checkout)"
    )
    root: Path = parser.parse_args(arguments).checkout
    for folder in FOLDERS:
        if next((root / folder).rglob("*.py"), None) is None:
            parser.error(f"{root}: `{folder}` has no Python files; give the folder of a checkout")
    print(table(root))


if __name__ == "__main__":
    main()
