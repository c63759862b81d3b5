"""Man pages from the parser: `python -m tests.man_pages FOLDER` writes one for the program and one
for each of its commands."""

import argparse
import sys
from pathlib import Path

from argparse_manpage.manpage import Manpage

from plugin.cli import DESCRIPTION, parser
from plugin.cli.examples import EXAMPLES
from plugin.cli.parsing import leaf_commands
from plugin.version import VERSION


def man_pages() -> dict[str, str]:
    """Name of the file -> its text."""
    program = parser()
    commands = [program, *leaf_commands(parser())]
    return {f"{command.prog.replace(' ', '-')}.1": page(command) for command in commands}


def page(command: argparse.ArgumentParser) -> str:
    """One page. The prog of a command is written with hyphens, as `man` looks it up."""
    name = command.prog.partition(" ")[2]
    command.epilog = None
    data = {
        "project_name": "Bandwatch",
        "version": VERSION,
        "manual_title": "Bandwatch",
        "description": (command.description or DESCRIPTION).rstrip("."),
    }
    manual = Manpage(command, data)
    manual.prog = command.prog.replace(" ", "-")
    lines = [line.replace("\\", "\\e").replace("-", "\\-") for line in EXAMPLES.get(name, ())]
    if lines:
        manual.add_section("examples", "=", "\n".join([".nf", *lines, ".fi"]))
    return str(manual)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in man_pages().items():
        (folder / name).write_text(text)
    print(f"{folder}: {len(man_pages())} pages; man -l {folder}/bandwatch.1")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
