"""What shells are given, and man pages: made from the parser, accepted by their readers."""

import re
import subprocess
from shutil import which

import pytest

from plugin.cli import main
from plugin.cli.examples import EXAMPLES
from tests.man_pages import man_pages


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def test_bash_completes_commands_flags_and_choices(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("bash", capsys)

    def completed(*words: str) -> set[str]:
        quoted = " ".join(f"'{word}'" for word in words)
        run = f"{text}\nCOMP_WORDS=({quoted})\nCOMP_CWORD={len(words) - 1}\n"
        run += "_shtab_bandwatch\nprintf '%s\\n' \"${COMPREPLY[@]}\""
        answer = subprocess.run(["bash", "-c", run], capture_output=True, text=True, check=True)
        return {word.strip() for word in answer.stdout.split()}

    assert {"incidents", "init"} <= completed("bandwatch", "in")
    assert completed("bandwatch", "maintenance", "") >= {"add", "list", "end"}
    assert completed("bandwatch", "series", "--st") == {"--state"}
    assert completed("bandwatch", "run", "--log.level", "de") == {"debug"}


@pytest.mark.skipif(which("zsh") is None, reason="no zsh on this machine")
def test_zsh_reads_its_script(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("zsh", capsys)
    subprocess.run(["zsh", "-n"], input=text, text=True, check=True)


def test_zsh_script_knows_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    text = script("zsh", capsys)
    assert (
        text.startswith("#compdef bandwatch") and "incidents:" in text and "--config.file" in text
    )


def test_there_is_a_man_page_for_each_command() -> None:
    pages = man_pages()
    names = {f"bandwatch-{name.replace(' ', '-')}.1" for name in EXAMPLES}
    assert set(pages) == {"bandwatch.1", *names}
    assert r"\-\-timezone" in pages["bandwatch-maintenance-add.1"]
    assert ".SH EXAMPLES" in pages["bandwatch-maintenance-add.1"]
    assert r"bandwatch maintenance end 805dcceec114" in pages["bandwatch-maintenance-end.1"]


@pytest.mark.skipif(which("groff") is None, reason="no groff on this machine")
def test_groff_formats_each_man_page_without_a_warning() -> None:
    text = "".join(man_pages().values())
    command = ["groff", "-man", "-Tutf8", "-ww"]
    answer = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    assert answer.stderr == ""
    assert "EXAMPLES" in re.sub(".\b", "", answer.stdout)  # bold is printed twice
