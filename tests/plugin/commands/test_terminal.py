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


def test_in_a_narrow_terminal_the_name_is_folded_and_the_numbers_stay_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = shown(monkeypatch, Terminal())
    assert max(map(len, lines)) <= 80
    assert any("warming_up" in line and "1.234e+08" in line for line in lines)
    assert "".join(line.split("│")[1].strip() for line in lines if "│" in line).startswith(NAME)


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


def test_words_are_folded_in_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = told(monkeypatch, Terminal())
    assert max(map(len, lines)) <= 80 and any(
        line.startswith("ok") and "all is well" in line for line in lines
    )
    assert "not found" in "".join(line[10:].strip() + " " for line in lines)
