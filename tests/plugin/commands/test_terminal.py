"""Tables as a terminal and a pipe show them."""

import io
import sys

import pytest

from plugin.commands import terminal

NAME = (
    'node_network_receive_bytes_total{device="eth0",instance="web-17.example.com:9100",cpu="[0]"}'
)
ROWS = [[NAME, "warming_up", "1.234e+08"], ["up", "ok", ""]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, out: io.StringIO) -> list[str]:
    monkeypatch.setenv("TERM", "dumb")  # no colours, 80 columns
    monkeypatch.setattr(sys, "stdout", out)
    terminal.table("shop", ["series", "state", "the last value"], ROWS, note="all of them")
    return out.getvalue().splitlines()


def test_in_a_pipe_a_row_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, io.StringIO())
    assert any(NAME in line and "1.234e+08" in line for line in lines)
    assert lines[0].strip() == "shop" and lines[-1].strip() == "all of them"


def test_in_a_narrow_terminal_name_and_numbers_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, Terminal())
    assert NAME in lines, "on a line of its own, so that it can be copied"
    assert any(line.split() == ["warming_up", "1.234e+08"] for line in lines)
    assert max(len(line) for line in lines if line != NAME) <= 80
    assert lines[0] == "shop" and lines[-1] == "all of them"


def told(monkeypatch: pytest.MonkeyPatch, out: io.StringIO) -> list[str]:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stdout", out)
    terminal.prose(
        ["result", "found"],
        [["FAILURE", f"[bold] {NAME} was not found"], ["ok", "all is well"]],
        [("Do this.", "for that")],
    )
    return out.getvalue().splitlines()


def test_words_in_a_pipe_are_one_line_for_each_row_and_nothing_is_read_as_markup(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = told(monkeypatch, io.StringIO())
    assert any(line.startswith(f"FAILURE   [bold] {NAME} was not found") for line in lines)
    assert lines[-2:] == ["Do this.", "  for that"]


def test_words_are_folded_in_a_narrow_terminal_and_none_is_torn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = told(monkeypatch, Terminal())
    assert all(len(line) <= 80 or line.strip() == NAME for line in lines)
    assert any(line.strip() == NAME for line in lines)
    assert " ".join(" ".join(lines).split()) == (
        f"FAILURE found [bold] {NAME} was not found ok found all is well Do this. for that"
    )


def test_what_fits_is_a_table_whose_words_are_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(sys, "stdout", out)
    text = "a text of many words " * 8
    terminal.prose(["id", "match", "text"], [["12", '{path="a b"}', text]], unfolded=("match",))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].startswith('12   {path="a b"}   a text of many words')
    assert " ".join(" ".join(lines[2:]).split()) == f'12 {{path="a b"}} {text.strip()}'


def test_texts_of_other_people_move_no_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    for out in (Terminal(), io.StringIO()):
        monkeypatch.setenv("TERM", "dumb")
        monkeypatch.setattr(sys, "stdout", out)
        terminal.prose(["name"], [["a\x1b[2Jb\nc"]], [("d\x07", "e\r")])
        terminal.table("t", ["name", "value"], [["a\x1b[2Jb", "1"]])
        assert not set(out.getvalue()) & set("\x1b\x07\r")
