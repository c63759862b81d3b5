"""How the command line is read: a mistake is answered with the help of its command, and a help ends
with examples."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from plugin.cli.examples import EXAMPLES

HEADING = "examples:\n"


class CommandParser(argparse.ArgumentParser):
    """A parser of a command, or of the whole program."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **{"formatter_class": _HelpFormatter, **settings})
        examples = EXAMPLES.get(self.prog.partition(" ")[2], ())
        if examples:
            self.epilog = HEADING + "\n".join(f"  {example}" for example in examples)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As of argparse, but here a command refuses what it does not know, not the program."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            from plugin.nearest_name import nearest

            hint = nearest(unknown[0].partition("=")[0], self._flags())
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        self.print_help(sys.stderr)
        self.exit(2, f"\n{self.prog}: error: {message}\n")

    def _flags(self) -> list[str]:
        return list(self._option_string_actions)


def leaf_commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of the commands that do something, not of those that are a name for several."""
    groups = [
        action for action in parser._actions if isinstance(action, argparse._SubParsersAction)
    ]
    if not groups:
        yield parser
    for group in groups:
        for inner in group.choices.values():
            yield from leaf_commands(inner)


class _HelpFormatter(argparse.HelpFormatter):
    """Leaves the lines of examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith(HEADING) else super()._fill_text(text, width, indent)
