"""Progress of long work: a bar in a terminal, nothing elsewhere (the logs tell).

The only file that knows rich.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

STYLES = {"ok": "green", "warning": "yellow", "FAILURE": "bold red"}
UNFOLDED = 10_000  # characters, where nobody looks at the end of the line


@contextmanager
def bar(title: str) -> Iterator[Callable[[float], None]]:
    """Yields a callable that takes the share done, 0 to 1."""
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda share: progress.update(task, completed=share)


def prose(columns: list[str], rows: list[list[str]], notes: list[tuple[str, str]]) -> None:
    """Prints a table of words to standard output, every cell folded at spaces in a narrow terminal;
    then the notes: a text, and what it is about, indented.

    Elsewhere a row is one line.
    """
    console = Console(width=None if sys.stdout.isatty() else UNFOLDED, highlight=False)
    drawn = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in columns:
        drawn.add_column(name, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console.print(drawn)
    for text, about in notes:
        console.print()
        console.print(Text(text))
        console.print(Padding(Text(about, style="dim"), (0, 0, 0, 2), expand=False))


def table(title: str, columns: list[str], rows: list[list[str]], *, note: str = "") -> None:
    """Prints a table to standard output; the first column is left-aligned, the others
    right-aligned.

    In a terminal that is too narrow the first column, a name, is folded, so that every number stays
    whole; elsewhere a row is one line.
    """
    console = Console(width=None if sys.stdout.isatty() else UNFOLDED, highlight=False)
    drawn = Table(title=title, caption=note or None, title_justify="left", caption_justify="left")
    drawn.add_column(columns[0], overflow="fold")
    for position, name in enumerate(columns[1:], start=1):
        parts = [
            *name.split(),
            *(row[position] for row in rows),
        ]  # a heading may take several lines, a number not
        drawn.add_column(name, justify="right", width=max(map(len, parts)))
    for row in rows:
        drawn.add_row(*map(escape, row))
    console.print(drawn)
