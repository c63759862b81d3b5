"""What commands have in common: examples in a help, the help after a mistake, one word for one
thing."""

import argparse
import shlex
from pathlib import Path

import pytest

from plugin.cli import flags, listings, main, parser
from plugin.cli.examples import EXAMPLES
from plugin.cli.parsing import leaf_commands
from plugin.errors import ConfigError

COMMANDS = {command.prog.partition(" ")[2]: command for command in leaf_commands(parser())}


def test_every_command_has_examples_and_they_are_read() -> None:
    assert set(EXAMPLES) == set(COMMANDS)
    for name, lines in EXAMPLES.items():
        assert lines
        for line in lines:
            words = [word for word in shlex.split(line) if not word.startswith("GRAFANA_TOKEN=")]
            arguments = words[1 : words.index(">")] if ">" in words else words[1:]
            assert arguments[: len(name.split())] == name.split()
            parser().parse_args(arguments)
            assert f"\n  {line}\n" in COMMANDS[name].format_help()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    return answer.err


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_wrong_flag_is_answered_with_the_help_of_its_command(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    needed = {"backtest": ["x", "--output", "x"], "evaluate": ["x", "x"], "explain": ["x"]}
    needed |= {"grafana check": ["--url", "http://x"], "feedback add": ["real"]}
    needed |= {"feedback withdraw": ["1"], "maintenance end": ["x"], "completion": ["bash"]}
    needed |= {"changes add": ["x"], "changes remove": ["x"], "rules": ["grafana"]}
    needed |= {"size": ["--series", "10"], "store copy": ["--to", "x"]}
    said = refused(capsys, *command.split(), *needed.get(command, []), "--log.levle=info")
    assert said.startswith(f"usage: bandwatch {command} ")
    assert "\nexamples:\n" in said
    last = said.splitlines()[-1]
    assert last == (
        f"bandwatch {command}: error: unrecognized arguments: --log.levle=info; the nearest is"
        " `--log.level`"
    )


def test_a_wrong_command_is_answered_with_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "chekc")
    assert "invalid choice: 'chekc'" in said and "validate a configuration file" in said


@pytest.mark.parametrize("command", ["run", "check", "fit", "score", "preview"])
def test_a_configuration_file_is_named_in_one_way(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parser().parse_args([command]).config_file == "bandwatch.yml"
    for spelling in (["a.yml"], ["--config.file", "a.yml"], ["--config.file=a.yml"]):
        assert parser().parse_args([command, *spelling]).config_file == "a.yml"
    assert "not allowed with argument" in refused(capsys, command, "a", "--config.file", "b")


@pytest.mark.parametrize(
    ("command", "older", "newer"),
    [
        ("feedback list", "--from", "--start"),
        ("feedback list", "--to", "--end"),
        ("feedback add real", "--from", "--start"),
        ("maintenance add", "--begin", "--start"),
    ],
)
def test_an_older_name_of_a_flag_still_works(command: str, older: str, newer: str) -> None:
    words = command.split()
    assert parser().parse_args([*words, older, "x"]) == parser().parse_args([*words, newer, "x"])
    assert f"{older} " not in COMMANDS[" ".join(words[:2])].format_help()


def options(*arguments: str) -> argparse.Namespace:
    return parser().parse_args(["incidents", *arguments])


def test_a_range_is_said_in_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_795_219_200.0)
    assert listings.time_fields(options()) == {"from": "2026-11-20T00:00:00Z", "to": None}
    assert listings.time_fields(options("--since", "1h"))["from"] == "2026-11-20T23:00:00Z"
    ended = options("--since", "1h", "--end", "2026-11-20T01:00:00+01:00")
    assert listings.time_fields(ended) == {
        "from": "2026-11-19T23:00:00Z",
        "to": "2026-11-20T01:00:00+01:00",
    }
    assert listings.time_fields(options("--end", "1795219200000"))["from"] == "2026-11-20T00:00:00Z"
    exact = listings.time_fields(options("--start", "x", "--end", "y"))
    assert exact == {"from": "x", "to": "y"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--start", "x", "--since", "1h"), "both given"),
        (("--end", "noon"), "valid is a time such as 2026-11-21T03:05:00Z"),
        (("--end", "2026-11-20T01:00"), "has no time zone"),
        (("--end", "9" * 30), "valid is a time"),
    ],
)
def test_a_wrong_range_is_refused(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        listings.time_fields(options(*arguments))


def test_the_address_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BANDWATCH_URL", raising=False)
    assert flags.service(options()).url == "http://127.0.0.1:8642"
    monkeypatch.setenv("BANDWATCH_URL", "https://b.example.org/")
    assert flags.service(options()).url == "https://b.example.org"
    assert flags.service(options("--url", "http://c")).url == "http://c"
    monkeypatch.setenv("BANDWATCH_URL", "b.example.org")
    with pytest.raises(ConfigError, match="BANDWATCH_URL: found .* valid is a URL"):
        flags.service(options())


def test_a_default_file_that_is_missing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check"]) == 1
    assert "bandwatch.yml: " in capsys.readouterr().err
