"""`bandwatch changes`: what was changed, told to a running service."""

import argparse

from plugin.cli import flags, listings


def label(text: str) -> tuple[str, str]:
    """A name and a value."""
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f'found "{text}"; valid is NAME=VALUE such as job=api')
    return name, value


def add_changes(commands: flags.Commands) -> None:
    group = flags.group(
        commands, "changes", "report changes to a running service: it tells them beside incidents"
    )
    add = flags.command(group, "add", "report a change", changes_add)
    add.add_argument("title", metavar="TITLE", help="what was changed: 'checkout v1.42'")
    add.add_argument("--time", metavar="TIME", help="when: 2026-11-21T03:05:00Z (default: now)")
    add.add_argument(
        "--label",
        metavar="NAME=VALUE",
        action="append",
        type=label,
        help="which series it is about, by a label of theirs; may be repeated",
    )
    add.add_argument("--link", metavar="URL", help="where more is written")
    add.add_argument("--id", metavar="ID", help="an id of your own (default: made from the rest)")
    show = flags.command(group, "list", "list the changes of a range of time", changes_list)
    show.add_argument("--match", metavar="SELECTOR", help="only those with such labels")
    listings.times(show, since="1d")
    listings.output(show)
    remove = flags.command(group, "remove", "remove changes", changes_remove)
    remove.add_argument("ids", metavar="ID", nargs="+", help="the id of a change, as list shows it")
    for command in (add, show, remove):
        flags.at_service(command)


def changes_add(options: argparse.Namespace) -> int:
    """`bandwatch changes add`."""
    from plugin.commands import changes

    fields = {name: getattr(options, name) for name in ("title", "time", "link", "id")}
    changes.add(flags.service(options), fields, dict(options.label or ()))
    return 0


def changes_list(options: argparse.Namespace) -> int:
    """`bandwatch changes list`."""
    from plugin.commands import changes

    fields = {"match": options.match, **listings.time_fields(options)}
    changes.show(flags.service(options), fields, options.form)
    return 0


def changes_remove(options: argparse.Namespace) -> int:
    """`bandwatch changes remove`."""
    from plugin.commands import changes

    changes.remove(flags.service(options), options.ids)
    return 0
