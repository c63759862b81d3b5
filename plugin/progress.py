"""Progress of long work: a bar in a terminal, nothing elsewhere (the logs tell). The only file that knows rich."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table


@contextmanager
def bar(title: str) -> Iterator[Callable[[float], None]]:
    """Yields a callable that takes the share done, 0 to 1."""
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"),
               TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=1.0)
        yield lambda share: progress.update(task, completed=share)


def table(title: str, columns: list[str], rows: list[list[str]], *, note: str = "") -> None:
    """Prints a table to standard output; the first column is left-aligned, the others right-aligned."""
    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    drawn = Table(title=title, caption=note or None, title_justify="left", caption_justify="left")
    for position, name in enumerate(columns):
        drawn.add_column(name, justify="left" if position == 0 else "right", no_wrap=position == 0)
    for row in rows:
        drawn.add_row(*row)
    console.print(drawn)
