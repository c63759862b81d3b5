"""The command lines of the documentation: those in blocks, and those within a sentence."""

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "deploy").rglob("*.md")),
]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
SHELLS = ("console", "sh", "bash", "")
ENDS = set("|&;()")  # of a command
ASSIGNMENT = re.compile(r"[A-Z_]+=")


def typed_lines(text: str) -> Iterator[str]:
    """Each line of the blocks of a page that is to be typed, joined where it is continued."""
    for language, block in FENCE.findall(text):
        if language not in SHELLS:
            continue
        lines = [line.strip() for line in block.replace("\\\n", " ").splitlines()]
        prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        yield from prompted if prompted or language == "console" else lines


def mentioned(text: str) -> Iterator[str]:
    """What stands in backticks within sentences and tables."""
    yield from CODE.findall(FENCE.sub("", text))


def commands(line: str, program: str) -> Iterator[list[str]]:
    """The arguments of each command of a line that runs the program, here or in a container:
    without comments, variables before it, and redirections."""
    for words in _split(line):
        names = [Path(word).name for word in words if not ASSIGNMENT.match(word)]
        arguments = [word for word in words if not ASSIGNMENT.match(word)]
        if "exec" in names[:3] and program in names:
            yield arguments[len(names) - names[::-1].index(program) :]
        elif names and names[0] == program:
            yield arguments[1:]


def _split(line: str) -> Iterator[list[str]]:
    """The words of each command of a line; none where it is no command line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()<>")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(takewhile(lambda token: not token.startswith("#"), lexer))
    except ValueError:  # a quote has no end
        return
    words: list[str] = []
    is_file = False
    for token in tokens:
        if not set(token) - ENDS:
            yield words
            words = []
        elif not set(token) - set("<>"):
            is_file = True
        elif is_file:
            is_file = False
        else:
            words.append(token)
    yield words
