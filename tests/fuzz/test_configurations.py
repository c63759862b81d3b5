"""Nearly right configurations are read, or refused in the words of the project."""

import re

import pytest
from hypothesis import given

from plugin.config import Config, masked, parse
from plugin.errors import ConfigError
from tests.cpu import within
from tests.fuzz.extent import MAX_SECONDS, examples, small
from tests.fuzz.mutations import ENVIRONMENT, TESTDATA, configurations

DETECTORS = ("auto", "baseline", "lstm", "vae")
LINE = re.compile(r"x\.yml:(\d+): (?:\S[^\n]*: )?found [^\n]+; valid is [^\n]+")
MAX_CHARACTERS = 50_000  # of all messages about one file


@pytest.fixture(scope="module", autouse=True)
def _known_places() -> None:
    """Countries and time zones are read from many files, once in a process."""
    text = (TESTDATA / "good.yml").read_text()
    for wrong in (text.replace("country: AT", "country: AX"), text.replace("Europe/", "Europa/")):
        with pytest.raises(ConfigError):
            parse(wrong, file="x.yml", detectors=DETECTORS, environment=ENVIRONMENT)


@examples(usual=10_000, long=30_000)
@given(configurations())
def test_a_configuration_is_read_or_refused_with_its_place(text: str) -> None:

    @small()
    def read() -> Config | str:
        try:
            return parse(text, file="x.yml", detectors=DETECTORS, environment=ENVIRONMENT)
        except ConfigError as error:
            return str(error)

    message = within(MAX_SECONDS, read)
    if not isinstance(message, str):
        masked(message).encode()
        return
    assert len(message) < MAX_CHARACTERS
    assert "of-the-env" not in message
    last = len(text.splitlines()) + 1
    for line in message.splitlines():
        match = LINE.fullmatch(line)
        assert match and 1 <= int(match[1]) <= last, line
        assert line.isprintable()
