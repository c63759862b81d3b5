"""Every bad file of testdata with its exact messages, which are in testdata/messages.txt."""

from itertools import groupby
from pathlib import Path

import pytest

from plugin.config import load, parse
from plugin.errors import ConfigError

TESTDATA = Path(__file__).parent / "testdata"
BAD_FILES = sorted(path for path in TESTDATA.glob("*.yml") if path.name != "good.yml")
LINES = (TESTDATA / "messages.txt").read_text().splitlines()
MESSAGES = {
    name: "\n".join(lines) for name, lines in groupby(LINES, lambda line: line.split(":")[0])
}

DETECTORS = ("auto", "baseline", "lstm", "vae")
ENVIRONMENT = {"PROMETHEUS_TOKEN": "hunter2"}


def test_there_are_messages_for_exactly_the_bad_files() -> None:
    assert MESSAGES.keys() == {path.name for path in BAD_FILES}
    assert len(BAD_FILES) >= 30


@pytest.mark.parametrize("path", BAD_FILES, ids=lambda path: path.stem)
def test_a_bad_file_is_refused_in_these_words(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ConfigError) as refused:
        if path.stem == "not-utf-8":
            load(path)
        parse(text, file=path.name, detectors=DETECTORS, environment=ENVIRONMENT)
    assert str(refused.value).removeprefix(f"{TESTDATA}/") == MESSAGES[path.name]


@pytest.mark.parametrize("message", LINES)
def test_a_message_has_the_shape_and_shows_no_secret(message: str) -> None:
    place, _, rest = message.partition(": ")
    assert place.rpartition(":")[2].isdecimal()
    assert "found " in rest and "; valid is " in rest
    assert "hunter2" not in message


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "none.yml", "no such file or directory"),
        (tmp_path, "is a directory"),
    ):
        with pytest.raises(ConfigError) as refused:
            load(path)
        assert (
            str(refused.value)
            == f"{path}: found no file that can be read ({reason}); valid is a YAML file; "
            "`bandwatch check --example` prints one to start from"
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[" * 2000,
            (
                "x.yml:1: found broken YAML (too deep a nesting); valid is YAML; text with"
                " brackets, quotes, ': ' or ' #' in it goes into single quotes"
            ),
        ),
        (
            "a: &a [1]\nb: &b ["
            + ", ".join(["*a"] * 400)
            + "]\nc: ["
            + ", ".join(["*b"] * 400)
            + "]",
            "found an alias that repeats itself; valid is an alias of something finished and small",
        ),
    ],
)
def test_a_file_cannot_exhaust_the_machine(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(text, file="x.yml", detectors=DETECTORS)
    assert message in str(refused.value)
