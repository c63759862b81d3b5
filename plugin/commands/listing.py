"""Rows of the API as a table for people, or as JSON or CSV for programs."""

import csv
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from plugin.commands import terminal

Rows = Sequence[Mapping[str, Any]]


def show(columns: terminal.Columns, rows: Rows, form: str, unfolded: Collection[str] = ()) -> None:
    """Prints rows. form: `table`, with these columns; `json` or `csv`, with those of the API.

    unfolded: columns of the table whose cells stay whole.
    """
    if form == "table":
        terminal.show_rows(columns, rows, unfolded)
    else:
        show_data(rows, form)


def show_data(rows: Rows, form: str) -> None:
    """Prints rows as `json` or `csv`."""
    if form == "json":
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    if not rows:  # without a row its columns are not known
        return
    names = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(sys.stdout, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
