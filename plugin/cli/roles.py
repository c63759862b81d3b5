"""`bandwatch worker` and `web`: the halves of the service, for more than one process."""

import argparse
from typing import TYPE_CHECKING

from plugin.cli import flags

if TYPE_CHECKING:
    from plugin.cli.service_process import Role


def add_worker(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "worker", "score and fit a part of the watches, beside other workers", worker
    )
    flags.config_file(command)
    flags.listening(command)


def worker(options: argparse.Namespace) -> int:
    """`bandwatch worker`."""
    from plugin.cli.service_process import run_service

    return run_service(options, _worker_service, "Metrics and health")


def add_web(commands: flags.Commands) -> None:
    command = flags.command(
        commands, "web", "serve the pages and the API over what workers have scored", web
    )
    flags.config_file(command)
    flags.listening(command)


def web(options: argparse.Namespace) -> int:
    """`bandwatch web`."""
    from plugin.cli.service_process import run_service

    return run_service(options, _web_service)


def _worker_service() -> "Role":
    from plugin.roles.worker_service import WorkerService

    return WorkerService


def _web_service() -> "Role":
    from plugin.roles.web_service import WebService

    return WebService
