"""Tables and progress bars in a terminal; elsewhere plain lines, and no bar.

The only file that knows rich.
"""

import sys
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from plugin.domain.times import instant
from plugin.domain.windows import CONTROL_CHARACTERS

# Heading -> the cell of a row under it.
Columns = Mapping[str, Callable[[Mapping[str, Any]], str]]

STYLES = {"ok": "green", "warning": "yellow", "FAILURE": "bold red"}
GAP = 3  # characters between two columns
INDENT = "  "
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


def show_rows(
    columns: Columns, rows: Sequence[Mapping[str, Any]], unfolded: Collection[str] = ()
) -> None:
    """Prints rows of the API as a table of words. unfolded: as of `prose`."""
    cells = [[cell(row) for cell in columns.values()] for row in rows]
    prose(list(columns), cells, unfolded=unfolded)


def prose(
    columns: list[str],
    rows: list[list[str]],
    notes: Sequence[tuple[str, str]] = (),
    unfolded: Collection[str] = (),
) -> None:
    """Prints a table of words to standard output; in a narrow terminal cells are folded at spaces.

    No word is torn: where a table would have to, the first cell of a row gets a line of its own.
    notes: printed below, a text and what it is about. unfolded: columns whose cells stay whole.
    """
    console = _console()
    rows = [list(map(_printable, row)) for row in rows]
    widths = _column_widths(columns, rows, unfolded, console.width)
    if widths is None:
        _print_below(console, columns, rows, unfolded)
    else:
        grid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for name, width in zip(columns, widths, strict=True):
            grid.add_column(name, overflow="fold", width=width)
        for row in rows:
            grid.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
        console.print(grid)
    for text, subject in notes:
        console.print()
        console.print(Text(_printable(text)))
        console.print(Padding(Text(_printable(subject), style="dim"), (0, 0, 0, 2), expand=False))


def table(title: str, columns: list[str], rows: list[list[str]], *, note: str = "") -> None:
    """Prints a table of numbers to standard output; the first column, a name, is left-aligned.

    In a terminal that is too narrow the name gets a line of its own; name and numbers stay whole.
    """
    console = _console()
    rows = [list(map(_printable, row)) for row in rows]
    grid = Table(title=title, caption=note or None, title_justify="left", caption_justify="left")
    widths = [
        # a heading may take several lines, a number not
        max(map(cell_len, [*name.split(), *(row[number] for row in rows)]))
        for number, name in enumerate(columns)
    ]
    for number, (name, width) in enumerate(zip(columns, widths, strict=True)):
        grid.add_column(name, justify="right" if number else "left", width=width)
    for row in rows:
        grid.add_row(*map(escape, row))
    if sum(widths) + GAP * len(widths) < console.width:  # with its borders
        console.print(grid)
        return
    console.print(Text(title))
    _print_below(console, columns, rows, columns)
    if note:
        console.print(Text(note))


def _column_widths(
    columns: Sequence[str], rows: Sequence[Sequence[str]], unfolded: Collection[str], room: int
) -> list[int] | None:
    """The width of each column, so that all together fit and no word is torn; None = they cannot.

    room: characters of a line.
    """
    longest = [max(cell_len(cell) for cell in cells) for cells in zip(columns, *rows, strict=True)]
    widths = [
        longest[number] if name in unfolded else max(map(_longest_word, cells))
        for number, (name, cells) in enumerate(
            zip(columns, zip(columns, *rows, strict=True), strict=True)
        )
    ]
    spare = room - sum(widths) - GAP * (len(widths) - 1)
    if spare < 0:
        return None
    for number in sorted(range(len(widths)), key=lambda number: longest[number]):
        extra = min(spare, longest[number] - widths[number])
        widths[number] += extra
        spare -= extra
    return widths


def _longest_word(cell: str) -> int:
    return max(map(cell_len, cell.split()), default=0)


def _print_below(
    console: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    unfolded: Collection[str],
) -> None:
    """Prints the first cell of each row on a line of its own, the others below it: as a line of
    the table, or each with its heading where that does not fit."""
    others = [row[1:] for row in rows]
    widths = _column_widths(columns[1:], others, unfolded, console.width - len(INDENT))
    if widths is not None:
        _print_line(console, columns[0])
        _print_cells(console, columns[1:], widths)
    heading_width = max(map(cell_len, columns[1:]), default=0)
    for row in rows:
        _print_line(console, row[0])
        if widths is not None:
            _print_cells(console, row[1:], widths)
            continue
        for heading, cell in zip(columns[1:], row[1:], strict=True):
            if cell:
                room = max(1, console.width - len(INDENT) - heading_width - GAP)
                _print_cells(console, (heading, cell), (heading_width, room))


def _print_cells(console: Console, cells: Sequence[str], widths: Sequence[int]) -> None:
    """Prints cells side by side, folded at spaces."""
    folded = [
        textwrap.wrap(cell, width, break_long_words=False, break_on_hyphens=False)
        for cell, width in zip(cells, widths, strict=True)
    ]
    for parts in zip_longest(*folded, fillvalue=""):
        padded = (
            part + " " * (width - cell_len(part)) for part, width in zip(parts, widths, strict=True)
        )
        _print_line(console, INDENT + (" " * GAP).join(padded).rstrip())


def _print_line(console: Console, text: str) -> None:
    """The terminal itself continues a line that is too long, so that a copy of it is whole."""
    console.print(Text(text), soft_wrap=True)


def _printable(cell: str) -> str:
    """Texts of other people move no cursor."""
    return CONTROL_CHARACTERS.sub(" ", cell)


class PipeConsole(Console):
    """Whoever reads may stop, as `head` does: the command line knows what to do then."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _console() -> Console:
    return PipeConsole(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def time_cell(milliseconds: int | None) -> str:
    """`2026-11-21T02:00:00Z`; "" = none."""
    return "" if milliseconds is None else instant(milliseconds // 1000)
