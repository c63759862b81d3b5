"""`bandwatch completion`: what a shell needs to complete commands and flags."""

import argparse
from collections.abc import Callable, Iterator

from plugin.cli import flags
from plugin.cli.parsing import leaf_commands

SHELLS = ("bash", "zsh")


def add_completion(commands: flags.Commands, parser: Callable[[], argparse.ArgumentParser]) -> None:
    """parser: makes that of the whole program."""
    command = flags.command(
        commands,
        "completion",
        "print what a shell needs to complete commands and flags",
        completion,
    )
    command.add_argument("shell", metavar="SHELL", choices=SHELLS, help="bash or zsh")
    command.set_defaults(parser=parser)


def completion(options: argparse.Namespace) -> int:
    """`bandwatch completion`."""
    import shtab

    parser = options.parser()
    kinds = {"FILE": shtab.FILE, "DIR": shtab.DIRECTORY}
    for action in _actions(parser):
        if action.metavar in kinds:
            action.complete = kinds[action.metavar]  # type: ignore[attr-defined]
    print(shtab.complete(parser, shell=options.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The flags and arguments of all commands."""
    for command in leaf_commands(parser):
        yield from command._actions
