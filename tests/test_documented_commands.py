"""Each command of the documentation is one that the program, the service and the Makefile know."""

import argparse
import json
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from plugin.cli import parser
from plugin.web.alert import FIELDS
from plugin.web.parameter_readers import STATES
from plugin.web.routes import ROUTES
from tests.documented_commands import PAGES, ROOT, commands, mentioned, typed_lines

ADDRESS = "http://localhost:8642"
OURS = re.compile(r"(?:http://)?(?:\$B|localhost:8642|127\.0\.0\.1:8642)(/.*)")
REFUSED = ("form=1", "watch=wep")  # what the section on errors asks for
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def all_lines(path: Path) -> list[str]:
    text = path.read_text()
    return [*typed_lines(text), *mentioned(text)]


def parser_of(words: list[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser of the command that these arguments begin with, and the rest of them."""
    command: argparse.ArgumentParser = parser()
    for number, word in enumerate(words):
        below = [
            action.choices
            for action in command._actions
            if isinstance(action, argparse._SubParsersAction)
        ]
        if not below or word.startswith("-") or word == "COMMAND":
            return command, words[number:]
        assert word in below[0], f"`{command.prog}` has no command `{word}`"
        command = below[0][word]
    return command, []


@every_page
def test_what_is_to_be_typed_is_read(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in typed_lines(path.read_text()):
        for words in commands(line.replace("$B", ADDRESS), "bandwatch"):
            try:
                parser().parse_args(words)
            except SystemExit as error:
                assert error.code == 0, f"{line}\n{capsys.readouterr().err[-300:]}"


@every_page
def test_every_command_and_flag_that_is_named_exists(path: Path) -> None:
    for line in mentioned(path.read_text()):
        for words in commands(line, "bandwatch"):
            command, rest = parser_of(words)
            known = {flag for action in command._actions for flag in action.option_strings}
            assert {word for word in rest if word.startswith("-")} <= known, line


@every_page
def test_every_target_of_make_exists(path: Path) -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in all_lines(path):
        for words in commands(line, "make"):
            assert set(words) <= known, line


@every_page
def test_what_is_asked_of_the_service_exists(path: Path) -> None:
    for line in all_lines(path):
        for words in commands(line, "curl"):
            for address in [found[1] for word in words if (found := OURS.fullmatch(word))]:
                if not address.endswith(REFUSED):
                    check_request(address, words, line)


def check_request(address: str, words: list[str], line: str) -> None:
    """Method, path and parameters of a request; a body is JSON."""
    parts = urlsplit(address)
    data = [
        words[number + 1] for number, word in enumerate(words) if word in ("-d", "--data-urlencode")
    ]
    asks = any(re.fullmatch(r"-[a-z]*G", word) for word in words)
    method = "POST" if "POST" in words or (data and not asks) else "GET"
    [route] = [
        route
        for route in ROUTES
        if re.fullmatch(re.sub(r"<[\w:]+>", "[^/]+", route.path), parts.path)
        and route.method == method
    ]
    parameters = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    if asks:
        parameters |= dict(pair.split("=", 1) for pair in data)
    elif data and data != ["$change"]:
        assert json.loads(data[0]), line
    known = {parameter.name for parameter in route.parameters}
    assert parameters.keys() <= known, line
    if "field" in parameters:
        assert parameters["field"] in FIELDS[parameters.get("by", "series")], line
    if route.path == "/api/v1/scores":
        assert parameters.get("state", "missing") in STATES, line


def test_all_commands_are_found() -> None:
    """Those that this file is about: a block that is not read would hide them."""
    found = {
        words[0]
        for path in PAGES
        for line in typed_lines(path.read_text())
        for words in commands(line, "bandwatch")
    }
    assert found >= {"init", "run", "check", "preview", "status", "explain", "feedback", "rules"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("bandwatch run a.yml  # serves", [["run", "a.yml"]]),
        ("bandwatch rules grafana > provisioning/bandwatch.yml", [["rules", "grafana"]]),
        ("T=1 bandwatch status && bandwatch watches | head", [["status"], ["watches"]]),
        ("/opt/bandwatch/bin/bandwatch explain 'up{job=\"a\"}'", [["explain", 'up{job="a"}']]),
        ("docker compose exec -e A=b bandwatch bandwatch status", [["status"]]),
        ("docker build -t bandwatch .", []),
        ("it's bandwatch", []),
    ],
)
def test_commands_of_a_line(line: str, found: list[list[str]]) -> None:
    assert list(commands(line, "bandwatch")) == found
