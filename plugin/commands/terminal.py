"""Tables and progress bars in a terminal; elsewhere plain lines, and no bar.

The only file that knows rich.
"""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from plugin.domain.times import instant

# Heading -> the cell of a row under it.
Columns = Mapping[str, Callable[[Mapping[str, Any]], str]]

STYLES = {"ok": "green", "warning": "yellow", "FAILURE": "bold red"}
PIPE_WIDTH = 10_000  # characters: outside a terminal a row is one line


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


def show_rows(columns: Columns, rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints rows of the API as a table of words."""
    prose(list(columns), [[cell(row) for cell in columns.values()] for row in rows])


def prose(
    columns: list[str],
    rows: list[list[str]],
    notes: Sequence[tuple[str, str]] = (),
    unfolded: Collection[str] = (),
) -> None:
    """Prints a table of words to standard output; in a narrow terminal cells are folded at spaces.

    notes: printed below, a text and what it is about. unfolded: columns whose cells stay whole.
    """
    console = _console()
    grid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in columns:
        grid.add_column(name, overflow="fold", no_wrap=name in unfolded)
    for row in rows:
        grid.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console.print(grid)
    for text, subject in notes:
        console.print()
        console.print(Text(text))
        console.print(Padding(Text(subject, style="dim"), (0, 0, 0, 2), expand=False))


def table(title: str, columns: list[str], rows: list[list[str]], *, note: str = "") -> None:
    """Prints a table of numbers to standard output; the first column, a name, is left-aligned.

    In a terminal that is too narrow the name is folded, so that every number stays whole.
    """
    grid = Table(title=title, caption=note or None, title_justify="left", caption_justify="left")
    grid.add_column(columns[0], overflow="fold")
    for number, name in enumerate(columns[1:], start=1):
        # a heading may take several lines, a number not
        words = [*name.split(), *(row[number] for row in rows)]
        grid.add_column(name, justify="right", width=max(map(len, words)))
    for row in rows:
        grid.add_row(*map(escape, row))
    _console().print(grid)


class PipeConsole(Console):
    """Whoever reads may stop, as `head` does: the command line knows what to do then."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console() -> Console:
    return PipeConsole(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def time_cell(milliseconds: int | None) -> str:
    """`2026-11-21T02:00:00Z`; "" = none."""
    return "" if milliseconds is None else instant(milliseconds // 1000)
